"""Whose key mail to a reporter is encrypted to, and how a stranger fails to plant one."""

import base64
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from tests.openpgp_keys import Lab
from tests.world import Sent, World, mail, world

CAROL = "Carol <carol@reporters.example>"
ADDRESS = "carol@reporters.example"


@pytest.fixture
def bot(short_path: Path, lab: Lab) -> Iterator[World]:
    with world(short_path, lab) as made:
        yield made


def carrying(
    key: str,
    text: str = "hello\n",
    message_id: str = "<k@x>",
    author: str = CAROL,
    content_type: str = "application/pgp-keys",
) -> bytes:
    lines = [
        f"From: {author}", "To: security@example.org", "Subject: report", f"Message-ID: {message_id}",
        "MIME-Version: 1.0",
        "Content-Type: multipart/mixed; boundary=k", "", "--k", "Content-Type: text/plain", "", text,
        "--k", f"Content-Type: {content_type}; name=key.asc", "", key.strip(), "--k--", "",
    ]  # fmt: skip
    return "\r\n".join(line.replace("\n", "\r\n") for line in lines).encode()


def to(sent: list[Sent], address: str) -> Sent:
    return next(one for one in sent if one.recipient == address)


def keyed(sent: list[Sent]) -> str:
    return str(to(sent, ADDRESS).mail["Reply-To"].addresses[0].addr_spec)


def escalation(bot: World) -> Sent:
    return to(bot.pass_time(timedelta(days=3)), ADDRESS)


@pytest.mark.parametrize(
    "content_type", ["application/pgp-keys", "application/octet-stream", "application/pgp-encrypted"]
)
def test_the_key_of_the_opening_report_is_used_for_its_acknowledgement(bot: World, content_type: str) -> None:
    raw = carrying(bot.lab.people.public("carol"), content_type=content_type)
    ack = to(bot.receive(raw, ADDRESS), ADDRESS)
    assert ack.encrypted
    assert "Your report has arrived" in ack.words
    assert "X-Mailbot-Issue" not in ack.mail


def test_an_autocrypt_header_counts_like_an_attached_key(bot: World) -> None:
    data = base64.b64encode(bot.lab.people.gpg("--export", bot.lab.fingerprint("carol"))).decode()
    folded = "\n ".join(data[at : at + 60] for at in range(0, len(data), 60))
    ack = to(bot.receive(mail(author=CAROL, Autocrypt=f"addr={ADDRESS}; keydata=\n {folded}"), ADDRESS), ADDRESS)
    assert ack.encrypted


def test_a_key_for_another_address_is_not_used(bot: World) -> None:
    ack = to(bot.receive(carrying(bot.lab.people.public("alice")), ADDRESS), ADDRESS)
    assert not ack.encrypted


def test_an_expired_key_is_told_and_not_used(bot: World) -> None:
    raw = carrying(bot.lab.people.public("expired"), author="Eve <eve@members.example>")
    sent = bot.receive(raw, "eve@members.example")
    assert not to(sent, "eve@members.example").encrypted
    assert "which is expired" in to(sent, "alice@members.example").words


def test_a_secret_key_is_told_and_never_stored(bot: World) -> None:
    sent = bot.receive(carrying(bot.lab.people.secret("carol")), ADDRESS)
    assert not to(sent, ADDRESS).encrypted
    assert "IT BRINGS A SECRET KEY" in to(sent, "alice@members.example").words


def test_a_later_key_counts_if_it_comes_by_the_keyed_address_and_none_is_known(bot: World) -> None:
    address = keyed(bot.receive(mail(author=CAROL), ADDRESS))
    sent = bot.receive(carrying(bot.lab.people.public("carol")), ADDRESS, address)
    assert "reporter's key is now" in to(sent, "alice@members.example").words
    assert escalation(bot).encrypted


def test_a_later_key_by_another_way_may_be_a_takeover(bot: World) -> None:
    bot.receive(mail(author=CAROL), ADDRESS)
    raw = carrying(bot.lab.people.public("carol")).replace(b"Subject: report", b"Subject: [EX-1] report")
    sent = bot.receive(raw, ADDRESS)
    assert "may be a takeover" in to(sent, "alice@members.example").words
    assert not escalation(bot).encrypted


def test_a_planted_key_does_not_replace_a_known_one(bot: World) -> None:
    people = bot.lab.people
    if "carol-planted" not in people.fingerprints:
        people.make("carol-planted", CAROL)
    address = keyed(bot.receive(carrying(people.public("carol")), ADDRESS))
    sent = bot.receive(carrying(people.public("carol-planted"), message_id="<p@x>"), ADDRESS, address)
    assert "may be a takeover" in to(sent, "alice@members.example").words
    assert escalation(bot).encrypted
    assert [key.fingerprint for key in bot.store.keys_of(ADDRESS)] == [people.fingerprints["carol"]]


def signed(bot: World, name: str, text: str, author: str, message_id: str, **fields: str) -> bytes:
    part = f"Content-Type: text/plain\r\n\r\n{text}\r\n"
    signature = bot.lab.people.sign(name, part.encode()).decode().replace("\n", "\r\n")
    head = [f"From: {author}", "To: security@example.org", f"Message-ID: {message_id}", "MIME-Version: 1.0"]
    head += [f"{key.replace('_', '-')}: {value}" for key, value in fields.items()]
    head += ['Content-Type: multipart/signed; protocol="application/pgp-signature"; micalg=pgp-sha512; boundary=s']
    body = f"--s\r\n{part}\r\n--s\r\nContent-Type: application/pgp-signature\r\n\r\n{signature}\r\n--s--\r\n"
    return ("\r\n".join(head) + "\r\n\r\n" + body).encode()


def test_a_follow_up_signed_by_the_known_key_is_authenticated(bot: World) -> None:
    bot.receive(carrying(bot.lab.people.public("carol")), ADDRESS)
    sent = bot.receive(signed(bot, "carol", "more", CAROL, "<s@x>", Subject="[EX-1] more"), ADDRESS)
    words = to(sent, "alice@members.example").words
    assert "authenticated by their signature" in words
    assert "good signature by the key of this sender that we know" in words


def test_a_key_that_came_along_proves_nothing_about_the_author(bot: World) -> None:
    raw = signed(bot, "carol", bot.lab.people.public("carol").replace("\n", "\r\n"), CAROL, "<c@x>", Subject="new")
    words = to(bot.receive(raw, ADDRESS), "alice@members.example").words
    assert "which proves nothing about who wrote it" in words


def test_a29_a_members_key_attached_by_an_outsider_makes_nobody_a_member(bot: World) -> None:
    bot.receive(mail(), "rita@out.example")
    sent = bot.receive(
        carrying(bot.lab.people.public("planted"), author="alice@members.example"), "alice@members.example",
        "security+1@example.org",
    )  # fmt: skip
    relay = to(sent, "bob@members.example")
    assert "NOT AUTHENTICATED" in relay.words
    assert {one.recipient for one in sent} == {"alice@members.example", "bob@members.example", "dave@members.example"}
