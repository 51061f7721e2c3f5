"""How each mail goes out: encrypted, in clear, or only as a notice; and what stands on its outside."""

import itertools
from datetime import timedelta
from typing import Any

import pytest

from mailbot.config import Settings
from mailbot.domain.issue import Role
from mailbot.errors import TemporaryError
from mailbot.mail.marker import MARKER
from mailbot.service import audiences
from mailbot.service.enclosures import RAW_CAP
from mailbot.service.notices import NOTICES
from mailbot.service.ports import UnusableKeys
from mailbot.service.posting import Manner
from mailbot.service.store import Participant, ReporterKey
from tests.twins import FakeOpenPGP, fake_fingerprint, fake_key
from tests.unit.service.cases import NOW, RITA, TOKENS, issue_view, settings
from tests.unit.service.composing import (
    ABOUT_NO_ISSUE,
    CLOCK,
    EXPERT,
    ORIGINAL,
    PERHAPS_NO_ISSUE,
    TITLE,
    Desk,
    bounce_of,
    by_member,
    desk,
    notice,
    parameters,
)

SECRET = ("zymurgic", "Quaggy", RITA, "Rita")
"""What nobody may read who is not to read the report."""
EVENTS = sorted(NOTICES)
HOUR = timedelta(hours=1)


# Who gets it encrypted, and what the others get

BAD_KEYS: dict[str, tuple[str | None, str]] = {
    "not imported": (None, "a key that we do not have"),
    "expired": (fake_key("bob", expires_at=NOW - HOUR), "an expired key"),
    "expires this moment": (fake_key("bob", expires_at=NOW), "an expired key"),
    "revoked": (fake_key("bob", revoked=True), "a revoked key"),
    "revoked and expired": (fake_key("bob", revoked=True, expires_at=NOW - HOUR), "a revoked key"),
    "its sub-key is expired": (fake_key("bob", encrypts_until=NOW - HOUR), "an unusable key"),
    "only for signatures": (fake_key("bob", can_encrypt=False), "an unusable key"),
}
GOOD_KEYS = {
    "without expiry": fake_key("bob"),
    "expires later": fake_key("bob", expires_at=NOW + HOUR, encrypts_until=NOW + HOUR),
}


@pytest.mark.parametrize("key", GOOD_KEYS.values(), ids=GOOD_KEYS.keys())
def test_a_member_with_a_usable_key_gets_the_report_encrypted(key: str) -> None:
    for keyless in ("notice", "plain", "always", "nothing"):
        bob = by_member(desk(keyless=keyless, bob=key).compose(notice("report")))["bob"]
        assert bob.draft.encrypted
        assert fake_fingerprint("bob") in bob.fingerprints
        assert b"zymurgic" in bob.readable
        assert not bob.holds(*SECRET)


@pytest.mark.parametrize(("key", "reason"), BAD_KEYS.values(), ids=BAD_KEYS.keys())
@pytest.mark.parametrize("opened", ["", "decrypted"], ids=["clear", "encrypted"])
def test_a28_a_member_without_a_usable_key_gets_no_content_and_the_others_are_told(
    key: str | None, reason: str, opened: str
) -> None:
    mails = by_member(desk(bob=key).compose(notice("report", parameters("report", opened=opened))))
    bob, alice = mails["bob"], mails["alice"]
    assert not bob.draft.encrypted
    assert not bob.holds(*SECRET)
    assert bob.holds("EX-42: new report.")
    assert bob.holds("ops@example.org")
    assert alice.fingerprints == (fake_fingerprint("alice"),)
    told = " ".join(alice.readable.decode().split())
    assert f"bob has {reason} and got only a notice" in told
    assert "dave has no key and got only a notice" in told


CAME = {
    "in clear": ({"opened": ""}, False),
    "encrypted": ({"opened": "decrypted"}, True),
    "in clear on an encrypted issue": ({"opened": ""}, True),
    "encrypted on a clear issue": ({"opened": "decrypted"}, False),
    "partly encrypted": ({"opened": "partly"}, False),
    "not to be opened": ({"opened": "cannot-decrypt"}, False),
}
GOT = {
    "notice": dict.fromkeys(CAME, "notice"),
    "nothing": dict.fromkeys(CAME, "nothing"),
    "always": dict.fromkeys(CAME, "content"),
    "plain": dict.fromkeys(CAME, "notice") | {"in clear": "content"},
}


@pytest.mark.parametrize(("keyless", "came"), list(itertools.product(GOT, CAME)))
def test_what_a_member_without_a_key_gets_of_what_came_how(keyless: str, came: str) -> None:
    changes, encrypted = CAME[came]
    made = desk(keyless=keyless, issue=issue_view(title=TITLE, encrypted=encrypted, clocks=(CLOCK,)))
    for event in ("report", "follow_up"):
        mails = by_member(made.compose(notice(event, parameters(event, **changes))))
        got = GOT[keyless][came]
        assert ("dave" in mails) == (got != "nothing")
        told = " ".join(mails["alice"].readable.decode().split())
        words = {"notice": "only a notice without content", "content": "the content in clear", "nothing": "nothing"}
        assert f"dave has no key and got {words[got]}" in told
        if got == "content":
            assert mails["dave"].holds("zymurgic")
            # The card is inside; the outer subject stays neutral all the same.
            assert "Quaggy" not in str(mails["dave"].mail["Subject"])
        if got == "notice":
            assert not mails["dave"].holds(*SECRET)


@pytest.mark.parametrize("keyless", ["notice", "plain"])
@pytest.mark.parametrize("event", [event for event in EVENTS if NOTICES[event].manner is Manner.MEMBERS])
def test_nothing_about_an_encrypted_report_ever_goes_out_in_clear(event: str, keyless: str) -> None:
    made = desk(keyless=keyless, issue=issue_view(title=TITLE, encrypted=True, clocks=(CLOCK,)))
    changes = {"opened": "decrypted"} if "opened" in parameters(event) else {}
    for one in made.compose(notice(event, parameters(event, **changes))):
        assert not one.holds(*SECRET), one.recipient


def test_with_always_the_text_of_an_encrypted_report_is_the_operators_choice_and_its_subject_stays_inside() -> None:
    dave = by_member(desk(keyless="always").compose(notice("report", parameters("report", opened="decrypted"))))["dave"]
    assert dave.holds("zymurgic")
    assert dave.mail["Subject"] == "[EX-42] new report"


def test_where_nobody_has_a_key_nothing_is_encrypted_and_everybody_gets_what_the_config_says() -> None:
    nobody = settings(member=[{"id": "dave", "name": "Dave", "email": "dave@members.example"}])
    (dave,) = Desk(nobody).compose(notice("report"))
    assert not dave.holds(*SECRET)
    silent = settings(relay={"keyless": "nothing"}, member=[{"id": "d", "name": "D", "email": "d@members.example"}])
    assert Desk(silent).compose(notice("report")) == []


def test_the_operators_list_without_a_key_is_treated_as_a_member_without_one() -> None:
    config = settings(relay={"to": "list", "list_address": "list@members.example"})
    (one,) = Desk(config).compose(notice("report"))
    assert (one.recipient, one.draft.member_id) == ("list@members.example", None)
    assert not one.holds(*SECRET)


def test_the_list_gets_one_mail_encrypted_to_its_key() -> None:
    fingerprint = fake_fingerprint("list")
    config = settings(relay={"to": "list", "list_address": "list@members.example", "list_key": fingerprint})
    (one,) = Desk(config, [fake_key("list")]).compose(notice("report"))
    assert (one.recipient, one.fingerprints) == ("list@members.example", (fingerprint,))


# A key that goes bad between our look and gpg's


@pytest.mark.parametrize("encrypt", ["together", "each"])
def test_a50_whom_gpg_refuses_gets_the_notice_and_the_others_are_told(encrypt: str) -> None:
    made = desk(encrypt=encrypt, bob=fake_key("bob", expires_at=NOW + HOUR), openpgp=FakeOpenPGP(now=NOW + 2 * HOUR))
    mails = by_member(made.compose(notice("report")))
    assert set(mails) == {"alice", "bob", "dave"}
    assert mails["alice"].fingerprints == (fake_fingerprint("alice"),)
    assert not mails["bob"].holds(*SECRET)
    assert "bob has an unusable key" in " ".join(mails["alice"].readable.decode().split())


def test_a50_gpg_may_refuse_one_after_the_other() -> None:
    made = desk()
    openpgp: Any = made.openpgp
    refusals = [UnusableKeys(frozenset({fake_fingerprint(name)})) for name in ("bob", "alice")]
    encrypt = openpgp.encrypt

    def refusing(*arguments: Any) -> bytes:
        if refusals:
            raise refusals.pop(0)
        return bytes(encrypt(*arguments))

    openpgp.encrypt = refusing
    mails = by_member(made.compose(notice("report")))
    assert {name: one.draft.encrypted for name, one in mails.items()} == dict.fromkeys(("alice", "bob", "dave"), False)
    assert not any(one.holds(*SECRET) for one in mails.values())


@pytest.mark.parametrize("error", [UnusableKeys(frozenset()), TemporaryError("gpg is missing")])
def test_any_other_failure_of_gpg_ends_the_attempt_and_nothing_goes_out_weaker(error: Exception) -> None:
    made = desk(keyless="always")
    openpgp: Any = made.openpgp

    def fails(*_: Any) -> bytes:
        raise error

    openpgp.encrypt = fails
    with pytest.raises(type(error)):
        made.compose(notice("report"))


# One ciphertext or several


def test_together_is_one_ciphertext_in_separate_mails() -> None:
    made = desk()
    mails = by_member(made.compose(notice("report")))
    assert made.openpgp.calls.count("encrypt") == 1
    alice, bob = mails["alice"].draft, mails["bob"].draft
    assert alice.body is bob.body
    assert alice.headers == bob.headers
    assert alice.sender != bob.sender
    assert set(mails["alice"].fingerprints) == {fake_fingerprint("alice"), fake_fingerprint("bob")}


def test_each_is_one_ciphertext_per_member_that_only_this_member_opens() -> None:
    made = desk(encrypt="each")
    mails = by_member(made.compose(notice("report")))
    assert made.openpgp.calls.count("encrypt") == 2
    assert mails["alice"].fingerprints == (fake_fingerprint("alice"),)
    assert mails["bob"].fingerprints == (fake_fingerprint("bob"),)
    assert mails["alice"].mail["Message-ID"] == mails["bob"].mail["Message-ID"]


@pytest.mark.parametrize("encrypt", ["together", "each"])
def test_every_copy_has_its_own_number_and_envelope(encrypt: str) -> None:
    made = desk(encrypt=encrypt, bob=None).compose(notice("report"))
    assert sorted(one.draft.seq for one in made) == list(range(3))
    assert [bounce_of(one) for one in made] == [(17, one.draft.seq) for one in made]


# What stands on the outside, and inside


def test_members_mail_shows_the_group_and_nothing_of_the_reporter_outside() -> None:
    alice = by_member(desk().compose(notice("report")))["alice"]
    mail = alice.mail
    for name in ("From", "To", "Reply-To"):
        assert mail[name].addresses[0].addr_spec == "security+42@example.org"
    assert mail["Subject"] == "[EX-42] new report"
    assert (mail["X-Mailbot-Instance"], mail["X-Mailbot-Issue"]) == ("EX", "EX-42")
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["List-Id"]
    assert alice.draft.message_id == mail["Message-ID"] == TOKENS.message_id(17, 0)
    assert mail["In-Reply-To"] == TOKENS.message_id(1, 0)


def test_the_mail_that_opens_an_issue_answers_nothing() -> None:
    alice = by_member(desk().compose(notice("report", id=1)))["alice"]
    assert (alice.mail["In-Reply-To"], alice.mail["References"]) == (None, None)


def test_inside_the_encryption_are_the_subject_the_text_and_the_original_byte_for_byte() -> None:
    original = (
        b"From: Rita <rita@out.example>\r\n\r\nGr\xc3\xb6\xc3\x9fe \t\r\n" + b"x" * 2000 + b"\r\nFrom here\r\n\r\n"
    )
    alice = by_member(desk(original=original).compose(notice("report")))["alice"]
    assert original in alice.readable
    assert b"Subject: [EX-42] Quaggy overflow" in alice.readable
    assert alice.readable.count(MARKER.encode()) == 2


def test_a_mail_that_cannot_be_read_goes_along_raw_and_cut() -> None:
    huge = ORIGINAL + b"y" * (2 * RAW_CAP)
    for keyless in ("notice", "always"):
        for one in desk(keyless=keyless, original=huge).compose(notice("unreadable")):
            assert len(one.readable) < 1.5 * RAW_CAP


@pytest.mark.parametrize(
    "original", [ORIGINAL, b"8-bit: \xff\r\n\r\nFrom x\r\n", b"x" * 3000], ids=["clear", "8-bit", "long line"]
)
def test_the_original_reaches_a_member_in_clear_whatever_is_in_it(original: bytes) -> None:
    dave = by_member(desk(keyless="plain", original=original).compose(notice("report")))["dave"]
    (attached,) = [part for part in dave.mail.walk() if part.get_filename() == "original.eml"]
    if attached.get_content_type() == "message/rfc822":
        assert original in dave.raw
    else:
        assert attached.get_content() == original


# Whatever the notice


@pytest.mark.parametrize("event", EVENTS)
@pytest.mark.parametrize(
    "config", [settings(), settings(relay={"keyless": "plain", "encrypt": "each"})], ids=["usual", "each"]
)
def test_a_notice_that_is_composed_again_gives_the_same_mails(event: str, config: Settings) -> None:
    key = ReporterKey(fake_fingerprint("xenia"), fake_key("xenia"))
    expert = Participant(Role.EXPERT, EXPERT, "Xenia", key)
    reporter = Participant(Role.REPORTER, RITA, "Rita")
    issue = issue_view(title=TITLE, clocks=(CLOCK,), participants=(reporter, expert))
    first, again = (Desk(config, issue=issue).compose(notice(event)) for _ in range(2))
    assert first
    assert [one.draft for one in first] == [one.draft for one in again]
    assert len({one.draft.seq for one in first}) == len(first)
    assert {one.draft.kind for one in first} == {event}
    assert len({(one.draft.message_id, one.recipient) for one in first}) == len(first)
    assert all(TOKENS.is_own(one.draft.message_id) and one.mail["Message-ID"] == one.draft.message_id for one in first)
    assert all(one.raw.count(b"\n") == one.raw.count(b"\r\n") for one in first)


def test_mails_of_different_content_never_share_a_message_id() -> None:
    made = desk(keyless="notice", bob=None).compose(notice("report"))
    assert len({one.draft.message_id for one in made if one.draft.encrypted}) == 1
    assert not {one.draft.message_id for one in made if one.draft.encrypted} & {
        one.draft.message_id for one in made if not one.draft.encrypted
    }


@pytest.mark.parametrize("event", EVENTS)
def test_nothing_is_composed_for_nobody(event: str) -> None:
    nobody = settings(member=[], operators={"addresses": []})
    made = Desk(nobody, issue=issue_view(reporter="", clocks=(CLOCK,)))
    changes: dict[str, Any] = {"to": []} if NOTICES[event].audience is audiences.contacts else {}
    if event in ("key", "loop"):
        assert len(made.compose(notice(event))) == 1
    else:
        assert made.compose(notice(event, parameters(event, **changes))) == []
        assert "encrypt" not in made.openpgp.calls


def test_only_notices_about_no_issue_may_come_without_one() -> None:
    for event in set(EVENTS) - set(ABOUT_NO_ISSUE) - set(PERHAPS_NO_ISSUE) - {"introduction"}:
        if NOTICES[event].manner is Manner.MEMBERS:
            with pytest.raises(ValueError, match="without an issue"):
                desk().compose(notice(event, issue=None))


def test_a_strangers_follow_up_says_why_it_is_not_authenticated() -> None:
    params = parameters("follow_up", role="stranger", authenticated="", why="its sender is not known on this issue")
    alice = by_member(desk().compose(notice("follow_up", params)))["alice"]
    words = " ".join(alice.readable.decode().split())
    assert "NOT AUTHENTICATED: its sender is not known on this issue" in words
