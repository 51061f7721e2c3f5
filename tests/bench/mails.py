"""Reports as they come over SMTP, each different from the others."""

import smtplib
from collections.abc import Iterable

from tests.bench.parsing import HEADER
from tests.openpgp_keys import Home

PLAIN_BYTES = 20_000
_LINE = b"The function foo_parse() in src/foo.c copies the length field unchecked.\r\n"
_TEXT = b"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"


def plain(number: int, size: int = PLAIN_BYTES) -> bytes:
    """A plain report of about `size` bytes with the header fields that a mail really has."""
    head = _distinct(HEADER, number) + _TEXT
    return head + _LINE * ((size - len(head)) // len(_LINE))


def encrypted(number: int, people: Home) -> bytes:
    """A report encrypted to the group and signed by its reporter, as PGP/MIME (RFC 3156)."""
    inside = _TEXT + _LINE * (PLAIN_BYTES // len(_LINE)) + b"number %d\r\n" % number
    return around(number, people.encrypt(inside, [people.fingerprints["group"]], by="reporter"))


def around(number: int, armored: bytes) -> bytes:
    """A PGP/MIME mail around a ciphertext."""
    return (
        _distinct(HEADER, number)
        + b'Content-Type: multipart/encrypted; protocol="application/pgp-encrypted"; boundary=b\r\n\r\n'
        + b"--b\r\nContent-Type: application/pgp-encrypted\r\n\r\nVersion: 1\r\n\r\n"
        + b"--b\r\nContent-Type: application/octet-stream; name=encrypted.asc\r\n\r\n"
        + armored.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
        + b"--b--\r\n"
    )


def sender(number: int) -> str:
    return f"joerg{number}@example.com"


def hand_in(port: int, numbered: Iterable[tuple[int, bytes]]) -> None:
    """Send mails over SMTP, one after the other on one connection; returns after the last 250."""
    with smtplib.SMTP("127.0.0.1", port, timeout=60) as smtp:
        for number, raw in numbered:
            smtp.sendmail(sender(number), ["security@example.org"], raw)


def _distinct(header: bytes, number: int) -> bytes:
    return header.replace(b"<1@example.com>", b"<%d@example.com>" % number).replace(
        b"joerg@example.com", sender(number).encode()
    )
