"""The mails of the story, as their senders' mail programs would write them."""

from datetime import UTC, datetime
from email.encoders import encode_7or8bit
from email.message import EmailMessage, Message
from email.mime.application import MIMEApplication
from email.mime.multipart import MIMEMultipart
from email.policy import SMTP
from email.utils import format_datetime

from mailbot.demo.cast import GROUP_ADDRESS, OTTO, RITA, Person
from mailbot.demo.desk import Desk

PLAIN_WORDS = ("config parser", "backslash", "bad.conf")
ENCRYPTED_WORDS = ("frame decoder", "use-after-free", "demo-length", "spray.py")
"""What stands in the plain and in the encrypted report and nowhere else, to look for it where it must not be."""

_PLAIN_SUBJECT = "Out-of-bounds read in the config parser"
_PLAIN = """\
Hello,

example-tool 4.2 reads one byte past its buffer when the last line of a
config file ends in a backslash:

    printf 'name = a\\\\' > bad.conf && example-tool --config bad.conf

AddressSanitizer says heap-buffer-overflow, READ of size 1. Whoever can
hand the tool a file can crash it. I have told nobody else.

Rita
"""

_ENCRYPTED_SUBJECT = "Use after free in the frame decoder, remote code execution"
_ENCRYPTED = """\
Hi,

example-tool 4.2 keeps a pointer into the old buffer when a second frame
arrives with a smaller length field. The use-after-free gives control of
the instruction pointer; the attached script shows it in about one try
of three:

    python spray.py --demo-length 12 127.0.0.1

Every version since 3.0 has it. I would like to publish in 90 days.

Otto
"""
CLAIM = "/claim\n"
ANSWER = """\
/reply

Hello Rita,

thank you. We can see it too, and a fix is being reviewed. You will hear
from us again by the end of the week.

> [[ internal to the group - not for the reporter ]]
> | Owner: nobody yet
"""
_SCRIPT = b"#!/usr/bin/env python3\n# A harmless stand-in for a proof of concept.\nprint('demo')\n"


def plain() -> bytes:
    """Rita's: no OpenPGP at all."""
    mail = EmailMessage(policy=SMTP)
    _address(mail, RITA, _PLAIN_SUBJECT, "plain")
    mail.set_content(_PLAIN)
    return mail.as_bytes()


def encrypted(desk: Desk) -> bytes:
    """Otto's: PGP/MIME (RFC 3156), signed and encrypted in one, the real subject inside."""
    inside = EmailMessage(policy=SMTP)
    inside["Subject"] = _ENCRYPTED_SUBJECT
    inside.set_content(_ENCRYPTED)
    inside.add_attachment(_SCRIPT, maintype="text", subtype="x-python", filename="spray.py")
    inside.set_param("protected-headers", "v1")
    outside = MIMEMultipart("encrypted", protocol="application/pgp-encrypted")
    _address(outside, OTTO, "...", "encrypted")
    outside.attach(MIMEApplication(b"Version: 1\n", "pgp-encrypted", encode_7or8bit))
    outside.attach(MIMEApplication(desk.seal(inside.as_bytes()), "octet-stream", encode_7or8bit))
    return outside.as_bytes(policy=SMTP)


def command(desk: Desk, issue: str, text: str, name: str) -> bytes:
    """A member's mail about an issue: signed, encrypted, the subject inside, and commands on top of the text."""
    inside = EmailMessage(policy=SMTP)
    inside["Subject"] = f"Re: [{issue}] {_PLAIN_SUBJECT}"
    inside.set_content(text)
    inside.set_param("protected-headers", "v1")
    outside = MIMEMultipart("encrypted", protocol="application/pgp-encrypted")
    _address(outside, desk.person, "...", name)
    outside.attach(MIMEApplication(b"Version: 1\n", "pgp-encrypted", encode_7or8bit))
    outside.attach(MIMEApplication(desk.seal(inside.as_bytes()), "octet-stream", encode_7or8bit))
    return outside.as_bytes(policy=SMTP)


def _address(mail: Message, author: Person, subject: str, name: str) -> None:
    mail["From"] = f"{author.name} <{author.address}>"
    mail["To"] = GROUP_ADDRESS
    mail["Subject"] = subject
    mail["Date"] = format_datetime(datetime.now(UTC))
    mail["Message-ID"] = f"<{name}.demo@{author.address.partition('@')[2]}>"
