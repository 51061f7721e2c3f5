"""What must hold for every mail that the bot sends, whatever came in."""

import re
from collections.abc import Sequence
from email import message_from_bytes, policy

from tests.shapes.mails import WORD
from tests.world import Sent

MEMBERS = ("alice", "bob")
"""Those who have a key: content goes to them, encrypted, and to nobody else."""
ALWAYS = {
    "from", "to", "reply-to", "subject", "date", "message-id", "in-reply-to", "references", "auto-submitted",
    "mime-version", "content-type", "content-transfer-encoding",
}  # fmt: skip
TO_MEMBERS = {"list-id", "list-post", "x-mailbot-instance", "x-mailbot-issue"}
SUBJECTS = re.compile(
    r"\[EX-[0-9]+\] (?:new report|new mail|follow-up|internal note|reminder: no answer yet|escalated"
    r"|you are asked to coordinate"
    r"|nobody has answered yet|escalated, nobody has answered|A report is waiting for an answer|We owe you an answer"
    r"|you are asked to coordinate|nobody coordinates it|Nobody coordinates a report|a date of this issue"
    r"|We have received your report|We have received your mail, but cannot open it)(?: \(late\))?"
)
OWN_ID = re.compile(r"<[a-z2-7]{26}\.[a-z2-7]{26}@example\.org>")
# Base64 of signatures and ciphertext may spell any short word by chance.
ARMOR = re.compile(rb"\r\n\r\n[A-Za-z0-9+/=\r\n]+-----END PGP ")
FILE_NAMES = {"encrypted.asc", "signature.asc", "group-key.asc", None}


def nothing_gets_out(sent: Sequence[Sent], *secrets: str) -> None:
    """The outside of each mail is neutral, and content stands only in what is encrypted to members."""
    assert sent
    words = (WORD, *secrets)
    for one in sent:
        _outside_is_neutral(one, words)
        if one.member_id not in MEMBERS:
            _says_nothing(one, words)
        else:
            assert one.encrypted


def _outside_is_neutral(one: Sent, words: Sequence[str]) -> None:
    mail = one.mail
    names = {name.lower() for name in mail.keys()}  # noqa: SIM118 - iterating a mail gives no names
    assert names <= ALWAYS | (TO_MEMBERS if one.member_id else set()), names
    assert SUBJECTS.fullmatch(one.subject), one.subject
    assert OWN_ID.fullmatch(str(mail["Message-ID"]))
    if one.member_id:
        # Nothing of the sender's choice, not even an id.
        for name in ("In-Reply-To", "References"):
            assert mail[name] is None or OWN_ID.fullmatch(str(mail[name])), name
        for name in ("From", "To", "Reply-To"):
            assert str(mail[name]).endswith("@example.org>"), name
    head = one.raw.partition(b"\r\n\r\n")[0]
    for word in words:
        assert word.lower().encode() not in head.lower()
        assert word.lower().encode() not in ARMOR.sub(b"", one.raw).lower()
        assert word.lower() not in str(dict(mail.items())).lower()
    if one.encrypted:
        assert {part.get_filename() for part in mail.walk()} <= FILE_NAMES


def _says_nothing(one: Sent, words: Sequence[str]) -> None:
    for part in one.inside.walk():
        content = b"" if part.is_multipart() else bytes(part.get_payload(decode=True) or b"")
        for word in words:
            assert word.lower().encode() not in ARMOR.sub(b"", content.replace(b"\n", b"\r\n")).lower(), one.recipient
            assert word.lower() not in str(part.items()).lower(), one.recipient


def relay(sent: Sequence[Sent]) -> Sent:
    """The copy that alice gets."""
    return next(one for one in sent if one.member_id == "alice")


def answer(sent: Sequence[Sent], address: str = "rita@out.example") -> Sent:
    """What the reporter gets."""
    return next(one for one in sent if one.recipient == address)


def card(sent: Sequence[Sent], name: str) -> list[str]:
    """The lines of the card that begin so, with what was wrapped onto the next lines."""
    lines = re.sub(r"\n\|   ", " ", relay(sent).text).split("\n")
    return [line.removeprefix(f"| {name}: ") for line in lines if line.startswith(f"| {name}: ")]


def arrived(sent: Sequence[Sent]) -> str:
    (line,) = card(sent, "Arrived")
    return line


def enclosed(sent: Sequence[Sent]) -> dict[str, bytes]:
    """The parts of alice's copy by name: decoded, and mails byte for byte as they are attached."""
    one = relay(sent)
    _, content = one.mail.iter_parts()
    opened = one.lab.people.gpg("--decrypt", data=content.get_content())
    boundary = str(one.inside.get_boundary()).encode()
    found = {}
    for raw in opened.split(b"--" + boundary)[1:-1]:
        part = message_from_bytes(raw.removeprefix(b"\r\n"), policy=policy.SMTP)
        if name := part.get_filename():
            body = raw.split(b"\r\n\r\n", 1)[1].removesuffix(b"\r\n")
            is_mail = part.get_content_type() == "message/rfc822"
            found[name] = body if is_mail else bytes(part.get_payload(decode=True) or b"")
    return found
