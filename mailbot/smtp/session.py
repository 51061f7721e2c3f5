"""The SMTP commands (RFC 5321), and every mail that comes handed to `Site.accept`.

Extensions: PIPELINING (RFC 2920), SIZE (RFC 1870), 8BITMIME (RFC 6152), SMTPUTF8 (RFC 6531), ENHANCEDSTATUSCODES
(RFC 2034), and STARTTLS (RFC 3207) where a certificate is given. aiosmtpd reads DATA line by line, which is two thirds
of what a mail costs it, and without a bound while no CRLF comes; here it is read in the chunks that come.
"""

import asyncio

from mailbot import maillog
from mailbot.mail.envelope import Envelope, target
from mailbot.smtp.data import Data, Refusal, Refused
from mailbot.smtp.limits import CHUNK, DATA_WINDOWS
from mailbot.smtp.paths import parse
from mailbot.smtp.stream import Connection, Site


class Session(Connection):
    """aiosmtpd finds the commands by their names."""

    def __init__(self, site: Site, peer: str, loop: asyncio.AbstractEventLoop) -> None:
        self._greeted = False
        self._reverse_path = ""
        self._forward_paths: list[str] = []
        self._announced = 0
        self._recipient_refused = False
        super().__init__(site, peer, loop)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called a second time when TLS has begun: what was said before does not count (RFC 3207 4.2), and aiosmtpd
        drops what was pipelined behind STARTTLS (CVE-2011-0411)."""
        self._greeted = False
        super().connection_made(transport)

    def _set_rset_state(self) -> None:
        self.in_transaction = False
        self._reverse_path = ""
        self._forward_paths = []
        self._announced = 0
        self._recipient_refused = False

    async def smtp_HELO(self, hostname: str) -> None:
        self._greet(hostname, [])

    async def smtp_EHLO(self, hostname: str) -> None:
        extensions = ["PIPELINING", f"SIZE {self.site.limits.max_size}", "8BITMIME", "SMTPUTF8"]
        if self.tls_context and not self._tls_protocol:
            extensions.append("STARTTLS")
        self._greet(hostname, [*extensions, "ENHANCEDSTATUSCODES"])

    def _greet(self, hostname: str, extensions: list[str]) -> None:
        if not hostname:
            self._error("501 5.5.4 Your name is missing")
            return
        self._set_rset_state()
        self._greeted = True
        *lines, last = [self.hostname, *extensions]
        for line in lines:
            self._reply(f"250-{line}")
        self._reply(f"250 {last}")

    async def smtp_NOOP(self, arg: str) -> None:  # noqa: ARG002 - RFC 5321 4.1.1.9: the argument is ignored
        self._reply("250 2.0.0 OK")

    async def smtp_RSET(self, arg: str) -> None:
        if arg:
            self._error("501 5.5.4 RSET takes no argument")
            return
        self._set_rset_state()
        self._reply("250 2.0.0 OK")

    async def smtp_QUIT(self, arg: str) -> None:  # noqa: ARG002 - who wants to go may go
        self._reply("221 2.0.0 Bye")
        self._ending = True

    async def smtp_VRFY(self, arg: str | None) -> None:  # noqa: ARG002 - the same answer for everybody
        self._reply("252 2.5.0 Cannot verify, send a mail instead")

    async def smtp_HELP(self, arg: str | None) -> None:  # noqa: ARG002 - one help for all
        self._reply("214 2.0.0 See RFC 5321")

    async def smtp_EXPN(self, arg: str) -> None:  # noqa: ARG002 - there are no lists
        self._error("502 5.5.1 Not implemented")

    async def smtp_AUTH(self, arg: str | None) -> None:  # noqa: ARG002 - nobody logs in
        self._error("502 5.5.1 Not implemented")

    async def smtp_STARTTLS(self, arg: str) -> None:
        if self.tls_context is None or self._tls_protocol is not None:
            self._error("502 5.5.1 Not implemented")
        else:
            await super().smtp_STARTTLS(arg)

    async def smtp_MAIL(self, arg: str | None) -> None:
        """Parameters that were never offered are ignored: a 555 would make a front MTA bounce the report."""
        if not self._greeted:
            self._error("503 5.5.1 Say hello first")
        elif self.in_transaction:
            self._error("503 5.5.1 One mail at a time")
        elif (argument := parse(arg or "", "FROM:")) is None:
            self._error("501 5.5.4 Syntax: MAIL FROM:<address>")
        else:
            size = argument.parameters.get("SIZE", "")
            announced = int(size) if size.isascii() and size.isdigit() else 0
            if announced > self.site.limits.max_size:
                self._refuse_mail(Refused.OVER_SIZE.value)
            elif not self.site.budget.has(announced):
                self._refuse_mail(Refused.NO_MEMORY.value)
            else:
                self.in_transaction = True
                self._reverse_path = argument.path
                self._announced = announced
                self._reply("250 2.1.0 OK")

    async def smtp_RCPT(self, arg: str | None) -> None:
        if not self.in_transaction:
            self._error("503 5.5.1 Send MAIL first")
        elif (argument := parse(arg or "", "TO:")) is None or not argument.path:
            self._error("501 5.5.4 Syntax: RCPT TO:<address>")
        elif target(argument.path, self.site.local_part) is None:
            self._refuse_recipient("550 5.1.1 Unknown recipient", "unknown-recipient")
        elif len(self._forward_paths) >= self.site.limits.recipients:
            self._refuse_recipient("452 4.5.3 Too many recipients", "too-many-recipients")
        else:
            self._forward_paths.append(argument.path)
            self._reply("250 2.1.5 OK")

    def _refuse_mail(self, refusal: Refusal) -> None:
        self._refuse(refusal.reply, refusal.reason)

    def _refuse_recipient(self, reply: str, reason: str) -> None:
        """One line in the log per mail is enough; thousands would be an attack on the log."""
        if self._recipient_refused:
            self._reply(reply)
        else:
            self._recipient_refused = True
            self._refuse(reply, reason)

    async def smtp_DATA(self, arg: str) -> None:
        if arg:
            self._error("501 5.5.4 DATA takes no argument")
        elif not self.in_transaction:
            self._error("503 5.5.1 Send MAIL first")
        elif not self._forward_paths:
            self._error("554 5.5.1 No valid recipients")
        elif not self.site.budget.has(max(self._announced, 1)):
            self._refuse_mail(Refused.NO_MEMORY.value)
            self._set_rset_state()
        else:
            self._reply("354 End data with <CR><LF>.<CR><LF>")
            await self._flush()
            data = Data(self.site.limits, self.site.budget)
            try:
                if await self._receive(data):
                    await self._conclude(data)
                else:
                    self._conclude_early("421 4.4.2 Data comes too slowly", "slow-data")
            finally:
                data.discard()
                self._set_rset_state()

    async def _receive(self, data: Data) -> bool:
        """Read until the end of the data, or until it is clear that there is none; False if it comes too slowly.

        Raises `IncompleteReadError` if the peer goes away.
        """
        limits = self.site.limits
        wait, due = limits.data_grace, 0.0
        while not await self._received_within(data, wait):
            # If we ourselves were held up, what came meanwhile waits in the reader.
            if data.wire + len(self._reader._buffer) < due:  # type: ignore[attr-defined]
                return False
            wait = limits.data_grace / DATA_WINDOWS
            due = data.wire + wait * limits.data_rate
        # What the peer pipelined behind its mail are commands again.
        self._reader._buffer[:0] = data.rest  # type: ignore[attr-defined]
        return True

    async def _received_within(self, data: Data, seconds: float) -> bool:
        try:
            async with asyncio.timeout(seconds) as window:
                while not data.finished and not data.flooded:
                    chunk = await self._reader.read(CHUNK)
                    if not chunk:
                        raise asyncio.IncompleteReadError(b"", None)
                    data.feed(chunk)
                    self.active_at = self.loop.time()
        except TimeoutError:
            # The connection may have timed out as well, and that one is lost.
            if not window.expired():
                raise
            return False
        return True

    async def _conclude(self, data: Data) -> None:
        """Store the mail, or not, and say so."""
        if refusal := data.refusal:
            if data.flooded:
                self._conclude_early(refusal.reply, refusal.reason)
            else:
                maillog.refused(refusal.code, refusal.reason)
                self._replies += self._conclusion(refusal.reply)
            return
        self._storing = True
        try:
            envelope = Envelope(self._reverse_path, tuple(self._forward_paths), self.site.now(), self.peer)
            maillog.step("received-mail")
            inbox_id = await self.site.accept(envelope, data.take())
        except Exception as error:  # noqa: BLE001 - whatever prevented the storing, the peer keeps the mail and retries
            maillog.not_stored(error)
            self._replies += self._conclusion("451 4.3.0 Could not store the mail, try again later")
        else:
            maillog.accepted(inbox_id, data.size, len(self._forward_paths))
            self._replies += self._conclusion("250 2.0.0 OK")
            self._commands = self._idle_commands = self._errors = 0
        finally:
            self._storing = False
            self._reset_timeout()

    def _conclude_early(self, reply: str, reason: str) -> None:
        """Refuse data whose end will not be waited for."""
        *replies, last = self._conclusion(reply)
        self._replies += replies
        self._cut_off(last, reason)

    def _conclusion(self, reply: str) -> list[str]:
        """What the peer hears after the data; in LMTP once for each recipient."""
        return [reply]
