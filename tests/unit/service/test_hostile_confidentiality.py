"""What came encrypted, whole or in part, opened or not, shows nothing of itself where anybody could read it."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from tests.openpgp_keys import Lab
from tests.world import World, world

PLAIN = '\n[relay]\nkeyless = "plain"\n'
SECRET = "frobnicate overflow canary"


@pytest.fixture
def bot(short_path: Path, lab: Lab) -> Iterator[World]:
    with world(short_path, lab, extra=PLAIN) as made:
        yield made


def encrypted(armored: bytes, subject: str = "...", author: str = "Rita <rita@out.example>") -> bytes:
    """PGP/MIME around a ciphertext."""
    head = f"From: {author}\r\nTo: security@example.org\r\nSubject: {subject}\r\nMessage-ID: <1@out.example>\r\n"
    return head.encode() + entity(armored)


def entity(armored: bytes) -> bytes:
    return (
        b'Content-Type: multipart/encrypted; protocol="application/pgp-encrypted"; boundary=b\r\n\r\n'
        b"--b\r\nContent-Type: application/pgp-encrypted\r\n\r\nVersion: 1\r\n\r\n"
        b"--b\r\nContent-Type: application/octet-stream\r\n\r\n%s\r\n--b--\r\n" % armored.replace(b"\n", b"\r\n")
    )


def to_group(lab: Lab, inner: bytes) -> bytes:
    return lab.people.encrypt(inner, [lab.group_key])


def assert_never_in_clear(bot: World) -> None:
    assert bot.sent
    for one in bot.sent:
        if not one.encrypted:
            assert SECRET.encode() not in one.raw, one.recipient
            assert b"canary" not in one.raw, one.recipient
        assert "canary" not in str(one.mail["Subject"])
    assert any(SECRET in one.text for one in bot.sent if one.encrypted)


def test_a_protected_subject_of_a_mail_that_was_opened_only_half_stays_inside(bot: World) -> None:
    """Encrypted to the group, and inside once more to somebody else: its subject is known, its text is not."""
    inner = entity(bot.lab.people.encrypt(b"x", [bot.lab.fingerprint("carol")])).replace(
        b"multipart/encrypted;", b'multipart/encrypted; hp="cipher";', 1
    )
    head = f"Subject: {SECRET}\r\nFrom: Rita <rita@out.example>\r\n".encode()
    bot.receive(encrypted(to_group(bot.lab, head + inner)), "rita@out.example")
    bot.pass_time(timedelta(hours=24))
    bot.pass_time(timedelta(hours=24))
    assert bot.show(1)["title"] == SECRET
    assert_never_in_clear(bot)


def test_a_protected_subject_is_in_no_later_mail_to_a_member_without_key(bot: World) -> None:
    text = f'Content-Type: text/plain; hp="cipher"\r\nSubject: {SECRET}\r\nFrom: Rita <rita@out.example>\r\n\r\nhi\r\n'
    bot.receive(encrypted(to_group(bot.lab, text.encode())), "rita@out.example")
    bot.pass_time(timedelta(hours=24))
    bot.pass_time(timedelta(hours=24))
    assert_never_in_clear(bot)
