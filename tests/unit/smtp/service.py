"""A listener on loopback with an in-memory store, and a client that sends exactly what a test says."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, Literal

from mailbot.mail.envelope import Envelope
from mailbot.smtp.listener import Accept, Limits, Listener

NOW = datetime(2026, 11, 5, 9, 30, tzinfo=UTC)
LOCAL_PART = "security"
HOSTNAME = "mx.example.org"
Protocol = Literal["smtp", "lmtp"]
PATIENCE = 20.0
"""Seconds after which a test that waits for the listener fails instead of hanging."""


class Peer:
    """One connection to the listener."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    def send(self, data: bytes) -> None:
        self.writer.write(data)

    async def line(self) -> str:
        """One line of a reply without its line end; "" once the listener has closed."""
        line = await asyncio.wait_for(self.reader.readline(), PATIENCE)
        assert line == b"" or line.endswith(b"\r\n")
        return line.decode("ascii").removesuffix("\r\n")

    async def reply(self) -> str:
        """One reply, its lines joined by LF; "" once the listener has closed."""
        lines = [await self.line()]
        while lines[-1][3:4] == "-":
            lines.append(await self.line())
        return "\n".join(lines)

    async def say(self, command: str) -> str:
        self.send(f"{command}\r\n".encode())
        return await self.reply()

    async def begin(self, sender: str = "r@example.net", recipient: str = "security@example.org") -> None:
        """Greeting to 354: what a well-behaved client says before a mail."""
        assert (await self.reply()).startswith("220 ")
        assert (await self.say("EHLO client.example")).startswith("250-")
        await self.mail(sender, recipient)

    async def mail(self, sender: str = "r@example.net", recipient: str = "security@example.org") -> None:
        assert await self.say(f"MAIL FROM:<{sender}>") == "250 2.1.0 OK"
        assert await self.say(f"RCPT TO:<{recipient}>") == "250 2.1.5 OK"
        assert (await self.say("DATA")).startswith("354 ")

    async def closed(self) -> bool:
        """Wait until the listener has closed, which it must without a further word."""
        return await self.line() == ""

    async def start_tls(self, context: ssl.SSLContext) -> None:
        await self.writer.start_tls(context)

    def close(self) -> None:
        self.writer.close()


class Service:
    def __init__(self, listener: Listener, sock: socket.socket, mails: list[tuple[Envelope, bytes]]) -> None:
        self.listener = listener
        self.address = sock.getsockname()
        self.mails = mails
        self.peers: list[Peer] = []

    @property
    def port(self) -> int:
        return int(self.address[1])

    async def connect(self) -> Peer:
        if isinstance(self.address, str):
            streams = await asyncio.open_unix_connection(self.address)
        else:
            streams = await asyncio.open_connection(*self.address[:2])
        self.peers.append(Peer(*streams))
        return self.peers[-1]

    async def one_ended(self) -> None:
        """Wait until the listener has done with one of its connections."""
        await asyncio.wait(self.listener._sessions.values(), return_when=asyncio.FIRST_COMPLETED)


@asynccontextmanager
async def serving(
    *,
    accept: Accept | None = None,
    protocol: Protocol = "smtp",
    sock: socket.socket | None = None,
    tls: ssl.SSLContext | None = None,
    grace: float = 0.0,
    **limits: Any,
) -> AsyncIterator[Service]:
    """A running listener. Mails go to `Service.mails`, and to `accept` first if there is one."""
    mails: list[tuple[Envelope, bytes]] = []

    async def keep(envelope: Envelope, raw: bytes) -> int:
        if accept is not None:
            await accept(envelope, raw)
        mails.append((envelope, raw))
        return len(mails)

    sock = sock or socket.create_server(("127.0.0.1", 0))
    listener = Listener(LOCAL_PART, HOSTNAME, keep, lambda: NOW, Limits(**limits), protocol, tls)
    service = Service(listener, sock, mails)
    await listener.start([sock])
    try:
        yield service
    finally:
        await listener.stop(grace)
        for peer in service.peers:
            peer.close()


MAIL = b"Subject: Double free\r\n\r\nSee attachment.\r\n"
END = b".\r\n"


def run_with_patience(scenario: Coroutine[Any, Any, None]) -> None:
    """Run a coroutine, and fail if it hangs."""

    async def bounded() -> None:
        async with asyncio.timeout(PATIENCE):
            await scenario

    asyncio.run(bounded())


class Gate:
    """An `accept` that waits until it is opened."""

    def __init__(self) -> None:
        self.entered = asyncio.Event()
        self.open = asyncio.Event()

    async def __call__(self, envelope: Envelope, raw: bytes) -> int:
        self.entered.set()
        await self.open.wait()
        return 1
