"""An SMTP load: N sessions that stay open, each sending one mail after the other; prints what got its 250.

A process of its own, `python -m tests.bench.load --port PORT ...`, so that its work is not counted as the server's. It
prints one JSON object. With PIPELINING (if the server offers it and ``--pipelining`` is given) a mail takes two round
trips, as with a front MTA that uses it; without, four. The mail is built once and written without a copy.
"""

import argparse
import asyncio
import json
import sys
import time
from dataclasses import asdict, dataclass
from functools import partial

_LINE = b"The parser frees the node twice when the second child is empty; see the trace.\r\n"


@dataclass(frozen=True)
class Result:
    mails: int
    """Answered 250 within the measured time."""
    seconds: float
    failed: int
    """Answered otherwise; a run with any is no measurement."""
    worst: float
    """Longest wait for a 250, in seconds."""
    answered: int
    """All 250s, also those before and after the measured time: what a server's CPU time is divided by."""

    @property
    def rate(self) -> float:
        return self.mails / self.seconds


def mail(size: int) -> bytes:
    """A plain report of `size` bytes, ready for the wire, end mark included."""
    head = b"From: <r@example.net>\r\nTo: <security@example.org>\r\nSubject: Double free in parser\r\n\r\n"
    lines, rest = divmod(size - len(head), len(_LINE))
    return head + _LINE * lines + (b"x" * max(rest - 2, 0) + b"\r\n" if rest else b"") + b".\r\n"


class _Client(asyncio.Protocol):
    """Walks one session through mail after mail, driven by the replies alone."""

    def __init__(self, load: "Load") -> None:
        self.load = load
        self.step = self._greeting
        self.buffer = b""
        self.waiting = 0
        self.ended = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def connection_lost(self, error: Exception | None) -> None:
        if not self.ended.done():
            self.ended.set_result(None)

    def data_received(self, data: bytes) -> None:
        if self.buffer:
            data = self.buffer + data
        *lines, self.buffer = data.split(b"\r\n")
        for line in lines:
            if line[3:4] != b"-":
                self.step(line)

    def _greeting(self, line: bytes) -> None:
        self.transport.write(b"%s load.example\r\n" % (b"LHLO" if self.load.lmtp else b"EHLO"))
        self.step = self._hello

    def _hello(self, line: bytes) -> None:
        if not line.startswith(b"250"):
            self._stop()
        self._next()

    def _next(self) -> None:
        if self.load.over():
            self._stop()
            return
        commands = self.load.commands
        self.transport.write(b"".join(commands) if self.load.pipelining else commands[0])
        self.waiting = 0
        self.step = self._command

    def _command(self, line: bytes) -> None:
        if not line.startswith((b"250", b"354")):
            self.load.failed += 1
            self._stop()
            return
        self.waiting += 1
        if self.waiting == len(self.load.commands):
            self.sent = time.perf_counter()
            self.transport.write(self.load.mail)
            self.step = self._data
        elif not self.load.pipelining:
            self.transport.write(self.load.commands[self.waiting])

    def _data(self, line: bytes) -> None:
        self.load.count(line.startswith(b"250"), time.perf_counter() - self.sent)
        self._next()

    def _ignore(self, line: bytes) -> None:
        """Between QUIT and the end nothing matters."""

    def _stop(self) -> None:
        self.step = self._ignore
        self.transport.write(b"QUIT\r\n")
        self.transport.close()


class Load:
    def __init__(self, size: int, sender: str, recipient: str, pipelining: bool, lmtp: bool) -> None:
        self.mail = mail(size)
        self.commands = [f"MAIL FROM:<{sender}>\r\n".encode(), f"RCPT TO:<{recipient}>\r\n".encode(), b"DATA\r\n"]
        self.pipelining = pipelining
        self.lmtp = lmtp
        self.mails = self.failed = self.answered = 0
        self.worst = 0.0
        self.start = self.end = self.last = 0.0
        self.limit = 0

    def over(self) -> bool:
        return self.failed > 0 or time.perf_counter() >= self.end or self.mails >= self.limit

    def count(self, taken: bool, waited: float) -> None:
        if not taken:
            self.failed += 1
            return
        self.answered += 1
        if self.start <= time.perf_counter() <= self.end and self.mails < self.limit:
            self.mails += 1
            self.last = time.perf_counter()
            self.worst = max(self.worst, waited)

    async def run(self, host: str, port: int, sessions: int, warm_up: float, seconds: float, mails: int) -> Result:
        """Load for `warm_up` seconds uncounted, then until `seconds` are over or `mails` counted (0: no limit)."""
        loop = asyncio.get_running_loop()
        self.start = self.last = time.perf_counter() + warm_up
        self.end = self.start + seconds
        self.limit = mails or sys.maxsize
        connections = [await loop.create_connection(partial(_Client, self), host, port) for _ in range(sessions)]
        await asyncio.gather(*(client.ended for _, client in connections))
        return Result(self.mails, max(self.last - self.start, 1e-9), self.failed, self.worst, self.answered)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--sessions", type=int, default=50)
    parser.add_argument("--size", type=int, default=20_000)
    parser.add_argument("--warm-up", type=float, default=1.0)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--mails", type=int, default=0, help="stop after so many (0: only by time)")
    parser.add_argument("--sender", default="reporter@example.net")
    parser.add_argument("--recipient", default="security@example.org")
    parser.add_argument("--pipelining", action="store_true")
    parser.add_argument("--lmtp", action="store_true")
    options = parser.parse_args()
    load = Load(options.size, options.sender, options.recipient, options.pipelining, options.lmtp)
    result = asyncio.run(
        load.run(options.host, options.port, options.sessions, options.warm_up, options.seconds, options.mails)
    )
    print(json.dumps(asdict(result) | {"rate": round(result.rate, 1)}))
    return 1 if result.failed else 0


if __name__ == "__main__":
    sys.exit(main())
