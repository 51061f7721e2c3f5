"""The parent process of `mailbot serve`: it starts the roles and keeps them running.

It opens no database and reads no mail. It binds the listening sockets once (so that a restarted listener misses no
connection), *exec*s one process per role, says ``mailbot ready`` when all are up, restarts what dies with a back-off,
passes SIGHUP on, and on SIGTERM or SIGINT lets all drain. The roles see its death by the end of a pipe, and end.
"""

import os
import selectors
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from mailbot import maillog
from mailbot.config import Listener, Settings, load
from mailbot.errors import ConfigError

ROLES = ("listener", "worker", "delivery", "scheduler")

DRAIN_SECONDS = 45.0
"""How long a role may take to finish what it is doing; longer than one gpg call may (30 s)."""
RESTART_SECONDS = (0.1, 10.0)
"""The first and the longest pause before a role that died is started again; doubled in between."""
HEALTHY_SECONDS = 30.0
"""A role that ran so long starts with the first pause again."""


@dataclass(slots=True)
class _Child:
    role: str
    process: subprocess.Popen[bytes] | None = None
    ready: bool = False
    ready_fd: int = -1
    started: float = 0.0
    restart_at: float = 0.0
    pause: float = field(default=RESTART_SECONDS[0])


def bind(listener: Listener) -> list[socket.socket]:
    """The sockets that the config asks for. Raises `ConfigError` that says why one cannot be had."""
    if listener.socket is not None:
        path = listener.socket
        try:
            if path.is_socket():
                path.unlink()
            unix = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            unix.bind(str(path))
        except OSError as error:
            raise ConfigError(f"listener.socket: cannot listen on {path}: {error.strerror}") from None
        unix.listen(1024)
        return [unix]
    try:
        found = socket.getaddrinfo(listener.host, listener.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        sockets = []
        for family, kind, protocol, _, address in dict.fromkeys(found):
            one = socket.socket(family, kind, protocol)
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            one.bind(address)
            one.listen(1024)
            sockets.append(one)
    except OSError as error:
        raise ConfigError(
            f"listener.host, listener.port: cannot listen on {listener.host} port {listener.port}: {error.strerror}"
        ) from None
    return sockets


class Supervisor:
    def __init__(self, config_path: Path, settings: Settings, roles: Sequence[str]) -> None:
        self._config_path = config_path
        self._sockets = bind(settings.listener) if "listener" in roles else []
        names = [role for role in roles for _ in range(settings.listener.processes if role == "listener" else 1)]
        self._children = [_Child(role) for role in names]
        self._share = settings.listener.processes
        self._selector = selectors.DefaultSelector()
        self._life_read, self._life_write = os.pipe()
        self._announced = False
        self._stopping = False
        self._failed = False

    def run(self) -> int:
        """Serve until a signal says stop. Returns the exit code: 0 after a clean drain."""
        wake_read, wake_write = socket.socketpair()
        wake_read.setblocking(False)
        wake_write.setblocking(False)
        signal.set_wakeup_fd(wake_write.fileno())
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD):
            signal.signal(number, lambda *_: None)
        self._selector.register(wake_read, selectors.EVENT_READ)
        for one in self._sockets:
            name = one.getsockname()
            maillog.listening(name if isinstance(name, str) else f"{name[0]} port {name[1]}")
        for child in self._children:
            self._start(child)
        while not self._stopping:
            for key, _ in self._selector.select(self._until_next_restart()):
                if key.fileobj is wake_read:
                    self._signals(wake_read.recv(64))
                else:
                    self._became_ready(key.data)
            self._reap()
            self._restart_due()
        return self._drain()

    def _start(self, child: _Child) -> None:
        ready_read, ready_write = os.pipe()
        listen = [one.fileno() for one in self._sockets] if child.role == "listener" else []
        command = [
            sys.executable, "-m", "mailbot.roles", child.role, str(self._config_path),
            str(self._life_read), str(ready_write), str(self._share), *(str(fd) for fd in listen),
        ]  # fmt: skip
        child.process = subprocess.Popen(
            command, pass_fds=[self._life_read, ready_write, *listen], stdin=subprocess.DEVNULL
        )
        os.close(ready_write)
        child.started = time.monotonic()
        child.ready = False
        child.ready_fd = ready_read
        self._selector.register(ready_read, selectors.EVENT_READ, child)

    def _became_ready(self, child: _Child) -> None:
        said = os.read(child.ready_fd, 16)
        self._forget_ready(child)
        child.ready = child.ready or said.startswith(b"ready")
        if not self._announced and all(one.ready for one in self._children):
            self._announced = True
            sys.stdout.write("mailbot ready\n")
            sys.stdout.flush()

    def _forget_ready(self, child: _Child) -> None:
        if child.ready_fd >= 0:
            self._selector.unregister(child.ready_fd)
            os.close(child.ready_fd)
            child.ready_fd = -1

    def _signals(self, numbers: bytes) -> None:
        for number in numbers:
            if number in (signal.SIGTERM, signal.SIGINT):
                self._stopping = True
            elif number == signal.SIGHUP:
                self._reload()

    def _reload(self) -> None:
        """Each role reads the file itself; it is checked here first, so that a bad one is said once and loudly."""
        try:
            load(self._config_path)
        except ConfigError as error:
            maillog.config_refused(str(error))
            return
        maillog.lifecycle("config reloaded")
        self._signal_all(signal.SIGHUP)

    def _reap(self) -> None:
        for child in self._children:
            if child.process is None or child.process.poll() is None:
                continue
            code = child.process.returncode
            child.process = None
            self._forget_ready(child)
            if code == 2 and not self._announced:
                # Its config error is already on stderr, and trying again would only repeat it.
                self._stopping = True
                self._failed = True
                return
            now = time.monotonic()
            if now - child.started > HEALTHY_SECONDS:
                child.pause = RESTART_SECONDS[0]
            maillog.lifecycle(f"{child.role} ended with {code}, starting it again in {child.pause:.1f} s")
            child.restart_at = now + child.pause
            child.pause = min(child.pause * 2, RESTART_SECONDS[1])

    def _restart_due(self) -> None:
        for child in self._children:
            if child.process is None and not self._stopping and time.monotonic() >= child.restart_at:
                self._start(child)

    def _until_next_restart(self) -> float | None:
        pending = [child.restart_at for child in self._children if child.process is None]
        return max(0.0, min(pending) - time.monotonic()) if pending else None

    def _signal_all(self, number: int) -> None:
        for child in self._children:
            if child.process is not None:
                child.process.send_signal(number)

    def _drain(self) -> int:
        maillog.lifecycle("stopping: letting everything finish")
        for one in self._sockets:
            one.close()
        self._signal_all(signal.SIGTERM)
        deadline = time.monotonic() + DRAIN_SECONDS
        clean = not self._failed
        for child in self._children:
            if child.process is None:
                continue
            try:
                child.process.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                child.process.kill()
                child.process.wait()
                clean = False
                maillog.lifecycle(f"{child.role} did not finish in time and was ended; its work will be repeated")
        maillog.lifecycle("stopped")
        return 0 if clean else 2 if self._failed else 1
