"""One session with the smarthost, used for many mails, one at a time.

In: one mail. Out: an `Answer`, what the smarthost said of that mail. `SmarthostDown` says that it is itself in
trouble, which is no fault of the mail; `StaleConnection` that a used connection ended before this mail was looked at,
so that a fresh one should be tried at once.

Every step has a time limit. aiosmtplib's own DATA is not used: it rewrites line ends, copies the mail three times and
does not hear what the server says before the end.
"""

import asyncio
import contextlib
import re
from collections.abc import Callable
from typing import Any

import aiosmtplib
from aiosmtplib import SMTPException, SMTPServerDisconnected

from mailbot.mail import international
from mailbot.service.outgoing import Outcome, OutgoingMail
from mailbot.smtp.dialogue import Dialogue, Reply
from mailbot.smtp.dotstuffing import BLOCK, Survey, stuffed, survey
from mailbot.smtp.replies import (
    OUT_OF_STEP,
    Answer,
    DialogueBroken,
    ReplyRefused,
    SmarthostRefused,
    SmarthostUnreachable,
    Stage,
    StaleConnection,
    judge,
)
from mailbot.smtp.smarthost import Limits, Smarthost, open_session

_UNSAFE = re.compile(r"[\x00-\x20\x7f<>]")
"""RFC 5321 allows some of these in quoted local parts; nobody uses them, and here they could end the command early."""

_ENVID = re.compile(r"[A-Za-z0-9.-]{1,100}")
"""RFC 3461 4.4 allows 100 characters; these need no encoding as xtext."""

# First digits of the replies that let us go on: RFC 5321 4.2 asks clients to go by the first digit.
_DONE = 2
_GO_ON = 3
_NOTHING_YET = 0


def mail_options(mail: OutgoingMail, content: Survey, extensions: dict[str, str]) -> tuple[bytes, ...]:
    """The parameters of MAIL.

    BODY (RFC 6152): what mailbot writes is 7bit, all of it (see `service.posting`), so that no server on the way has a
    reason to re-encode what is signed. SIZE (RFC 1870). SMTPUTF8 (RFC 6531) if an address needs it; the header fields
    are ASCII even then. RET and ENVID (RFC 3461 4.3 and 4.4): of a mail that comes back, only the header section does,
    with the token that its bounce address has.
    """
    options: tuple[bytes, ...] = ()
    if content.eight_bit and "8bitmime" in extensions:
        options += (b"BODY=8BITMIME",)
    if "size" in extensions:
        options += (b"SIZE=%d" % mail.size,)
    if "smtputf8" in extensions and not (mail.sender.isascii() and mail.recipient.isascii()):
        options += (b"SMTPUTF8",)
    if "dsn" in extensions and mail.sender:
        options += (b"RET=HDRS",)
        extension = mail.sender.rpartition("@")[0].partition("+")[2]
        if _ENVID.fullmatch(extension):
            options += (b"ENVID=" + extension.encode("ascii"),)
    return options


def recipient_options(mail: OutgoingMail, extensions: dict[str, str]) -> tuple[bytes, ...]:
    """The parameters of RCPT. NOTIFY (RFC 3461 4.1): a delay is nobody's business, and a success is none either."""
    return (b"NOTIFY=FAILURE",) if "dsn" in extensions and mail.sender else ()


class Connection:
    """An open session. Used by one mail at a time."""

    def __init__(self, client: aiosmtplib.SMTP, limits: Limits) -> None:
        """Raises `SmarthostUnreachable` if the client is no longer connected."""
        if client.transport is None or client.transport.is_closing():
            raise SmarthostUnreachable("connect: the connection was closed at once")
        self._dialogue = Dialogue(client)
        self._limits = limits
        self.extensions = dict(client.esmtp_extensions)
        """What the smarthost offers (RFC 5321 2.2), names in lower case, with what stands behind them."""
        self._dirty = False
        self.mails = 0
        """How many mails it was used for."""

    @property
    def alive(self) -> bool:
        return self._dialogue.alive

    @property
    def encrypted(self) -> bool:
        return self._dialogue.encrypted

    @classmethod
    async def open(cls, smarthost: Smarthost, limits: Limits) -> "Connection":
        """Connect, greet, and start TLS as configured. Raises `SmarthostDown`."""
        return cls(await open_session(smarthost, limits), limits)

    async def send(self, mail: OutgoingMail, served: Callable[[], None]) -> Answer:
        """Hand one mail over; `served` is called as soon as the smarthost lets its transaction begin.

        Raises `SmarthostDown` and `StaleConnection`; after either the connection is closed.
        """
        content = await survey(mail.headers, mail.body)
        used = self.mails > 0
        self.mails += 1
        try:
            return self._unsendable(mail, content) or await self._transaction(mail, content, served)
        except DialogueBroken as broken:
            self.abort()
            if broken.stage not in (Stage.RSET, Stage.MAIL):
                return Answer(Outcome.DEFERRED, None, broken.text)
            if used:
                raise StaleConnection(broken.text) from broken
            raise SmarthostUnreachable(broken.text, during_mail=True) from broken
        except ReplyRefused as refused:
            if refused.stage is Stage.RSET:
                self.abort()
                raise StaleConnection(refused.text) from refused
            outcome = judge(refused.code)
            if outcome is Outcome.POSTPONED or refused.code == OUT_OF_STEP or not 400 <= refused.code <= 599:
                self.abort()
            if outcome is Outcome.FAILED and refused.about_size:
                outcome = Outcome.TOO_LARGE
            if outcome is not Outcome.POSTPONED:
                return Answer(outcome, refused.code, refused.text)
            if used and refused.stage is Stage.MAIL:
                raise StaleConnection(refused.text) from refused
            raise SmarthostRefused(refused.text, refused.code, during_mail=True) from refused
        except BaseException:
            self.abort()
            raise

    async def quit(self) -> None:
        """Say goodbye and close. Raises nothing."""
        with contextlib.suppress(SMTPException, OSError):
            self._dialogue.write(b"QUIT\r\n")
            await self._dialogue.reply(self._limits.quit)
        self.abort()

    def abort(self) -> None:
        """Close at once, whatever is under way."""
        self._dialogue.abort()

    def _unsendable(self, mail: OutgoingMail, content: Survey) -> Answer | None:
        """Why this mail can never go out this way, found without asking the smarthost."""
        outcome = Outcome.FAILED
        limit = self.extensions.get("size", "").strip()
        if content.bare_line_end:
            reason = "the mail holds a bare CR or LF, which must not be sent"
        elif limit.isascii() and limit.isdigit() and 0 < int(limit) < mail.size:
            outcome = Outcome.TOO_LARGE
            reason = f"the mail has {mail.size} bytes and the smarthost takes at most {int(limit)}"
        elif not mail.recipient or _UNSAFE.search(mail.sender + mail.recipient):
            reason = "an envelope address is empty or holds characters that SMTP cannot carry"
        elif self._path(mail.sender) is None or self._path(mail.recipient) is None:
            reason = "the address needs SMTPUTF8, which the smarthost does not offer"
        else:
            return None
        return Answer(outcome, None, reason)

    async def _transaction(self, mail: OutgoingMail, content: Survey, served: Callable[[], None]) -> Answer:
        if self._dirty:
            await self._command(Stage.RSET, b"RSET")
        sender, recipient = self._path(mail.sender) or b"", self._path(mail.recipient) or b""
        begin = b" ".join([b"MAIL FROM:<%s>" % sender, *mail_options(mail, content, self.extensions)])
        to = b" ".join([b"RCPT TO:<%s>" % recipient, *recipient_options(mail, self.extensions)])
        # Until the smarthost has taken the mail, a transaction is left over that only RSET ends.
        self._dirty = True
        if "pipelining" in self.extensions:
            await self._together(begin, to, served)
        else:
            await self._command(Stage.MAIL, begin)
            served()
            await self._command(Stage.RCPT, to)
            await self._command(Stage.DATA, b"DATA", expected=_GO_ON)
        try:
            response = await self._content(mail)
        except (SMTPException, OSError) as error:
            raise DialogueBroken(Stage.CONTENT, error) from error
        _check(Stage.CONTENT, response, _DONE)
        self._dirty = False
        return Answer(Outcome.SENT, response.code)

    def _path(self, address: str) -> bytes | None:
        """The address on the wire; without SMTPUTF8 its domain with A-labels, and None if that is not enough."""
        try:
            if address.isascii() or "smtputf8" in self.extensions:
                return address.encode()
        except UnicodeError:
            return None
        local, _, domain = address.rpartition("@")
        ascii_domain = international.ascii_domain(domain)
        return f"{local}@{ascii_domain}".encode("ascii") if local.isascii() and ascii_domain is not None else None

    async def _together(self, begin: bytes, to: bytes, served: Callable[[], None]) -> None:
        """MAIL, RCPT and DATA in one packet (RFC 2920). Every one is answered, also those that the first refusal made
        senseless; it is the one that counts."""
        self._write(Stage.MAIL, begin + b"\r\n" + to + b"\r\nDATA\r\n")
        refused: ReplyRefused | None = None
        for stage, expected in ((Stage.MAIL, _DONE), (Stage.RCPT, _DONE), (Stage.DATA, _GO_ON)):
            try:
                _check(stage, await self._reply(stage), expected)
            except ReplyRefused as error:
                refused = refused or error
            except DialogueBroken:
                if refused is None:
                    raise
                self.abort()
                break
            else:
                if stage is Stage.MAIL:
                    served()
                elif stage is Stage.DATA and refused is not None:
                    # It waits for a mail that must not come now.
                    self.abort()
        if refused is not None:
            raise refused

    async def _command(self, stage: Stage, command: bytes, expected: int = _DONE) -> None:
        self._write(stage, command + b"\r\n")
        _check(stage, await self._reply(stage), expected)

    def _write(self, stage: Stage, data: bytes) -> None:
        try:
            if self._dialogue.unread:
                # An answer that nobody asked for would be taken for the answer to this command.
                raise SMTPException("the smarthost sent more replies than it was asked for")
            self._dialogue.write(data)
        except (SMTPException, OSError) as error:
            raise DialogueBroken(stage, error) from error

    async def _reply(self, stage: Stage) -> Reply:
        try:
            return await self._dialogue.reply(self._limits.command)
        except (SMTPException, OSError) as error:
            raise DialogueBroken(stage, error) from error

    async def _content(self, mail: OutgoingMail) -> Reply:
        """Transfer the mail and wait for the verdict."""
        if not self.alive or self._dialogue.unread:
            raise SMTPServerDisconnected("the smarthost answered before the mail was sent")
        blocks = stuffed(mail.headers, mail.body)
        if mail.size <= BLOCK:
            self._dialogue.write(b"".join(blocks))
            return await self._dialogue.reply(self._limits.content)
        # Reading begins before the mail has gone: a server may refuse it half-way, and then stop reading.
        verdict = asyncio.ensure_future(self._dialogue.reply(None))
        try:
            async with asyncio.timeout(self._limits.command + mail.size / self._limits.slowest):
                await asyncio.sleep(0)
                for block in blocks:
                    self._dialogue.write(block)
                    await self._drained(verdict)
            async with asyncio.timeout(self._limits.content):
                return await verdict
        finally:
            _dispose(verdict)

    async def _drained(self, verdict: "asyncio.Future[Reply]") -> None:
        """Wait until there is room for the next block. Raises if the server answers or goes away before the end."""
        drain = asyncio.ensure_future(self._dialogue.drain())
        waiting: set[asyncio.Future[Any]] = {drain, verdict}
        try:
            done, _ = await asyncio.wait(waiting, timeout=self._limits.command, return_when=asyncio.FIRST_COMPLETED)
            if verdict in done:
                # The rest of the mail would be read as commands.
                response = verdict.result()
                self.abort()
                _check(Stage.CONTENT, response, _NOTHING_YET)
            if not done:
                raise TimeoutError
            drain.result()
        finally:
            _dispose(drain)


def _dispose(future: "asyncio.Future[Any]") -> None:
    """Nobody will ask for its outcome any more; asyncio must not complain that nobody did."""
    if not future.cancel() and not future.cancelled():
        future.exception()


def _check(stage: Stage, response: Reply, expected: int) -> None:
    if response.code // 100 == expected:
        return
    if not 200 <= response.code <= 599:
        raise DialogueBroken(stage, SMTPException("a reply that is no SMTP"))
    raise ReplyRefused(stage, response.code, response.message)
