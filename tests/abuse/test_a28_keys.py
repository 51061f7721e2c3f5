"""Whose key is used for what: never one that a stranger brought, never one that cannot be used any more."""

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from mailbot.storage import keys
from tests.abuse.victim import Victim, recipients, to, victim
from tests.installation import KEYLESS
from tests.openpgp_keys import Home, Lab
from tests.world import mail, world

MEMBER = '\n[[member]]\nid = "erin"\nname = "Erin"\nemail = "erin@members.example"\nfingerprint = "{}"\n'
LIFE = 12
"""Seconds that the short-lived keys are good for: making and importing one takes two on a busy machine."""


@pytest.mark.parametrize("came", ["plain", "encrypted"])
def test_a28_a_member_without_a_usable_key_gets_no_content_and_the_others_are_told(abused: Victim, came: str) -> None:
    author = f"a28.{came}@out.example"
    raw = mail("The qwzzxbody.\n", author=author, subject="Qwzzxsubject", message_id=f"<a28.{came}@x>")
    if came == "encrypted":
        armor = abused.lab.people.encrypt(b"Content-Type: text/plain\r\n\r\nThe qwzzxbody.\r\n", [abused.lab.group_key])
        head = (
            'Content-Type: multipart/encrypted; protocol="application/pgp-encrypted"; boundary=b\r\n\r\n'
            "--b\r\nContent-Type: application/pgp-encrypted\r\n\r\nVersion: 1\r\n\r\n--b\r\n"
            "Content-Type: application/octet-stream\r\n\r\n"
        )
        raw = f"From: {author}\r\nSubject: x\r\n{head}".encode() + armor.replace(b"\n", b"\r\n") + b"\r\n--b--\r\n"
    sent = abused.receive(raw, author)
    dave = to(sent, "dave@members.example")
    assert not dave.encrypted
    assert "qwzzx" not in (dave.raw.decode() + dave.text).lower()
    assert author not in dave.raw.decode()
    for member in ("alice@members.example", "bob@members.example"):
        assert "dave has no key and got only a notice without content" in to(sent, member).words


def key_of_a_stranger_as_the_members(people: Home) -> tuple[str, str]:
    """A key with Dave's name and address, who has none: (armor, fingerprint)."""
    if "fake-dave" not in people.fingerprints:
        people.make("fake-dave", "Dave Example <dave@members.example>")
    return people.public("fake-dave"), people.fingerprints["fake-dave"]


@pytest.mark.parametrize("author", ["dave@members.example", "m@evil.example", "security@example.org"])
def test_a29_a_key_that_comes_with_a_mail_is_never_a_members(abused: Victim, author: str) -> None:
    armor, fingerprint = key_of_a_stranger_as_the_members(abused.lab.people)
    attached = (
        f"From: {author}\nSubject: my new key\nMessage-ID: <a29.{author}>\nContent-Type: multipart/mixed; boundary=b\n"
        f"Autocrypt: addr={author}; keydata={''.join(armor.splitlines()[2:-2])}\n\n"
        f"--b\n\nHere it is.\n\n{armor}\n--b\nContent-Type: application/pgp-keys; name=k.asc\n\n{armor}\n--b--\n"
    )
    abused.receive(attached.replace("\n", "\r\n").encode(), "m@evil.example")
    sent = abused.receive(mail(author="a29@out.example", message_id=f"<a29.next.{author}>"), "a29@out.example")
    assert not to(sent, "dave@members.example").encrypted
    for one in sent:
        if one.encrypted:
            listed = abused.lab.people.gpg("--list-packets", data=one.raw[one.raw.index(b"-----BEGIN") :], fail=True)
            assert listed.count(b":pubkey enc packet:") == 2
    stored = {row[0] for row in abused.query("SELECT fingerprint FROM public_key")}
    assert fingerprint not in stored
    assert len(stored) == 2


def short_lived(home: Home, seconds: int) -> tuple[str, float]:
    """A key for Erin that is good for so long from now: (fingerprint, when it ends)."""
    before = home.listed()
    home.gpg("--quick-generate-key", "Erin <erin@members.example>", "ed25519", "cert,sign", f"seconds={seconds}")
    (fingerprint,) = home.listed() - before
    home.gpg("--quick-add-key", fingerprint, "cv25519", "encr", f"seconds={seconds}")
    home.fingerprints["erin"] = fingerprint
    return fingerprint, time.time() + seconds + 1


def test_a50_a_key_expires_between_intake_and_relay(short_path: Path, lab: Lab) -> None:
    fingerprint, ends = short_lived(lab.people, LIFE)
    with victim(short_path, lab, more_members=KEYLESS + MEMBER.format(fingerprint)) as abused:
        (short_path / "erin.asc").write_text(lab.people.public("erin"))
        abused.bot.run("key", "import", str(short_path / "erin.asc"))
        abused.bot.stop()
        abused.bot.start("listener")
        abused.bot.send(mail(), "rita@out.example")
        abused.bot.stop()
        abused.bot.wait(lambda: time.time() > ends, "the end of the key")
        abused.bot.start("worker", "delivery")
        abused.bot.wait(lambda: len(abused.sent()) == 5, "five mails")
        sent = abused.sent()
        assert recipients(sent)[-2:] == ["erin@members.example", "rita@out.example"]
        assert not to(sent, "erin@members.example").encrypted
        assert b"heap overflow" not in to(sent, "erin@members.example").raw
        assert "erin has an expired key and got only a notice" in to(sent, "alice@members.example").words


def test_a50_a_key_expires_while_the_relay_is_being_written(
    short_path: Path, lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Decided when it was good, encrypted when it is not: the others get it, the member a notice."""
    fingerprint, ends = short_lived(lab.people, LIFE)
    with world(short_path, lab, more_members=MEMBER.format(fingerprint)) as bot:
        with bot.store.database.write() as connection:
            keys.put(connection, fingerprint, lab.people.public("erin"), datetime.now(UTC))
        bot.now = datetime.now(UTC)
        write = bot.composer.compose

        def written_late(*claimed: Any) -> Any:
            info = bot.gpg.info(fingerprint)
            assert info is not None
            assert info.usable(bot.now) or time.time() >= ends
            while time.time() < ends:
                time.sleep(0.2)  # gpg looks at the machine's clock
            return write(*claimed)

        monkeypatch.setattr(bot.composer, "compose", written_late)
        bot.accept(mail(), "rita@out.example")
        sent = bot.settle()
        assert recipients(sent) == ["alice@members.example", "bob@members.example", "erin@members.example",
                                    "rita@out.example"]  # fmt: skip
        assert not to(sent, "erin@members.example").encrypted
        assert "erin has an" in to(sent, "alice@members.example").words
        assert "heap overflow" in to(sent, "alice@members.example").text
