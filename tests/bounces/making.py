"""What a dialect is given, and the parts that bounces are put together from. LF line ends; `crlf` at the end."""

from dataclasses import dataclass
from itertools import count

from mailbot.mail.bounce import Action

FAILED, DELAYED, RELAYED, UNKNOWN = Action.FAILED, Action.DELAYED, Action.RELAYED, Action.UNKNOWN
_numbers = count(1)


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a mail was not delivered, as its last hop said it."""

    reply: int
    status: str
    words: str

    @property
    def said(self) -> str:
        return f"{self.reply} {self.status} {self.words}"


REASONS = (
    Reason(550, "5.1.1", "user unknown"),
    Reason(552, "5.2.2", "mailbox is full"),
    Reason(554, "5.7.1", "access denied by policy"),
    Reason(550, "5.4.4", "unrouteable address"),
)
LATER = Reason(451, "4.4.1", "connection timed out")


@dataclass(frozen=True, slots=True)
class Returned:
    """The mail of ours that comes back."""

    recipient: str
    sender: str
    raw: str
    """With LF line ends."""

    @property
    def head(self) -> str:
        return self.raw.partition("\n\n")[0] + "\n"

    @property
    def subject(self) -> str:
        return next((line[9:] for line in self.head.splitlines() if line.startswith("Subject: ")), "")


@dataclass(frozen=True, slots=True)
class Bounce:
    """`raw` with LF line ends; `action` is what a reader must find in it, `reverse_path` what the envelope says."""

    raw: str
    action: Action
    reverse_path: str = ""

    def wire(self) -> bytes:
        return self.raw.replace("\n", "\r\n").encode("utf-8", "surrogateescape")


def head(author: str, to: str, subject: str, *fields: str) -> str:
    number = next(_numbers)
    lines = [
        f"Received: from mx{number % 9}.remote.example by front.example.org; Tue, 24 Nov 2026 09:00:00 +0000",
        f"From: {author}", f"To: {to}", f"Subject: {subject}", f"Message-ID: <b{number}@remote.example>",
        "Date: Tue, 24 Nov 2026 09:00:00 +0000", "MIME-Version: 1.0", *fields,
    ]  # fmt: skip
    return "\n".join(lines) + "\n"


def plain(text: str, charset: str = "utf-8") -> str:
    return f"Content-Type: text/plain; charset={charset}\nContent-Transfer-Encoding: 8bit\n\n{text}\n"


def parts(kind: str, *entities: str) -> str:
    border = f"=_{next(_numbers)}/remote.example"
    body = "".join(f"--{border}\n{one}\n" for one in entities)
    return f'Content-Type: multipart/{kind}; boundary="{border}"\n\nThis is a MIME mail.\n\n{body}--{border}--\n'


def report(text: str, status: str, returned: str, *, kind: str = "delivery-status") -> str:
    """multipart/report (RFC 6522) of a text, a status part and what came back."""
    entities = [plain(text), f"Content-Type: message/{kind}\n\n{status}"]
    return parts("report; report-type=delivery-status", *entities, *([returned] if returned else []))


def status(
    recipient: str, action: str, reason: Reason, *, mta: str = "dns; mx.remote.example", original: bool = False,
    kind: str = "rfc822",
) -> str:  # fmt: skip
    """RFC 3464's two groups."""
    lines = [f"Reporting-MTA: {mta}", "Arrival-Date: Tue, 24 Nov 2026 08:59:00 +0000", ""]
    if original:
        lines.append(f"Original-Recipient: {kind};{recipient}")
    lines += [
        f"Final-Recipient: {kind}; {recipient}", f"Action: {action}", f"Status: {reason.status}",
        f"Remote-MTA: dns; mail.{recipient.rpartition('@')[2]}", f"Diagnostic-Code: smtp; {reason.said}",
    ]  # fmt: skip
    return "\n".join(lines) + "\n"


def whole(returned: Returned) -> str:
    return f"Content-Type: message/rfc822\n\n{returned.raw}"


def headers(returned: Returned) -> str:
    return f"Content-Type: text/rfc822-headers\n\n{returned.head}"


def quoted(returned: Returned) -> str:
    """As old systems put it below their text."""
    return "\n".join(returned.raw.splitlines()[:60])
