"""Mail to people outside the group: nothing of the report, nothing internal, and only to whom it is for."""

from datetime import timedelta

import pytest

from mailbot.mail.marker import MARKER
from mailbot.service.notices import NOTICES
from mailbot.service.posting import Manner
from mailbot.service.store import ReporterKey
from tests.twins import fake_fingerprint, fake_key
from tests.unit.service.cases import NOW, RITA, TOKENS, issue_view
from tests.unit.service.composing import (
    CLOCK,
    ESCALATION,
    TITLE,
    by_member,
    desk,
    notice,
    parameters,
)

EVENTS = sorted(NOTICES)
HOUR = timedelta(hours=1)


OUTSIDE = [event for event in EVENTS if NOTICES[event].manner is Manner.OUTSIDE]


@pytest.mark.parametrize("event", OUTSIDE)
@pytest.mark.parametrize("encrypted", [False, True], ids=["clear", "encrypted"])
def test_a17_mail_to_outsiders_holds_nothing_of_the_report_and_nothing_internal(event: str, encrypted: bool) -> None:
    made = desk(issue=issue_view(title=TITLE, encrypted=encrypted, clocks=(CLOCK,))).compose(notice(event))
    assert made
    for one in made:
        assert not one.holds("zymurgic", "Quaggy", MARKER)
        names = {name.lower() for name in one.mail}
        assert not [name for name in names if name.startswith(("x-mailbot", "list-"))]
        assert one.mail.get_content_type() == "multipart/signed"
        assert one.draft.encrypted is False
        if event != "member_key":
            assert one.draft.member_id == ("alice" if event == "key_expiry" else None)
        assert one.mail["From"].addresses[0].addr_spec == "security@example.org"
        if event not in ("undelivered_member", "key_expiry", "key_expiry_operators", "member_key"):
            assert not one.holds("alice", "bob", "dave")


@pytest.mark.parametrize("event", ["acknowledgement", "acknowledgement_unreadable", "escalation_reporter"])
def test_the_reporter_answers_to_an_address_that_is_theirs_alone(event: str) -> None:
    (one,) = desk().compose(notice(event))
    keyed = one.mail["Reply-To"].addresses[0].addr_spec
    assert keyed == f"security+42.{TOKENS.participant(42, RITA)}@example.org"


@pytest.mark.parametrize("event", ["acknowledgement", "key"])
def test_an_answer_to_a_mail_says_that_it_is_one(event: str) -> None:
    (one,) = desk().compose(notice(event))
    assert (one.mail["Auto-Submitted"], one.mail["In-Reply-To"]) == ("auto-replied", "<1@out.example>")
    (other,) = desk().compose(notice("escalation_reporter"))
    assert (other.mail["Auto-Submitted"], other.mail["In-Reply-To"]) == ("auto-generated", None)


def test_escalation_contacts_get_a_mail_each_with_nothing_about_the_others() -> None:
    contacts = [ESCALATION, "second@elsewhere.example"]
    made = desk().compose(notice("escalation", parameters("escalation", to=contacts)))
    assert [one.recipient for one in made] == contacts
    assert not made[0].holds(contacts[1])
    assert len({one.draft.message_id for one in made}) == len({one.draft.sender for one in made}) == 2
    # They are no participants: what they answer is a stranger's mail.
    assert all(one.mail["Reply-To"] is None for one in made)


@pytest.mark.parametrize(
    ("key", "encrypted"),
    [
        (fake_key("rita"), True),
        (fake_key("rita", expires_at=NOW - HOUR), False),
        (fake_key("rita", revoked=True), False),
    ],
    ids=["good", "expired", "revoked"],
)
@pytest.mark.parametrize("event", ["acknowledgement", "escalation_reporter"])
def test_a_reporter_whose_key_is_known_and_good_gets_it_encrypted_to_that_key_alone(
    event: str, key: str, encrypted: bool
) -> None:
    known = ReporterKey(fake_fingerprint("rita"), key)
    (one,) = desk(issue=issue_view(title=TITLE, reporter_key=known, clocks=(CLOCK,))).compose(notice(event))
    assert one.draft.encrypted is encrypted
    if encrypted:
        assert one.fingerprints == (fake_fingerprint("rita"),)
    assert b"EX-42" in one.readable


def test_the_key_goes_along_with_the_answer_to_a_request() -> None:
    (one,) = desk().compose(notice("key"))
    assert "application/pgp-keys" in [part.get_content_type() for part in one.mail.walk()]


@pytest.mark.parametrize(
    "hostile",
    ['"', "a" * 200, "=?utf-8?q?=0ABcc:_x?=", "x, Bcc: m@evil.example", "<m@evil.example>", "R\r\nBcc: m@evil.example"],
)
def test_a21_no_name_of_a_stranger_makes_a_header_field(hostile: str) -> None:
    made = desk(issue=issue_view(title=hostile, reporter_name=hostile, clocks=(CLOCK,)))
    plain = [name.lower() for name in desk().compose(notice("acknowledgement"))[0].mail]
    (one,) = made.compose(notice("acknowledgement", parameters("acknowledgement", name=hostile)))
    assert [name.lower() for name in one.mail] == plain
    relayed = parameters("report", from_name=hostile, subject=hostile)
    inside = by_member(made.compose(notice("report", relayed)))["alice"]
    assert b"\r\nbcc:" not in inside.readable.partition(b"\r\n\r\n")[0].lower()
