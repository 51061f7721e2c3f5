"""Commands that must not run: the mail is kept and relayed with the reason, and no outsider hears of it."""

import itertools
import re
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Connection

from mailbot.storage import keys
from mailbot.storage.database import Database
from tests.abuse.victim import MEMBERS, Victim, to
from tests.bot import bot
from tests.commands.mails import command, entity, plain, secret, signed, wrap
from tests.installation import KEYLESS
from tests.openpgp_keys import BORN, LATER, Lab
from tests.shapes import mails
from tests.world import Sent, mail

ALICE, BOB = MEMBERS[:2]
PUBLIC = "security@example.org"
_numbers = itertools.count(1)
_SIGNED = 'signed; protocol="application/pgp-signature"; micalg=pgp-sha512'


def member(name: str, fingerprint: str) -> str:
    return (
        f'\n[[member]]\nid = "{name}"\nname = "{name.title()}"\nemail = "{name}@members.example"\n'
        f'fingerprint = "{fingerprint}"\n'
    )


@pytest.fixture(scope="module")
def revoked(lab: Lab) -> tuple[str, str]:
    """(fingerprint, a command mail) of a member whose key was revoked after they signed."""
    people = lab.people
    fingerprint = people.make("former", "Fred <fred@members.example>")
    body = signed(lab, "/on EX-1\n/claim", "former", at=_now())
    certificate = people.path / "openpgp-revocs.d" / f"{fingerprint}.rev"
    people.gpg("--import", data=certificate.read_bytes().replace(b"\n:-----", b"\n-----"))
    return fingerprint, body


@pytest.fixture(scope="module")
def group(lab: Lab, revoked: tuple[str, str]) -> Iterator[Victim]:
    """A running bot with EX-1, and with members whose keys are revoked and expired."""
    directory = Path(tempfile.mkdtemp(prefix="mb-"))
    more = KEYLESS + member("fred", revoked[0]) + member("eve", lab.fingerprint("expired"))
    try:
        with bot(directory, lab, more_members=more) as made:
            with _database(made.installation.directory) as connection:
                for name in ("former", "expired", "planted"):
                    keys.put(connection, lab.fingerprint(name), lab.people.public(name), _now())
            made.start()
            victim = Victim(made, lab)
            victim.receive(mail(subject="Crash"), "rita@out.example")
            yield victim
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def _database(directory: Path) -> AbstractContextManager[Connection]:
    return Database(f"sqlite:///{directory / 'mailbot.db'}").write()


def _now() -> datetime:
    return datetime.now(UTC)


def owner(group: Victim) -> str | None:
    ((found,),) = group.query("SELECT owner FROM issue WHERE id = 1")
    return None if found is None else str(found)


def refused(group: Victim, sent: Sequence[Sent], reason: str) -> None:
    """Nothing ran, every member with a key got it with the reason, and nobody outside got anything about the issue."""
    assert owner(group) is None
    kept = [one for one in sent if one.recipient in (ALICE, BOB) and "new" not in one.subject]
    relayed = [one for one in kept if "NOT AUTHENTICATED" in one.words]
    assert {one.recipient for one in relayed} == {ALICE, BOB}
    assert all(reason in one.words for one in relayed)
    # Operators hear meanwhile of the keys here that are at their end; what they hear holds nothing of any issue.
    told = [one for one in sent if not one.recipient.endswith("@members.example")]
    assert {one.recipient for one in told} <= {"ops@example.org"}
    assert not any(b"EX-1" in one.raw for one in told)
    ((states,),) = group.query("SELECT count(*) FROM inbox WHERE state != 'done'")
    assert states == 0


def signature(lab: Lab, by: str, around: str, at: str = "") -> str:
    made = mails.sign(lab, by, around, "--digest-algo=SHA512", at=at)
    return mails.multi(_SIGNED, [around, mails.part("application/pgp-signature", made)])


def test_a01_an_unsigned_command_with_a_members_from(group: Victim) -> None:
    for to_address in ("security+1@example.org", "security+control@example.org"):
        sent = group.receive(plain("/on EX-1\n/claim"), ALICE, to_address)
        refused(group, sent, "its commands were not carried out: it is not signed")


def test_a02_a_valid_signature_by_a_key_in_the_keyring_that_is_no_members(group: Victim) -> None:
    raw = command(group.lab, "/claim", "planted", at=_now(), author=f"Alice <{ALICE}>")
    refused(group, group.receive(raw, ALICE, "security+1@example.org"), "it is signed by a key that is no member's")


def test_a03_a_revoked_key(group: Victim, revoked: tuple[str, str]) -> None:
    sent = group.receive(wrap(revoked[1], "fred"), "fred@members.example", "security+1@example.org")
    refused(group, sent, "the key that signed it is revoked")


@pytest.mark.parametrize("at", [LATER, BORN])
def test_a04_an_expired_key(group: Victim, at: str) -> None:
    body = signature(group.lab, "expired", entity(f"/claim\n# {at}"), at)
    sent = group.receive(wrap(body, "eve"), "eve@members.example", "security+1@example.org")
    refused(group, sent, "its signature, or the key that made it, is expired")


def test_a05_the_key_of_somebody_who_is_no_member(group: Victim) -> None:
    """As of one who was removed: their key may still be in the keyring, and they have the issue's mails."""
    sent = group.receive(
        command(group.lab, "/claim", "carol", at=_now(), author="Carol <carol@reporters.example>"),
        "carol@reporters.example", "security+1@example.org",
    )  # fmt: skip
    assert owner(group) is None
    assert "they were not carried out: it is signed by a key that is no member's" in to(sent, ALICE).words
    told = to(sent, "carol@reporters.example")
    assert "EX-1 " not in told.text


def test_a06_a_bad_signature(group: Victim) -> None:
    body = signed(group.lab, "/claim", at=_now()).replace("/claim", "/claim force")
    refused(group, group.receive(wrap(body), ALICE, "security+1@example.org"), "its signature is bad")


@pytest.mark.parametrize("again", ["as it was", "new Message-ID and Date", "encrypted anew", "to another address"])
def test_a07_the_same_signed_mail_twice(group: Victim, again: str) -> None:
    text = f"/title Once {next(_numbers)}"
    inside = signed(group.lab, text, at=_now())
    first = wrap(secret(group.lab, inside))
    sent = group.receive(first, ALICE, "security+1@example.org")
    assert "title: " in to(sent, ALICE).text
    group.receive(command(group.lab, f"/title After {again}", at=_now()), ALICE, "security+1@example.org")
    ((changes,),) = group.query("SELECT count(*) FROM audit WHERE action = 'title'")
    if again == "new Message-ID and Date":
        second = wrap(secret(group.lab, inside), fields=["X-Other: 1"])
    elif again == "encrypted anew":
        second = (
            first.partition(b"MIME-Version")[0] + wrap(secret(group.lab, inside)).partition(b"MIME-Version: 1.0\r\n")[2]
        )
    else:
        second = first
    recipient = PUBLIC if again == "to another address" else "security+1@example.org"
    sent = group.receive(second, "mallory@evil.example", recipient)
    assert group.query("SELECT count(*) FROM audit WHERE action = 'title'") == [(changes,)]
    if again == "as it was":
        assert sent == []
    else:
        told = [one.words for one in sent if one.recipient == ALICE]
        assert any("already processed" in words for words in told)
        assert not [one for one in sent if one.recipient == "mallory@evil.example"]


@pytest.mark.parametrize("named", ["[EX-2]", "/on EX-2"])
def test_a08_a_text_that_names_another_issue_than_the_subject_or_to(group: Victim, named: str) -> None:
    group.receive(mail(subject="Another", message_id=f"<a08{named}@x>"), "rita@out.example")
    text = f"{named}\n/claim" if named.startswith("/") else "/claim"
    raw = command(group.lab, text, at=_now(), subject=f"Re: {named} x").replace(b"Subject: ...", b"Subject: [EX-1] x")
    sent = group.receive(raw, ALICE, "security+1@example.org")
    refused(group, sent, "its text is about EX-2, but it was sent to EX-1")
    assert group.query("SELECT owner FROM issue WHERE id = 2") == [(None,)]


@pytest.mark.parametrize("where", ["before", "after"])
def test_a09_unsigned_text_before_or_after_the_signed_part(group: Victim, where: str) -> None:
    parts = [mails.text("/claim"), signed(group.lab, "/claim", at=_now())]
    body = mails.multi("mixed", parts if where == "before" else parts[::-1])
    refused(group, group.receive(wrap(body), ALICE, "security+1@example.org"), "it is not signed")


@pytest.mark.parametrize("how", ["attached", "alone", "forwarded by a member"])
def test_a10_a_signed_command_mail_inside_another(group: Victim, how: str) -> None:
    inner = command(group.lab, "/claim", encrypt=False, at=_now()).decode()
    attached = mails.part("message/rfc822", inner, "Content-Disposition: attachment")
    if how == "forwarded by a member":
        body = signature(group.lab, "bob", mails.multi("mixed", [entity("see below"), attached]))
        group.receive(wrap(body, "bob"), BOB, "security+1@example.org")
    else:
        body = mails.multi("mixed", [mails.text("see below"), attached] if how == "attached" else [attached])
        group.receive(wrap(body), ALICE, "security+1@example.org")
    assert owner(group) is None


def test_a11_two_signatures(group: Victim, lab: Lab) -> None:
    options = ("--local-user", lab.fingerprint("bob"))
    armor = lab.people.encrypt(entity("/claim").encode(), [lab.group_key], *options, by="alice")
    raw = wrap(mails.encrypted(mails.armored(armor)))
    refused(group, group.receive(raw, ALICE, "security+1@example.org"), "it is signed more than once")


def test_a12_two_from_headers(group: Victim) -> None:
    raw = command(group.lab, "/claim", at=_now(), fields=["From: Bob <bob@members.example>"])
    refused(group, group.receive(raw, ALICE, "security+1@example.org"), "its From names 2 authors")


def test_a13_from_with_two_addresses(group: Victim) -> None:
    raw = command(group.lab, "/claim\n# a13", at=_now(), author=f"Alice <{ALICE}>, Bob <bob@members.example>")
    refused(group, group.receive(raw, ALICE, "security+1@example.org"), "its From names 2 authors")


def test_a14_encrypted_but_unsigned(group: Victim) -> None:
    raw = wrap(secret(group.lab, entity("/claim"), at=_now()))
    refused(group, group.receive(raw, ALICE, "security+1@example.org"), "it is encrypted, but not signed")


@pytest.mark.parametrize("text", ["/claim", "/on ZZ-1\n/claim"])
def test_a33_signed_for_another_instance(group: Victim, text: str) -> None:
    raw = command(group.lab, text, at=_now(), subject="Re: [ZZ-1] Crash")
    refused(group, group.receive(raw, ALICE, "security+1@example.org"), "no issue of this group")


@pytest.mark.parametrize(
    "inside",
    [
        entity("> /claim"),
        entity("Hello\n/claim"),
        entity("-- \n/claim"),
        entity("On Mon, Bob wrote:\n> x\n/claim"),
        entity("<p>/claim</p>", kind="text/html; charset=utf-8"),
    ],
    ids=["quoted", "below prose", "signature block", "below a quote", "html"],
)
def test_a34_a_command_that_is_quoted_or_below_anything(group: Victim, inside: str) -> None:
    raw = wrap(secret(group.lab, f"{inside}\r\n{next(_numbers)}\r\n", "alice", _now()))
    sent = group.receive(raw, ALICE, "security+1@example.org")
    assert owner(group) is None
    others = {BOB, "dave@members.example", "fred@members.example", "eve@members.example"}
    # Whoever seems to have meant a command is told that nothing was carried out.
    told = [one for one in sent if one.recipient == ALICE]
    # (Operators hear meanwhile of the keys here that are at their end.)
    assert {one.recipient for one in sent} - {ALICE, "ops@example.org"} == others
    assert bool(told) == ("Hello" in inside or "wrote:" in inside)
    assert all("0 of " in str(one.inside["Subject"]) for one in told)
    assert re.search(r"member Alice Example", to(sent, BOB).words)
