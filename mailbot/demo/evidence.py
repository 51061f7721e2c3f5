"""What must be true of everything that was sent and written, looked at afterwards from outside the bot."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from mailbot.demo.cast import ANSWERING, Kind, Role
from mailbot.demo.playbill import Check, Received
from mailbot.demo.reports import ENCRYPTED_WORDS, PLAIN_WORDS

AUDIT = "mailbot audit verify"
OPERATOR_ASKS = ("mailbot issue list", AUDIT)
"""What the operator types in the end."""

_NOT_FOR_RITA = ("/reply", "internal", "Owner", ">", ANSWERING.name)
_WORDS = tuple(word.lower() for word in (*PLAIN_WORDS, *ENCRYPTED_WORDS))


def gathered(received: Sequence[Received], files: Iterable[Path], answers: Mapping[str, str]) -> list[Check]:
    """`files` are all that the bot wrote; `answers` what the operator's commands printed."""
    to_key_holders = [mail for mail in received if mail.person.role is Role.MEMBER and mail.person.has_key]
    relays = [mail for mail in to_key_holders if mail.expected and mail.expected.kind is Kind.RELAY]
    return [
        Check(
            "every mail to a member with a key is encrypted; no other mail is",
            all(mail.shown.encrypted == (mail in to_key_holders) for mail in received),
        ),
        Check(
            "every mail is signed by the group's key, and the signature is good",
            all(mail.shown.signature == "good" for mail in received),
        ),
        Check(
            "members with a key can read the text of both reports; the mail as it came is attached",
            all(_tells(mail.shown.text.encode()) and "original.eml" in mail.shown.attachments for mail in relays),
        ),
        Check(
            "outside the encryption no mail tells a word of either report",
            not any(_tells(_in_clear(mail)) for mail in received),
        ),
        Check(
            "the bot's log, database and temporary files hold no word of either report",
            not any(_tells(path.read_bytes()) for path in files if path.is_file()),
        ),
        Check(
            "the answer to the reporter is the member's own words, without command, quote or name",
            all(
                mail.shown.text.startswith("Hello Rita,") and not any(word in mail.shown.text for word in _NOT_FOR_RITA)
                for mail in received
                if mail.person.role is Role.REPORTER and mail.expected and mail.expected.kind is Kind.ANSWER
            ),
        ),
        Check("the log of changes is whole", answers.get(AUDIT, "").startswith("ok")),
    ]


def _in_clear(mail: Received) -> bytes:
    """All that anybody on the way could read, transfer encodings undone."""
    shown = mail.shown
    text = "" if shown.encrypted else f"{shown.subject}\n{shown.text}"
    return b"\n".join([mail.raw, shown.outer_subject.encode(), text.encode()])


def _tells(data: bytes) -> bool:
    lowered = data.lower()
    return any(word.encode() in lowered for word in _WORDS)
