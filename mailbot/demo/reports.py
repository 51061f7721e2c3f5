"""The two mails that start the story, as their senders' mail programs would write them."""

from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from datetime import UTC, datetime

from mailbot.demo.cast import GROUP_ADDRESS, OTTO, RITA, Person
from mailbot.demo.desk import Desk

PLAIN_WORDS = ("config parser", "backslash", "bad.conf")
SECRET_WORDS = ("frame decoder", "use-after-free", "demo-length", "spray.py")
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

_SECRET_SUBJECT = "Use after free in the frame decoder, remote code execution"
_SECRET = """\
Hi,

example-tool 4.2 keeps a pointer into the old buffer when a second frame
arrives with a smaller length field. The use-after-free gives control of
the instruction pointer; the attached script shows it in about one try
of three:

    python spray.py --demo-length 12 127.0.0.1

Every version since 3.0 has it. I would like to publish in 90 days.

Otto
"""
_SCRIPT = b"#!/usr/bin/env python3\n# A harmless stand-in for a proof of concept.\nprint('demo')\n"


def plain() -> bytes:
    """Rita's: no OpenPGP at all."""
    mail = _headed(RITA, _PLAIN_SUBJECT, "plain")
    mail.set_content(_PLAIN)
    return mail.as_bytes()


def encrypted(desk: Desk) -> bytes:
    """Otto's: PGP/MIME (RFC 3156), signed and encrypted in one, the real subject inside."""
    inside = EmailMessage(policy=SMTP)
    inside["Subject"] = _SECRET_SUBJECT
    inside.set_content(_SECRET)
    inside.add_attachment(_SCRIPT, maintype="text", subtype="x-python", filename="spray.py")
    inside.set_param("protected-headers", "v1")
    outside = _headed(OTTO, "...", "encrypted")
    outside["Content-Type"] = 'multipart/encrypted; protocol="application/pgp-encrypted"; boundary="demo-boundary"'
    lines = (
        b"--demo-boundary", b"Content-Type: application/pgp-encrypted", b"", b"Version: 1", b"",
        b"--demo-boundary", b'Content-Type: application/octet-stream; name="encrypted.asc"', b"",
        desk.seal(inside.as_bytes()), b"--demo-boundary--", b"",
    )  # fmt: skip
    return outside.as_bytes() + b"\r\n".join(lines)


def _headed(author: Person, subject: str, name: str) -> EmailMessage:
    mail = EmailMessage(policy=SMTP)
    mail["From"] = f"{author.name} <{author.address}>"
    mail["To"] = GROUP_ADDRESS
    mail["Subject"] = subject
    mail["Date"] = format_datetime(datetime.now(UTC))
    mail["Message-ID"] = f"<{name}.demo@{author.address.partition('@')[2]}>"
    return mail
