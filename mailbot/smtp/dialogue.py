"""Commands and replies on an open session, once STARTTLS and login are over.

aiosmtplib reads one reply for one command and drops what comes in between. The replies to pipelined commands
(RFC 2920) come together, so that from here on asyncio's own reader has the connection.
"""

import asyncio
import re
from typing import Any, NamedTuple

import aiosmtplib
from aiosmtplib import SMTPException, SMTPServerDisconnected

from mailbot.smtp.smarthost import hang_up

_LINE_LIMIT = 8192
"""Bytes of a reply's line. RFC 5321 4.5.3.1.5 has 512; asyncio holds at most twice this of what nobody asked for."""
_LINES = 100
"""Of one reply; servers send a few."""
_REPLY = re.compile(rb"(\d{3})(?:([ -])(.*))?", re.DOTALL)


class Reply(NamedTuple):
    code: int
    message: str


class _Protocol(asyncio.StreamReaderProtocol):
    def eof_received(self) -> bool:
        """A server that has closed its end will not answer any more: close ours, instead of waiting half-closed."""
        super().eof_received()
        return False


class Dialogue:
    """Every method but `abort` raises `SMTPException` or `OSError` if the other side is gone or talks no SMTP."""

    def __init__(self, client: aiosmtplib.SMTP) -> None:
        self._client = client
        transport: Any = client.transport
        loop = asyncio.get_running_loop()
        self._reader = asyncio.StreamReader(limit=_LINE_LIMIT, loop=loop)
        protocol = _Protocol(self._reader, loop=loop)
        transport.set_protocol(protocol)
        protocol.connection_made(transport)
        self._transport = transport
        # It lives as long as the connection because newer Pythons close the transport of a writer that is thrown away.
        self._writer = asyncio.StreamWriter(transport, protocol, self._reader, loop)

    @property
    def alive(self) -> bool:
        return not self._transport.is_closing()

    @property
    def encrypted(self) -> bool:
        return self.alive and self._transport.get_extra_info("sslcontext") is not None

    @property
    def unread(self) -> bool:
        """Something has come that nobody has read yet. StreamReader has no public look at its buffer."""
        return bool(self._reader._buffer)  # type: ignore[attr-defined]

    def write(self, data: bytes) -> None:
        if not self.alive:
            raise SMTPServerDisconnected("Connection lost")
        self._writer.write(data)

    async def drain(self) -> None:
        """Wait until there is room to write more."""
        await self._writer.drain()

    async def reply(self, seconds: float | None) -> Reply:
        """The next reply, its lines joined; `TimeoutError` if it does not come in time."""
        async with asyncio.timeout(seconds):
            texts: list[str] = []
            while len(texts) < _LINES:
                match = _REPLY.fullmatch(await self._line())
                if match is None:
                    break
                texts.append((match[3] or b"").decode("utf-8", "surrogateescape").strip())
                if match[2] != b"-":
                    return Reply(int(match[1]), "\n".join(texts))
        raise SMTPException("a reply that is no SMTP")

    def abort(self) -> None:
        """Close at once, whatever is under way."""
        hang_up(self._client)

    async def _line(self) -> bytes:
        try:
            return (await self._reader.readuntil(b"\n")).rstrip(b"\r\n")
        except asyncio.IncompleteReadError:
            raise SMTPServerDisconnected("Connection lost") from None
        except asyncio.LimitOverrunError:
            raise SMTPException("a reply that is no SMTP") from None
