"""The outside of the cage: `ports.Parser` for everybody else."""

import contextlib
import fcntl
import os
import select
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import mailbot
from mailbot.cage import protocol
from mailbot.cage.protocol import Kind, Wish
from mailbot.errors import MailFailed, TemporaryError
from mailbot.mail.bounce import Action
from mailbot.mail.structure import Structure
from mailbot.service.ports import Unreadable

WALL_SECONDS = 20.0
"""For one mail. Twice the CPU time that the worker has, so that a busy machine is not taken for a hostile mail."""

START_SECONDS = 20.0
"""Until a new worker is ready; it takes 0.05 on an idle machine."""

_PIPE_BYTES = 1 << 20
"""Capacity asked of the kernel: what most machines allow, and few wake-ups for a large mail."""

_READ_BYTES = 1 << 16
"""At a time; a usual answer fits."""

_BOOT = "import sys; sys.path.insert(0, sys.argv[1]); from mailbot.cage.worker import main; main()"


def worker_command() -> list[str]:
    """How the worker is started: isolated, without writing bytecode, and from the package that runs here."""
    return [sys.executable, "-I", "-B", "-c", _BOOT, str(Path(mailbot.__file__).resolve().parent.parent)]


class _Died(Exception):
    """The worker closed its pipe."""


class _Hung(Exception):
    """The worker did not answer in time."""


class CagedParser:
    """One persistent worker, started when it is first needed. Threads may share it: they take turns."""

    def __init__(self, *, wall_seconds: float = WALL_SECONDS, command: Sequence[str] | None = None) -> None:
        self._wall_seconds = wall_seconds
        self._command = list(command or worker_command())
        self._lock = threading.Lock()
        self._worker: _Worker | None = None

    def parse(self, raw: bytes) -> Structure:
        """As `ports.Parser.parse`; and `TemporaryError` if no worker can be started."""
        with self._lock:
            kind, payload = self._ask(Wish.STRUCTURE, raw)
            match kind:
                case Kind.STRUCTURE:
                    try:
                        return protocol.decode(payload, len(raw))
                    except ValueError as error:
                        self._kill()
                        raise MailFailed("the parser talked nonsense") from error
                case Kind.OVER_LIMIT:
                    raise Unreadable(payload.decode("ascii", "replace"))
                case _:
                    self._kill()
                    raise MailFailed(f"the parser failed with {payload[:80].decode('ascii', 'replace')}")

    def bounce(self, raw: bytes) -> Action:
        """As `ports.Parser.bounce`; and `TemporaryError` if no worker can be started."""
        with self._lock:
            try:
                kind, payload = self._ask(Wish.BOUNCE, raw)
                if kind == Kind.BOUNCE:
                    return Action(payload.decode("ascii"))
            except (MailFailed, ValueError):
                return Action.UNKNOWN
            self._kill()
            return Action.UNKNOWN

    def close(self) -> None:
        """End the worker. The next `parse` would start another one."""
        with self._lock:
            if self._worker is not None:
                self._worker.end()
                self._worker = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _ask(self, wish: Wish, raw: bytes) -> tuple[int, bytes]:
        # A worker may be killed for another reason than this mail (by the kernel, by an operator): one more try.
        for last in (False, True):
            if self._worker is not None and not self._worker.alive():
                self._kill()
            if self._worker is None:
                self._worker = _Worker(self._command)
            try:
                return self._worker.ask(wish, raw, time.monotonic() + self._wall_seconds)
            except _Hung:
                self._kill()
                raise MailFailed("the parser hung") from None
            except _Died:
                self._kill()
                if last:
                    raise MailFailed("the parser died twice") from None
            except ValueError:
                self._kill()
                raise MailFailed("the parser talked nonsense") from None
            except BaseException:
                # Half a request may be in the pipe: whatever interrupts us, this worker cannot be used again.
                self._kill()
                raise
        raise AssertionError("unreachable")

    def _kill(self) -> None:
        if self._worker is not None:
            self._worker.kill()
            self._worker = None


class _Worker:
    """A running worker process and our ends of its two pipes."""

    def __init__(self, command: list[str]) -> None:
        try:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env={},
                cwd="/",
                bufsize=0,
                # A Ctrl-C or a stop of the whole group must not take it from under a mail that is being drained.
                start_new_session=True,
            )
        except OSError as error:
            raise TemporaryError("the parser process cannot be started") from error
        assert self._process.stdin is not None  # noqa: S101
        assert self._process.stdout is not None  # noqa: S101
        self._to = self._process.stdin.fileno()
        self._from = self._process.stdout.fileno()
        for descriptor in (self._to, self._from):
            os.set_blocking(descriptor, False)
            _widen(descriptor)
        self._readable = select.poll()
        self._readable.register(self._from, select.POLLIN)
        self._writable = select.poll()
        self._writable.register(self._to, select.POLLOUT)
        try:
            ready = self._read(len(protocol.READY), time.monotonic() + START_SECONDS)
        except (_Died, _Hung):
            ready = b""
        if ready != protocol.READY:
            self.kill()
            raise TemporaryError("the parser process does not come up")

    def alive(self) -> bool:
        return self._process.poll() is None

    def ask(self, wish: Wish, raw: bytes, deadline: float) -> tuple[int, bytes]:
        """Kind and payload of the answer. Raises `_Died`, `_Hung`, and ValueError for an answer that is too long."""
        self._write([memoryview(protocol.REQUEST.pack(wish, len(raw))), memoryview(raw)], deadline)
        first = self._read(protocol.ANSWER.size, deadline)
        kind, length = protocol.ANSWER.unpack_from(first)
        if length > protocol.ANSWER_BYTES:
            raise ValueError("the answer is too long")
        payload = first[protocol.ANSWER.size :]
        if len(payload) < length:
            payload += self._read(length - len(payload), deadline)
        if len(payload) != length:
            raise ValueError("the answer is longer than it says")
        return kind, payload

    def kill(self) -> None:
        self._process.kill()
        self.end()

    def end(self) -> None:
        """Close the pipes, at which an idle worker ends by itself, and wait for it."""
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _write(self, views: list[memoryview], deadline: float) -> None:
        while views:
            try:
                written = os.writev(self._to, views)
            except BlockingIOError:
                self._wait(self._writable, deadline)
                continue
            except OSError as error:
                raise _Died from error
            while views and written >= len(views[0]):
                written -= len(views.pop(0))
            if views:
                views[0] = views[0][written:]

    def _read(self, least: int, deadline: float) -> bytes:
        """At least so many bytes, and what came with them."""
        pieces: list[bytes] = []
        missing = least
        while missing > 0:
            self._wait(self._readable, deadline)
            piece = os.read(self._from, _READ_BYTES)
            if not piece:
                raise _Died
            pieces.append(piece)
            missing -= len(piece)
        return b"".join(pieces)

    def _wait(self, poll: select.poll, deadline: float) -> None:
        remaining = deadline - time.monotonic()
        if remaining <= 0 or not poll.poll(remaining * 1000):
            raise _Hung


def _widen(pipe: int) -> None:
    # F_SETPIPE_SZ; refused beyond the user's share of pipe memory, and then the default does.
    with contextlib.suppress(OSError):
        fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
