"""One connection: lines in, replies out, time limits and errors. What the commands mean is `session`'s business.

aiosmtpd gives the asyncio plumbing and STARTTLS. What it does per command is replaced here, because it

- writes addresses and whatever else the peer sent to its log, and the text of errors to the peer;
- ends the session, and with it the storing of a complete mail, when the peer closes its end;
- counts no errors, and answers pipelined commands one packet each.

Replies to pipelined commands (RFC 2920) are collected and leave together before the session waits for more.
"""

import asyncio
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from aiosmtpd.smtp import SMTP, TLSSetupException

from mailbot import maillog
from mailbot.mail.envelope import Envelope
from mailbot.smtp import limits as bounds
from mailbot.smtp.limits import Budget, Limits

_LINGER = 2.0
"""Seconds in which a peer that is still sending, or that reads slowly, may take our last reply before it is cut off."""
_NOT_SMTP = frozenset({"GET", "POST", "PUT", "HEAD", "OPTIONS", "CONNECT"})
"""A web client that was tricked into talking to us; its body must not be read as commands."""
_IDLE_COMMANDS = frozenset({"HELO", "EHLO", "LHLO", "NOOP", "RSET", "VRFY", "EXPN", "HELP"})


class Accept(Protocol):
    """Stores one mail. Returns its inbox id once it is durable; whatever it raises makes the reply a generic 451."""

    async def __call__(self, envelope: Envelope, raw: bytes) -> int: ...


@dataclass(frozen=True)
class Site:
    """What all connections of a listener share."""

    local_part: str
    hostname: str
    accept: Accept
    now: Callable[[], datetime]
    limits: Limits
    budget: Budget
    tls: ssl.SSLContext | None = None


class Connection(SMTP):
    """Serves one peer until it ends; the task that does so is made in `connection_made`.

    Subclasses add commands: ``async def smtp_NAME(self, arg)``, which reply with `_reply`, `_error` or `_refuse`.
    """

    line_length_limit = bounds.ENDLESS_LINE  # aiosmtpd makes it the limit of its StreamReader
    greeting = "ESMTP"

    def __init__(self, site: Site, peer: str, loop: asyncio.AbstractEventLoop) -> None:
        self.site = site
        self.peer = peer
        self.active_at = 0.0
        """Loop time of the last sign of life."""
        self.in_transaction = False
        """Whether a mail has begun (MAIL was accepted) and has not ended."""
        self._draining = False
        self._storing = False
        self._ending = False
        self._still_sending = False
        self._replies: list[str] = []
        self._commands = self._idle_commands = self._errors = 0
        super().__init__(
            None,
            data_size_limit=site.limits.max_size,
            enable_SMTPUTF8=True,
            hostname=site.hostname,
            tls_context=site.tls,
            timeout=site.limits.idle,
            loop=loop,
        )

    def task(self) -> asyncio.Task[None]:
        """What serves the peer; it outlives the connection while a mail is being stored. No property, because aiosmtpd
        evaluates those while it builds the object."""
        assert self._handler_coroutine is not None  # noqa: S101 - set since connection_made
        return self._handler_coroutine

    def drain(self) -> None:
        """Finish the mail that has begun, if any, then say goodbye."""
        self._draining = True
        if not self.in_transaction:
            self.dismiss("421 4.3.2 Service is shutting down")

    def dismiss(self, reply: str) -> None:
        """Close the connection now, with a last reply."""
        if not self._ending:
            self._ending = True
            self._reply(reply)
            self._hang_up()

    # What aiosmtpd and asyncio call

    def connection_lost(self, error: Exception | None) -> None:
        """Let the task end by itself: aiosmtpd would cancel it, and a complete mail might be half stored."""
        self._ending = True
        if self._timeout_handle is not None:
            self._timeout_handle.cancel()
        if self._original_transport is not None:
            self._original_transport.close()
        asyncio.StreamReaderProtocol.connection_lost(self, error)
        self.transport = None

    def eof_received(self) -> bool:
        """A client may send everything and close its end; what it sent is still answered. Not so with TLS, where
        asyncio knows no half-closed connection."""
        asyncio.StreamReaderProtocol.eof_received(self)
        return self.session is not None and self.session.ssl is None

    def _reset_timeout(self, duration: float | None = None) -> None:
        """Note that the peer is alive. One timer serves the whole connection: a new one per command costs more."""
        self.active_at = self.loop.time()
        if self._timeout_handle is None:
            self._timeout_handle = self.loop.call_later(duration or self.site.limits.idle, self._timeout_cb)

    def _timeout_cb(self) -> None:
        idle = self.site.limits.idle
        left = idle if self._storing else self.active_at + idle - self.loop.time()
        if left > 0:
            self._timeout_handle = self.loop.call_later(left, self._timeout_cb)
        else:
            self.dismiss("421 4.4.2 Idle for too long")

    async def push(self, status: str | bytes) -> None:
        """How aiosmtpd's own STARTTLS replies: at once."""
        self._reply(status if isinstance(status, str) else status.decode("ascii"))
        await self._flush()

    async def handle_exception(self, error: Exception) -> str:
        maillog.trouble("smtp session", error)
        return "451 4.3.0 Local error, try again later"

    async def _handle_client(self) -> None:
        try:
            self._reply(f"220 {self.hostname} {self.greeting}")
            while not self._ending:
                await self._serve_line()
                if self._still_sending:
                    await self._linger()
        except (OSError, asyncio.IncompleteReadError, TLSSetupException):
            # The peer is gone, or could not agree on TLS. Nothing is owed to it: a mail is ours only after its 250.
            self._ending = True
        finally:
            self._hang_up()

    # Replies

    def _reply(self, text: str) -> None:
        self._replies.append(text)

    def _error(self, reply: str) -> None:
        """The peer did something wrong; after some of it the connection ends."""
        self._errors += 1
        self._reply(reply)

    def _refuse(self, reply: str, reason: str) -> None:
        """`reason` is a fixed word of ours for the log."""
        maillog.refused(int(reply[:3]), reason)
        self._reply(reply)

    def _send(self) -> None:
        if self._replies and self.transport is not None:
            self._writer.write("".join(f"{reply}\r\n" for reply in self._replies).encode("ascii"))
        self._replies.clear()

    async def _flush(self) -> None:
        """Send what is collected, and wait while the peer does not read."""
        if self._replies:
            self._send()
            await self._writer.drain()

    def _cut_off(self, reply: str, reason: str) -> None:
        """Refuse a peer that does not stop sending."""
        self._refuse(reply, reason)
        self._ending = self._still_sending = True

    async def _linger(self) -> None:
        """Read a little longer: closing now would make the kernel send a reset, and the reply would be lost."""
        self._send()
        if self.session is not None and self.session.ssl is None:
            self._writer.write_eof()
        try:
            async with asyncio.timeout(_LINGER):
                while await self._reader.read(bounds.CHUNK):
                    continue
        except TimeoutError:
            self._writer.transport.abort()

    def _hang_up(self) -> None:
        self._send()
        if self.transport is not None:
            self._writer.close()
            # close() waits until the peer has read what is still unsent, for ever if need be.
            if self._writer.transport.get_write_buffer_size():
                self.loop.call_later(_LINGER, self._writer.transport.abort)

    # Commands

    async def _serve_line(self) -> None:
        await self._take_turn()
        try:
            line = await self._reader.readuntil(b"\n")
        except asyncio.LimitOverrunError:
            self._cut_off("500 5.5.2 Line is too long", "endless-line")
            return
        if len(line) > bounds.COMMAND_LINE:
            self._error("500 5.5.2 Line is too long")
        else:
            await self._serve_command(line)
        if (
            self._errors >= bounds.ERRORS
            or self._idle_commands >= bounds.IDLE_COMMANDS
            or self._commands >= bounds.COMMANDS
        ):
            self._cut_off("421 4.7.0 Too many commands", "too-many-commands")
        elif self._draining and not self.in_transaction:
            self.dismiss("421 4.3.2 Service is shutting down")

    async def _take_turn(self) -> None:
        """Send replies before waiting for the peer; let other connections have their turn if it pipelines a lot."""
        self._commands += 1
        # StreamReader has no public look at its buffer; aiosmtpd reaches into it as well.
        if b"\n" not in self._reader._buffer:  # type: ignore[attr-defined]
            await self._flush()
        elif self._commands % bounds.TURN == 0:
            await self._flush()
            await asyncio.sleep(0)

    async def _serve_command(self, line: bytes) -> None:
        # Bytes that are no UTF-8 become U+FFFD: nobody has such an address, and it must not make a later step fail.
        name, _, argument = line.decode("utf-8", "replace").rstrip("\r\n").partition(" ")
        name = name.upper()
        method = self._smtp_methods.get(name)
        if method is None:
            self._unknown_command(name)
            return
        self._reset_timeout()
        self._idle_commands += name in _IDLE_COMMANDS
        try:
            await method(argument.strip(" "))
        except (OSError, asyncio.IncompleteReadError, TLSSetupException):
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, the peer hears 451 and the connection goes on
            self._reply(await self.handle_exception(error))

    def _unknown_command(self, name: str) -> None:
        if name in _NOT_SMTP:
            self._cut_off("421 4.7.0 This is not a web server", "not-smtp")
        else:
            self._error("500 5.5.1 Command not recognized")
