"""OpenPGP in every shape that mail programs give it, on real gpg."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from tests.openpgp_keys import Lab
from tests.world import Sent, World, mail, world

SECRET = "The secret word is xyzzy."
INNER = f"Content-Type: text/plain; charset=utf-8\r\n\r\n{SECRET}\r\n"


@pytest.fixture
def bot(short_path: Path, lab: Lab) -> Iterator[World]:
    with world(short_path, lab) as made:
        yield made


def head(content_type: str, subject: str = "..") -> str:
    return (
        "From: Rita <rita@out.example>\r\nTo: security@example.org\r\n"
        f"Subject: {subject}\r\nMessage-ID: <e@out.example>\r\n"
        f"MIME-Version: 1.0\r\nContent-Type: {content_type}\r\n"
    )


def encrypted(lab: Lab, inner: str, by: str = "", to: str = "") -> str:
    return lab.people.encrypt(inner.encode(), [to or lab.group_key], by=by).decode().replace("\n", "\r\n")


def pgp_mime(
    armor: str, kind: str = 'multipart/encrypted; protocol="application/pgp-encrypted"; ', before: str = ""
) -> bytes:
    return (
        head(f"{kind} boundary=b")
        + f"\r\n{before}--b\r\nContent-Type: application/pgp-encrypted\r\n\r\nVersion: 1\r\n"
        + f'\r\n--b\r\nContent-Type: application/octet-stream; name="encrypted.asc"\r\n\r\n{armor}\r\n--b--\r\n'
    ).encode()


def broken(armor: str) -> str:
    """One character changed in the middle of the base64."""
    at = len(armor) // 2
    return armor[:at] + ("B" if armor[at] == "A" else "A") + armor[at + 1 :]


def to_alice(sent: list[Sent]) -> Sent:
    return next(one for one in sent if one.member_id == "alice")


def to_rita(sent: list[Sent]) -> Sent:
    return next(one for one in sent if one.recipient == "rita@out.example")


def nothing_leaks(sent: list[Sent]) -> None:
    for one in sent:
        assert b"xyzzy" not in one.raw
        if one.member_id not in ("alice", "bob"):
            assert "xyzzy" not in one.text


def test_pgp_mime_is_opened_and_the_content_goes_along_for_the_members(bot: World) -> None:
    sent = bot.receive(pgp_mime(encrypted(bot.lab, INNER, by="carol")), "rita@out.example")
    relay = to_alice(sent)
    assert SECRET in relay.text
    assert "encrypted to us" in relay.words
    names = [part.get_filename() for part in relay.inside.iter_attachments()]
    assert names == ["original.eml", "decrypted.eml"]
    nothing_leaks(sent)
    assert bot.show(1)["encrypted"] is True


def test_a_protected_subject_becomes_the_title_and_stands_on_no_outside(bot: World) -> None:
    inner = (
        'Content-Type: text/plain; charset=utf-8; hp="cipher"\r\n'
        "Subject: Overflow xyzzy\r\nFrom: Rita <rita@out.example>\r\n"
        "HP-Outer: Subject: [...]\r\n\r\nhello\r\n"
    )
    sent = bot.receive(pgp_mime(encrypted(bot.lab, inner)), "rita@out.example")
    assert bot.show(1)["title"] == "Overflow xyzzy"
    nothing_leaks(sent)


def test_exchange_turns_it_into_multipart_mixed(bot: World) -> None:
    before = "--b\r\nContent-Type: text/plain\r\n\r\n\r\n"
    sent = bot.receive(pgp_mime(encrypted(bot.lab, INNER), "multipart/mixed; ", before), "rita@out.example")
    assert SECRET in to_alice(sent).text
    assert bot.show(1)["encrypted"] is True
    nothing_leaks(sent)


def test_signed_inside_encrypted(bot: World) -> None:
    signed = INNER.replace("xyzzy.", "xyzzy.\r\n")
    signature = bot.lab.people.sign("alice", signed.encode()).decode().replace("\n", "\r\n")
    inner = (
        'Content-Type: multipart/signed; protocol="application/pgp-signature"; micalg=pgp-sha512; boundary=s\r\n\r\n'
        f"--s\r\n{signed}\r\n--s\r\nContent-Type: application/pgp-signature\r\n\r\n{signature}\r\n--s--\r\n"
    )
    sent = bot.receive(pgp_mime(encrypted(bot.lab, inner)), "rita@out.example")
    assert "good signature by Alice Example" in to_alice(sent).words
    assert SECRET in to_alice(sent).text


def test_inline_blocks_with_text_around_them(bot: World) -> None:
    first, second = (encrypted(bot.lab, text).replace("\r\n", "\n") for text in ("one xyzzy\n", "two xyzzy\n"))
    sent = bot.receive(mail(f"Hello\n{first}\nand\n{second}\nbye\n"), "rita@out.example")
    text = to_alice(sent).text
    for word in ("Hello", "one xyzzy", "two xyzzy", "bye"):
        assert word in text
    assert "encrypted part that we opened" in to_alice(sent).words
    nothing_leaks(sent)


def test_one_inline_block_alone_is_an_encrypted_report(bot: World) -> None:
    sent = bot.receive(mail(encrypted(bot.lab, SECRET + "\n").replace("\r\n", "\n")), "rita@out.example")
    assert SECRET in to_alice(sent).text
    assert bot.show(1)["encrypted"] is True
    nothing_leaks(sent)


def test_an_encrypted_attachment(bot: World) -> None:
    armor = encrypted(bot.lab, SECRET)
    raw = (
        head("multipart/mixed; boundary=m", "with attachment")
        + "\r\n--m\r\nContent-Type: text/plain\r\n\r\nsee the file\r\n--m\r\n"
        + 'Content-Type: application/octet-stream; name="poc.txt.gpg"\r\nContent-Disposition: attachment; '
        + f'filename="poc.txt.gpg"\r\n\r\n{armor}\r\n--m--\r\n'
    ).encode()
    sent = bot.receive(raw, "rita@out.example")
    parts = {part.get_filename(): part for part in to_alice(sent).inside.walk() if part.get_filename()}
    assert parts["poc.txt"].get_content() == SECRET.encode()
    nothing_leaks(sent)


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda lab: encrypted(lab, INNER, to=lab.fingerprint("carol")), "a key that the group does not have"),
        (lambda lab: broken(encrypted(lab, INNER)), "damaged"),
        (lambda lab: "no armor", "damaged"),
    ],
    ids=["other key", "broken armor", "no armor"],
)
def test_what_cannot_be_opened_is_relayed_raw_and_the_reporter_is_told_how_to_encrypt(
    bot: World, make: object, reason: str
) -> None:
    assert callable(make)
    sent = bot.receive(pgp_mime(make(bot.lab)), "rita@out.example")
    assert reason in to_alice(sent).words
    assert "could not" in to_rita(sent).words
    assert bot.dispositions() == ["unreadable"]


def test_symmetric_encryption_is_named_for_what_it_is(bot: World) -> None:
    armor = bot.lab.people.gpg("--passphrase=x", "--armor", "--symmetric", data=INNER.encode()).decode()
    sent = bot.receive(pgp_mime(armor), "rita@out.example")
    assert "encrypted with a passphrase" in to_alice(sent).words


def test_literal_data_is_not_called_encrypted(bot: World) -> None:
    armor = bot.lab.people.gpg("--armor", "--store", data=INNER.encode()).decode()
    sent = bot.receive(pgp_mime(armor), "rita@out.example")
    assert SECRET in to_alice(sent).text
    assert bot.show(1)["encrypted"] is False


def test_an_inline_signature_covers_only_its_part_and_makes_nobody_a_member(bot: World) -> None:
    signed = bot.lab.people.gpg(
        "--armor", "--local-user", bot.lab.fingerprint("alice"), "--clear-sign", data=b"I am Alice\n"
    ).decode()
    bot.receive(mail(), "rita@out.example")
    sent = bot.receive(
        mail(f"unsigned\n{signed}", author="alice@members.example", message_id="<m@x>"), "alice@members.example",
        "security+1@example.org",
    )  # fmt: skip
    assert "NOT AUTHENTICATED" in to_alice(sent).words
    assert "covers only that part" in to_alice(sent).words


def test_what_was_inside_an_encryption_stays_secret_even_if_there_is_another_one_that_cannot_be_opened(
    short_path: Path, lab: Lab
) -> None:
    """Its protected subject became the title, and went out in clear to a member without a key."""
    foreign = encrypted(lab, INNER, to=lab.fingerprint("carol"))
    nested = (
        'Content-Type: multipart/encrypted; protocol="application/pgp-encrypted"; boundary=c;\r\n'
        ' protected-headers="v1"\r\n'
        "From: Rita <rita@out.example>\r\nSubject: zymurgic overflow\r\n\r\n"
        "--c\r\nContent-Type: application/pgp-encrypted\r\n\r\nVersion: 1\r\n"
        f"\r\n--c\r\nContent-Type: application/octet-stream\r\n\r\n{foreign}\r\n--c--\r\n"
    )
    with world(short_path, lab, extra='[relay]\nkeyless = "plain"\n') as bot:
        sent = bot.receive(pgp_mime(encrypted(lab, nested)), "rita@out.example")
        assert (bot.show(1)["title"], bot.show(1)["encrypted"]) == ("zymurgic overflow", True)
        alice = to_alice(sent).words
        assert "a key that the group does not have" in alice
        assert lab.people.key_ids("carol")["sub"] in alice
        sent += bot.pass_time(timedelta(hours=24)) + bot.pass_time(timedelta(hours=24))
        assert {one.member_id for one in sent} == {"alice", "bob", "dave", None}
        for one in sent:
            assert b"zymurgic" not in one.raw
            if one.member_id not in ("alice", "bob"):
                assert "zymurgic" not in one.text
