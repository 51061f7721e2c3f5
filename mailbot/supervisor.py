"""The parent process of `mailbot serve`: it starts the roles and keeps them running.

It opens no database and reads no mail. It binds the listening sockets once (so that a restarted listener misses no
connection), *exec*s one process per role, says ``mailbot ready`` when all are up, restarts what dies with a back-off,
passes SIGHUP on, and on SIGTERM or SIGINT lets all drain. The roles see its death by the end of a channel, and end.

A start is mostly imports, so the first role's process begins with its own while this one still reads the config, and
the others follow when it is up: a listener that came up beside three others would take its first mail later.

A channel is a socket pair to one process. Down it go its orders, once: how many listeners share what is allowed, as a
number, with the listening sockets (SCM_RIGHTS). Up comes ``ready``.
"""

import math
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
from typing import TYPE_CHECKING

from mailbot import maillog
from mailbot.errors import ConfigError
from mailbot.occupancy import share
from mailbot.systemd import Notifier

if TYPE_CHECKING:
    from mailbot.config import Listener, Settings

_MEMORY = {"MALLOC_MMAP_THRESHOLD_": str(1 << 20)}
"""glibc keeps freed blocks for later unless they had their own mapping, and learns to give large ones none: a process
that handled one large mail would hold several times its size. Fixed, every block over 1 MiB has its own."""

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
    channel: socket.socket | None = None
    started: float = 0.0
    restart_at: float = math.inf
    """When it is started, if it does not run; infinite while that waits for something else."""
    pause: float = field(default=RESTART_SECONDS[0])


def bind(listener: "Listener") -> list[socket.socket]:
    """The sockets that the config asks for. Raises `ConfigError` that says why one cannot be had."""
    if listener.socket is not None:
        path = listener.socket
        try:
            if path.is_socket():
                path.unlink()
            unix = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            unix.bind(str(path))
            # As open as a port on this machine is: the mail server runs as another user. What stands around it, a
            # directory, decides who may come here.
            path.chmod(0o666)
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
    def __init__(self, config_path: Path, roles: Sequence[str]) -> None:
        self._config_path = config_path
        self._settings: Settings
        self._sockets: list[socket.socket] = []
        self._children = [_Child(role) for role in roles]
        self._share = 1
        self._selector = selectors.DefaultSelector()
        self._announced = False
        self._systemd = Notifier()
        self._stopping = False
        self._failed = False

    def run(self) -> int:
        """Serve until a signal says stop. Returns the exit code: 0 after a clean drain. Raises `ConfigError`."""
        first = self._children[0]
        self._spawn(first)
        try:
            self._configure()
        except BaseException:
            # It waits for its orders and has opened nothing yet.
            self._kill(first)
            raise
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
        self._order(first)
        while not self._stopping:
            for key, _ in self._selector.select(self._until_next_start()):
                if key.fileobj is wake_read:
                    self._signals(wake_read.recv(64))
                else:
                    self._heard(key.data)
            self._reap()
            if first.ready or first.process is None:
                self._release()
            self._start_due()
            if self._announced:
                self._systemd.alive()
        return self._drain()

    def _configure(self) -> None:
        from mailbot.config import load

        self._settings = load(self._config_path)
        # For as long as this process lives: whoever changes the seal key must find no bot running.
        self._occupied = share(Path(self._settings.storage.database.removeprefix("sqlite:///")).parent)
        listener = self._settings.listener
        if any(child.role == "listener" for child in self._children):
            self._sockets = bind(listener)
            self._share = listener.processes
            self._children += [_Child("listener") for _ in range(listener.processes - 1)]

    def _spawn(self, child: _Child) -> None:
        ours, theirs = socket.socketpair()
        command = [sys.executable, "-m", "mailbot.roles", child.role, str(self._config_path), str(theirs.fileno())]
        child.process = subprocess.Popen(
            command, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL, env={**os.environ, **_MEMORY}
        )
        theirs.close()
        child.channel = ours
        child.started = time.monotonic()
        child.ready = False

    def _order(self, child: _Child) -> None:
        """Tell a spawned process to begin."""
        if child.channel is None:
            return
        self._selector.register(child.channel, selectors.EVENT_READ, child)
        listening = [one.fileno() for one in self._sockets] if child.role == "listener" else []
        try:
            socket.send_fds(child.channel, [str(self._share).encode()], listening)
        except BrokenPipeError:
            self._forget_channel(child)  # it has ended already: that is seen, and mended, in a moment

    def _heard(self, child: _Child) -> None:
        """A process says that it is ready, or has closed its end."""
        if child.channel is None:
            return
        try:
            said = child.channel.recv(16)
        except ConnectionResetError:
            said = b""
        if not said:
            self._forget_channel(child)
        child.ready = child.ready or said == b"ready"
        if not self._announced and all(one.ready for one in self._children):
            self._announced = True
            sys.stdout.write("mailbot ready\n")
            sys.stdout.flush()
            self._systemd.ready()

    def _forget_channel(self, child: _Child) -> None:
        if child.channel is not None:
            self._selector.unregister(child.channel)
            child.channel.close()
            child.channel = None

    def _release(self) -> None:
        """The first process is up, or it failed: the others need not wait for it any longer."""
        for child in self._children:
            if child.process is None and child.restart_at == math.inf:
                child.restart_at = 0.0

    def _signals(self, numbers: bytes) -> None:
        for number in numbers:
            if number in (signal.SIGTERM, signal.SIGINT):
                self._stopping = True
            elif number == signal.SIGHUP:
                self._reload()

    def _reload(self) -> None:
        """Each role reads the file itself; it is checked here first, so that a bad one is said once and loudly."""
        from mailbot.config import load
        from mailbot.reloading import need_restart

        self._systemd.reloading()
        try:
            settings = load(self._config_path)
        except ConfigError as error:
            maillog.config_refused(str(error))
            self._systemd.status("config not reloaded, the old one stays: see the log")
        else:
            # Against what the roles were started with, so that it is said again until the restart.
            waiting = sorted(need_restart(self._settings, settings))
            maillog.config_reloaded(waiting)
            self._systemd.status(f"config reloaded{'; some of it needs a restart: see the log' if waiting else ''}")
            self._signal_all(signal.SIGHUP)
        self._systemd.ready()

    def _reap(self) -> None:
        for child in self._children:
            if child.process is None or child.process.poll() is None:
                continue
            code = child.process.returncode
            child.process = None
            child.ready = False
            self._forget_channel(child)
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

    def _start_due(self) -> None:
        for child in self._children:
            if child.process is None and not self._stopping and time.monotonic() >= child.restart_at:
                self._spawn(child)
                self._order(child)

    def _until_next_start(self) -> float | None:
        pending = [child.restart_at for child in self._children if child.process is None]
        soonest = max(0.0, min(pending, default=math.inf) - time.monotonic())
        soonest = min(soonest, self._systemd.alive_every or math.inf)
        return None if soonest == math.inf else soonest

    @staticmethod
    def _kill(child: _Child) -> None:
        if child.process is not None:
            child.process.kill()
            child.process.wait()

    def _signal_all(self, number: int) -> None:
        for child in self._children:
            if child.process is not None:
                child.process.send_signal(number)

    def _drain(self) -> int:
        maillog.lifecycle("stopping: letting everything finish")
        self._systemd.stopping()
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
