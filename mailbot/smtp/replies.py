"""What the smarthost's replies mean, and how they are told. Pure.

The one distinction that matters: is it about this mail, or about the smarthost and our session with it? Only the first
counts against a mail.
"""

import os
import re
from dataclasses import dataclass
from enum import StrEnum

from mailbot.errors import TemporaryError
from mailbot.service.outgoing import Outcome

_TEXT_LENGTH = 500
"""Replies are kept for people to read; servers send a line or two."""


class Stage(StrEnum):
    """Where in the session a reply belongs; also what the operator reads."""

    CONNECT = "connect"
    EHLO = "EHLO"
    STARTTLS = "STARTTLS"
    AUTH = "AUTH"
    RSET = "RSET"
    MAIL = "MAIL FROM"
    RCPT = "RCPT TO"
    DATA = "DATA"
    CONTENT = "end of the mail"


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of one mail on one connection."""

    outcome: Outcome
    code: int | None = None
    text: str = ""


_SESSION_CODES = frozenset({421, 530, 534, 535, 538})
"""421 is the service closing (RFC 5321 3.8); the others ask for AUTH or encryption (RFC 4954 6, RFC 3207 4): they are
about our session, whatever mail happens to be in it."""
OUT_OF_STEP = 503
"""Bad sequence of commands: the two sides disagree about the session, not about the mail."""


def judge(code: int) -> Outcome:
    """What a refusal during a mail's transaction means: FAILED, DEFERRED, or POSTPONED for the smarthost's trouble.

    What is not known to be permanent is temporary.
    """
    if code in _SESSION_CODES:
        return Outcome.POSTPONED
    if 500 <= code <= 599 and code != OUT_OF_STEP:
        return Outcome.FAILED
    return Outcome.DEFERRED


_TOO_LARGE = re.compile(r"\b5\.(?:3\.4|2\.3)\b")
"""Message too big for the system, and for the mailbox (RFC 3463 3.4 and 3.3)."""
_ENHANCED = re.compile(r"\b5\.\d{1,3}\.\d{1,3}\b")


def about_size(stage: Stage, code: int, text: str) -> bool:
    """Whether a permanent refusal is because the mail is large: by its enhanced status or, where it has none, by 552 to
    the SIZE that MAIL announced (RFC 1870 6.1). A full mailbox has the same 552."""
    if _TOO_LARGE.search(text):
        return 500 <= code <= 599
    return code == 552 and stage is Stage.MAIL and not _ENHANCED.search(text)


class SmarthostDown(TemporaryError):
    """The smarthost does not serve anybody now. The text is for the operator and may quote it: never logged."""

    def __init__(self, text: str, code: int | None = None, *, during_mail: bool = False) -> None:
        super().__init__(text)
        self.text = text
        self.code = code
        self.during_mail = during_mail
        """It happened while a mail was being sent: that mail should let others go first next time."""


class SmarthostUnreachable(SmarthostDown):
    """No connection, or it ended or fell silent before a mail was looked at."""


class SmarthostRefused(SmarthostDown):
    """It answered, and said that it will not serve us: 421, a refused EHLO, a missing AUTH."""


class TlsUnavailable(SmarthostDown):
    """TLS is required and the smarthost does not offer it, or the handshake failed: nothing was sent in clear."""


class CertificateRefused(SmarthostDown):
    """TLS is required and the certificate is not to be trusted for this name: nothing was sent."""


class LoginUnavailable(SmarthostDown):
    """There is a login in the config, and the smarthost takes none, or a file cannot be read: nothing was sent."""


class LoginRefused(SmarthostDown):
    """The smarthost does not accept the user or the password."""


class StaleConnection(TemporaryError):
    """A used connection turned out to be closed, or was closed on our next MAIL: no mail is to blame."""


class ReplyRefused(Exception):
    """A reply that is not the expected one."""

    def __init__(self, stage: Stage, code: int, message: str) -> None:
        super().__init__(stage)
        self.stage = stage
        self.code = code
        self.text = quoted(stage, code, message)
        self.about_size = about_size(stage, code, message)


class DialogueBroken(Exception):
    """The dialogue ended without a usable reply: silence, a lost connection, or something that is no SMTP."""

    def __init__(self, stage: Stage, error: Exception) -> None:
        super().__init__(stage)
        self.stage = stage
        self.text = explained(stage, error)


def quoted(stage: Stage, code: int, message: str) -> str:
    """A reply as one line, such as ``RCPT TO: 550 5.1.1 no such user``."""
    if not 200 <= code <= 599:
        return f"{stage}: a reply that is no SMTP"
    return _one_line(f"{stage}: {code} {message}")


def explained(stage: Stage, error: Exception) -> str:
    """Why there was no reply, as one line."""
    if isinstance(error, TimeoutError):
        return f"{stage}: no answer in time"
    cause = error.__cause__ if isinstance(error.__cause__, OSError) else error
    if isinstance(cause, OSError) and cause.errno is not None and cause.errno > 0:
        # asyncio's own texts are about calls; the system's say what is wrong.
        return f"{stage}: {os.strerror(cause.errno)}"
    return _one_line(f"{stage}: {str(cause) or type(cause).__name__}")


def _one_line(text: str) -> str:
    clean = "".join(character if character.isprintable() else " " for character in text)
    return " ".join(clean.split())[:_TEXT_LENGTH]
