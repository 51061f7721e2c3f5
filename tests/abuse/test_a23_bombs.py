"""A14, A23 to A25: mail that unpacks or unfolds without end; a member's mail that is encrypted but not signed."""

import zlib
from collections.abc import Callable

import pytest

from tests.abuse.victim import MEMBERS, Victim, recipients, to
from tests.openpgp_keys import Lab
from tests.world import mail

MEBI = 1 << 20


def gibibyte_of_zeros() -> bytes:
    """An OpenPGP packet of compressed data (RFC 9580 5.6, ZIP) that unpacks to 1 GiB, in a megabyte: one mebibyte of
    zeros, compressed up to a byte's end, and repeated."""
    size = 1024 * MEBI
    literal = b"\xcb\xff" + (size + 6).to_bytes(4, "big") + b"b\x00" + bytes(4)  # new format, length in five octets
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    start = packer.compress(literal) + packer.flush(zlib.Z_FULL_FLUSH)
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    block = packer.compress(bytes(MEBI)) + packer.flush(zlib.Z_FULL_FLUSH)
    body = b"\x01" + start + block * 1024 + packer.flush(zlib.Z_FINISH)
    return b"\xc8\xff" + len(body).to_bytes(4, "big") + body


def pgp_mime(armor: bytes, number: str) -> bytes:
    return (
        b"From: rita@out.example\r\nMessage-ID: <%b@out.example>\r\nMIME-Version: 1.0\r\n"
        b'Content-Type: multipart/encrypted; protocol="application/pgp-encrypted"; boundary=b\r\n\r\n'
        b"--b\r\nContent-Type: application/pgp-encrypted\r\n\r\nVersion: 1\r\n\r\n"
        b"--b\r\nContent-Type: application/octet-stream\r\n\r\n%b\r\n--b--\r\n"
    ) % (number.encode(), armor.strip().replace(b"\n", b"\r\n"))


def armored(lab: Lab, packets: bytes) -> bytes:
    return lab.people.gpg("--enarmor", data=packets).replace(b"PGP ARMORED FILE", b"PGP MESSAGE")


def encrypted_bomb(lab: Lab) -> bytes:
    return lab.people.gpg(
        "--armor", "-z", "9", "--compress-algo=zlib", "--encrypt", "--recipient", lab.group_key, data=bytes(100 * MEBI)
    )


@pytest.mark.parametrize(
    ("number", "make"),
    [
        ("compressed", lambda lab: armored(lab, gibibyte_of_zeros())),
        ("encrypted", encrypted_bomb),
    ],
)
def test_a23_a_bomb_costs_that_mail_only(abused: Victim, number: str, make: Callable[[Lab], bytes]) -> None:
    raw = pgp_mime(make(abused.lab), number)
    assert len(raw) < 3_000_000
    sent = abused.receive(raw, "rita@out.example")
    assert abused.dispositions()[-1] == "unreadable"
    assert "it unpacks to more than is allowed" in to(sent, "alice@members.example").words
    abused.serves_the_next()


HEAD = b"From: rita@out.example\r\nMessage-ID: <%b@out.example>\r\nSubject: deep\r\n"

UNFOLDING: dict[str, bytes] = {
    "a24 nested": b"".join(
        b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (number, number) for number in range(1_500)
    ),
    "a24 parts": b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b\r\n\r\nx\r\n" * 100_000 + b"--b--\r\n",
    "a24 mails in mails": b"Content-Type: message/rfc822\r\n\r\n" * 3_000 + b"hello\r\n",
    "a25 header": b"X-Long: x\r\n"
    + b" yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy\r\n" * 20_000
    + b"\r\nhello\r\n",
    "a25 subject": b"Comments: " + b"=?utf-8?q?=C3=A4?=\r\n " * 50_000 + b"x\r\n\r\nhello\r\n",
    "a25 parameters": b"Content-Type: text/plain"
    + b"".join(b";\r\n name*%d*=%%41" % number for number in range(4_000))
    + b"\r\n\r\nhello\r\n",
}


@pytest.mark.parametrize("case", UNFOLDING)
def test_a24_a25_what_unfolds_without_end_is_kept_and_relayed_raw(abused: Victim, case: str) -> None:
    raw = HEAD % case.replace(" ", "-").encode() + UNFOLDING[case]
    sent = abused.receive(raw, f"{case.replace(' ', '-')}@out.example")
    assert abused.dispositions()[-1] == "unreadable"
    relay = to(sent, "alice@members.example")
    assert "could not be read" in relay.words
    (original,) = [part for part in relay.inside.walk() if part.get_filename() == "original.eml"]
    assert original.get_content() == raw[:1_000_000]
    assert set(MEMBERS) <= set(recipients(sent))


def test_a24_afterwards_the_bot_serves_as_ever(abused: Victim) -> None:
    abused.serves_the_next()


def test_a14_a_members_mail_that_is_encrypted_but_not_signed_is_nobodys_word(abused: Victim) -> None:
    abused.receive(mail(author="a14@out.example", message_id="<a14@out.example>"), "a14@out.example")
    number = int(abused.query("SELECT max(id) FROM issue")[0][0])
    armor = abused.lab.people.encrypt(
        b"Content-Type: text/plain\r\n\r\n/close invalid\r\nAlice\r\n", [abused.lab.group_key]
    )
    raw = pgp_mime(armor, "a14-member").replace(b"rita@out.example", b"alice@members.example")
    sent = abused.receive(raw, "alice@members.example", f"security+{number}@example.org")
    assert abused.dispositions()[-1] == "follow-up"
    assert "NOT AUTHENTICATED" in to(sent, "bob@members.example").words
    assert abused.query("SELECT status FROM issue ORDER BY id DESC LIMIT 1") == [("open",)]
    assert recipients(sent) == MEMBERS
