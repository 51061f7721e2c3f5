"""The pipes between us and one child process: written to and read from side by side, until a deadline.

In go pieces of bytes, out comes what the child wrote; nothing is held twice. One thread does it all, so that any number
of calls can run at once.
"""

import io
import os
import selectors
import subprocess
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress

STATUS_LIMIT = 1_000_000
"""Bytes of status lines: 10,000 signatures or recipients. No honest mail comes near."""
_NOTES_LIMIT = 100_000
_CHUNK = 1 << 16


class Pipes:
    """The pipes of one call. What is written to the child and read from it, by name."""

    def __init__(self) -> None:
        self._inputs: dict[int, Iterator[bytes]] = {}
        self._outputs: dict[int, str] = {}
        self._child_ends: dict[str, int] = {}
        self._texts: dict[str, bytearray] = {"status": bytearray(), "notes": bytearray()}

    def __enter__(self) -> "Pipes":
        return self

    def __exit__(self, *_: object) -> None:
        for descriptor in (*self._inputs, *self._outputs, *self._child_ends.values()):
            os.close(descriptor)

    def writer(self, name: str, pieces: Iterable[bytes]) -> int:
        """Open a pipe to the child, through which `pieces` will go; the child's end of it."""
        child, ours = os.pipe()
        self._inputs[ours] = iter(pieces)
        self._child_ends[name] = child
        os.set_blocking(ours, False)
        return child

    def reader(self, name: str) -> int:
        """Open a pipe from the child; the child's end of it."""
        ours, child = os.pipe()
        self._outputs[ours] = name
        self._child_ends[name] = child
        return child

    def passed(self) -> tuple[int, ...]:
        """The descriptors that the child gets beside the three standard ones."""
        return tuple(end for name, end in self._child_ends.items() if name not in ("data", "output", "notes"))

    def text(self, name: str) -> str:
        return self._texts[name].decode("utf-8", "replace")

    def converse(self, deadline: float, limit: int, crlf: bool, status_limit: int = STATUS_LIMIT) -> tuple[bytes, bool]:
        """Write and read until the child has closed its ends; the output, and whether it or the status went over its
        limit.

        Raises TimeoutError at `deadline` (of `time.monotonic`).
        """
        for descriptor in self._child_ends.values():
            os.close(descriptor)
        self._child_ends.clear()
        # BytesIO grows without copying what it holds, and getvalue() hands its buffer out as it is.
        output = io.BytesIO()
        with selectors.PollSelector() as ready:
            for descriptor, pieces in self._inputs.items():
                ready.register(descriptor, selectors.EVENT_WRITE, Feed(descriptor, pieces))
            for descriptor in self._outputs:
                ready.register(descriptor, selectors.EVENT_READ)
            while ready.get_map():
                events = ready.select(max(0.0, deadline - time.monotonic()))
                if not events and time.monotonic() >= deadline:
                    raise TimeoutError
                for key, _ in events:
                    if key.data is not None:
                        more = key.data.write()
                    else:
                        more = self._read(key.fd, output, crlf)
                        if output.tell() > limit or len(self._texts["status"]) > status_limit:
                            return b"", True
                    if not more:
                        ready.unregister(key.fd)
                        self._inputs.pop(key.fd, None)
                        self._outputs.pop(key.fd, None)
                        os.close(key.fd)
        return output.getvalue(), False

    def _read(self, descriptor: int, output: io.BytesIO, crlf: bool) -> bool:
        chunk = os.read(descriptor, _CHUNK)
        name = self._outputs[descriptor]
        if name == "output":
            output.write(chunk.replace(b"\n", b"\r\n") if crlf else chunk)
        elif name == "status" or len(self._texts[name]) < _NOTES_LIMIT:
            self._texts[name] += chunk
        return bool(chunk)


class Feed:
    """Writes pieces to a pipe that does not block, as much as it takes each time."""

    def __init__(self, descriptor: int, pieces: Iterator[bytes]) -> None:
        self._descriptor = descriptor
        self._pieces = pieces
        self._rest = memoryview(b"")

    def write(self) -> bool:
        """False when all is written, or the child wants no more of it."""
        while not self._rest:
            piece = next(self._pieces, None)
            if piece is None:
                return False
            self._rest = memoryview(piece)
        try:
            self._rest = self._rest[os.write(self._descriptor, self._rest) :]
        except BlockingIOError:
            return True
        except BrokenPipeError:
            # gpg has its reasons, and its status lines say them.
            return False
        return True


def wait(process: "subprocess.Popen[bytes]", deadline: float) -> None:
    """Wait for the end of a process that has closed its pipes. Raises TimeoutError at `deadline`."""
    if process.poll() is not None:
        return
    remaining = max(0.1, deadline - time.monotonic())
    descriptor = -1
    # Not everywhere is there pidfd_open (Linux 5.3), and some containers forbid it.
    with suppress(AttributeError, OSError):
        descriptor = os.pidfd_open(process.pid)
    if descriptor == -1:
        try:
            process.wait(remaining)
        except subprocess.TimeoutExpired:
            raise TimeoutError from None
        return
    # wait() with a time limit sleeps between looks, 0.5 ms and more: a tenth of a whole call.
    try:
        with selectors.PollSelector() as ready:
            ready.register(descriptor, selectors.EVENT_READ)
            if not ready.select(remaining):
                raise TimeoutError
    finally:
        os.close(descriptor)
    process.wait()
