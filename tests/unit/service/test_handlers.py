"""What each route records, and who gets a first answer."""

from datetime import timedelta
from typing import Any

import pytest

from mailbot.config import Settings
from mailbot.domain.issue import Disposition, Role
from mailbot.mail.authenticity import Authentication
from mailbot.service.handlers import HANDLERS, Case
from mailbot.service.message import Message
from mailbot.service.router import look_up, route
from tests.unit.service.cases import (
    ALICE,
    NOW,
    PUBLIC,
    RITA,
    TOKENS,
    FakeUnit,
    issue_view,
    message,
    settings,
    signed_by,
)

SETTINGS = settings()
KEYED = f"security+42.{TOKENS.participant(42, RITA)}@example.org"
KEY_ADDRESS = "security+key@example.org"


def handled(
    mail: Message, *, known: FakeUnit | None = None, config: Settings = SETTINGS, quarantine: str = ""
) -> FakeUnit:
    """What is recorded about a mail when issue 42 was reported by Rita."""
    unit = known or FakeUnit(issues={42: issue_view(42)}, roles={(42, RITA): Role.REPORTER})
    found = look_up(unit, mail, config, TOKENS)
    case = Case(unit, mail, found, config, TOKENS, NOW, quarantine)
    outcome = HANDLERS[route(mail, found)](case)
    assert len(unit.finished) == 1
    assert unit.finished[0][:2] == outcome
    return unit


def disposition(unit: FakeUnit) -> tuple[Disposition, int | None]:
    return unit.finished[0][:2]


# A report


def test_a_report_opens_an_issue_with_its_clock_its_relay_and_its_acknowledgement() -> None:
    unit = handled(message(subject="  Heap\n overflow "))
    (opened,) = unit.opened
    assert (opened.title, opened.reporter, opened.reporter_name, opened.encrypted) == (
        "Heap overflow",
        RITA,
        "Rita",
        False,
    )
    assert opened.opened_at == NOW
    assert unit.participants == [(43, Role.REPORTER, RITA)]
    assert unit.messages == [(43, "report", None)]
    assert [(clock.issue, clock.name, clock.started_at, clock.due_at) for clock in unit.clocks] == [
        (43, "first_response", NOW, NOW + timedelta(hours=48)),
        (43, "coordinator", NOW, NOW + timedelta(hours=48)),
        (43, "embargo", NOW, NOW + timedelta(days=90)),
    ]
    assert unit.issues[43].embargo_until == NOW + timedelta(days=90)
    assert [(event, number, original) for event, number, _, original in unit.notices] == [
        ("report", 43, True), ("acknowledgement", 43, False),
    ]  # fmt: skip
    assert unit.audited == [(43, "reporter", "opened"), (43, "mailbot", "clocks")]
    assert disposition(unit) == (Disposition.REPORT, 43)


def test_the_clock_runs_from_when_the_mail_was_accepted_not_from_when_it_is_handled() -> None:
    mail = message()
    unit = FakeUnit()
    found = look_up(unit, mail, SETTINGS, TOKENS)
    later = NOW + timedelta(hours=5)
    HANDLERS["report"](Case(unit, mail, found, SETTINGS, TOKENS, later))
    assert unit.opened[0].opened_at == unit.clocks[0].started_at == NOW


def test_the_acknowledgement_holds_nothing_of_the_report() -> None:
    mail = message(text="secret text", subject="secret subject")
    (_, acknowledgement) = handled(mail).notices
    assert "secret" not in str(acknowledgement[2])
    assert acknowledgement[2] == {"to": RITA, "in_reply_to": mail.message_id}


def test_a_report_that_cannot_be_read_is_relayed_and_acknowledged_as_such() -> None:
    unit = handled(message(unreadable="its OpenPGP data is damaged", opened="broken"))
    assert unit.events == ["unreadable", "acknowledgement_unreadable"]
    assert disposition(unit) == (Disposition.UNREADABLE, 43)


def test_a_report_that_is_given_up_on_opens_an_issue_all_the_same() -> None:
    unit = handled(message(unreadable="handling it failed three times"), quarantine="handling it failed three times")
    assert unit.events == ["unreadable", "acknowledgement_unreadable"]
    assert unit.finished[0][3] == "handling it failed three times"


def test_a_report_without_an_author_has_no_participant_and_no_acknowledgement() -> None:
    unit = handled(message(author="", reverse_path="x@out.example"))
    assert (unit.participants, unit.events) == ([], ["report"])
    assert unit.opened[0].reporter == ""


def test_what_a_stranger_names_is_told_to_members_only() -> None:
    unit = handled(message(author="mallory@evil.example", to="security+42@example.org", subject="[EX-7] x"))
    report, acknowledgement = unit.notices
    assert report[2]["mentions"] == [7, 42]
    assert "42" not in str(acknowledgement[2])


# First answers

NO_ANSWER = {
    "automatic": message(automatic=True),
    "list traffic": message(listed=True),
    "null reverse-path": message(reverse_path=""),
    "no author": message(author="", reverse_path="x@out.example"),
    "from the group itself": message(author=PUBLIC),
    "from the group itself in other letters": message(author="Security@EXAMPLE.org"),
    "from an extension of the group's address": message(author="security+42@example.org"),
}


@pytest.mark.parametrize("mail", NO_ANSWER.values(), ids=NO_ANSWER.keys())
def test_a19_a20_a42_no_acknowledgement_and_no_use_of_the_caps(mail: Message) -> None:
    unit = handled(mail)
    assert unit.events == ["report"]
    assert unit.asked == []
    assert unit.notices[0][2]["unanswered"]
    assert not unit.opened[0].answerable


def test_a40_where_the_caps_say_no_members_are_told_that_nobody_was_answered() -> None:
    unit = handled(message(), known=FakeUnit(may=False))
    assert unit.events == ["report"]
    assert "limits" in unit.notices[0][2]["unanswered"]
    assert unit.opened[0].answerable
    assert disposition(unit) == (Disposition.REPORT, 1)


def test_the_caps_are_those_of_the_config_and_count_the_author_not_the_envelope() -> None:
    asked: list[Any] = []

    class Asked(FakeUnit):
        def may_acknowledge(self, *arguments: Any, **named: Any) -> bool:
            asked.append((arguments, named))
            return True

    handled(
        message(reverse_path="bounces@list.example"),
        known=Asked(),
        config=settings(ack={"per_sender": "10m", "per_hour": 3}),
    )
    ((arguments, _),) = asked
    assert arguments == (RITA, NOW, timedelta(minutes=10), 3)


def test_an_answered_question_for_the_key_does_not_use_up_the_acknowledgement() -> None:
    unit = FakeUnit()
    handled(message(to=KEY_ADDRESS), known=unit)
    unit.finished.clear()
    handled(message(), known=unit)
    assert unit.asked == [(RITA, "key"), (RITA, "acknowledgement")]


def test_who_asks_for_the_key_gets_it_and_opens_no_issue() -> None:
    unit = handled(message(to=KEY_ADDRESS))
    assert unit.notices == [("key", None, {"to": RITA, "in_reply_to": "<1@out.example>"}, False)]
    assert (unit.opened, disposition(unit)) == ([], (Disposition.KEY_REQUEST, None))


@pytest.mark.parametrize("mail", NO_ANSWER.values(), ids=NO_ANSWER.keys())
def test_no_machine_gets_the_key(mail: Message) -> None:
    unit = handled(message(
        to=KEY_ADDRESS, author=mail.author, reverse_path=mail.envelope.reverse_path, automatic=mail.automatic,
        listed=mail.listed,
    ))  # fmt: skip
    assert (unit.notices, disposition(unit)) == ([], (Disposition.KEY_REQUEST, None))


# Mail on an issue


def test_a_follow_up_is_recorded_and_relayed_and_not_acknowledged() -> None:
    unit = handled(message(to=KEYED))
    assert unit.messages == [(42, "follow-up", None)]
    ((event, number, params, original),) = unit.notices
    assert (event, number, original) == ("follow_up", 42, True)
    assert (params["authenticated"], params["why"], params["role"]) == ("address", "", "reporter")
    assert (unit.asked, unit.opened, unit.clocks) == ([], [], [])
    assert disposition(unit) == (Disposition.FOLLOW_UP, 42)


DMARC = Authentication(dmarc="pass", dmarc_domain="out.example")


@pytest.mark.parametrize(
    ("mail", "authenticated", "role", "why"),
    [
        (message(to=KEYED), "address", "reporter", ""),
        (message(subject="[EX-42]", checks=DMARC), "dmarc", "reporter", ""),
        (message(subject="[EX-42]"), "", "reporter", "nothing proves"),
        (
            message(subject="[EX-42]", checks=Authentication(dmarc="pass", dmarc_domain="evil.example")),
            "", "reporter", "nothing proves",
        ),
        (
            message(subject="[EX-42]", checks=Authentication(dmarc="fail", dmarc_domain="out.example")),
            "", "reporter", "nothing proves",
        ),
        # A participant of no issue who threads by a reference, with whatever proof.
        (
            message(author="sam@out.example", references=("<sent@x>",), checks=DMARC),
            "", "stranger", "not known on this issue",
        ),
        # A member's address proves nothing without the signature, DMARC or not.
        (
            message(
                author=ALICE, to="security+42@example.org",
                checks=Authentication(dmarc="pass", dmarc_domain="members.example"),
            ),
            "", "member", "not that member's good signature",
        ),
    ],
)  # fmt: skip
def test_a_follow_up_says_what_proves_its_author_or_why_nothing_does(
    mail: Message, authenticated: str, role: str, why: str
) -> None:
    known = FakeUnit(
        issues={42: issue_view(42)}, roles={(42, RITA): Role.REPORTER}, references={("<sent@x>", "sam@out.example"): 42}
    )
    ((_, _, params, _),) = handled(mail, known=known).notices
    assert (params["authenticated"], params["role"]) == (authenticated, role)
    assert why in params["why"]


def test_a_follow_up_that_cannot_be_read_goes_to_its_issue() -> None:
    unit = handled(message(to=KEYED, unreadable="its OpenPGP data is damaged"))
    assert unit.events == ["follow_up"]
    assert disposition(unit) == (Disposition.UNREADABLE, 42)


def test_a_members_mail_is_an_internal_note() -> None:
    unit = handled(message(author=ALICE, to="security+42@example.org", signature=signed_by("alice")))
    assert unit.messages == [(42, "note", "alice")]
    ((event, number, params, original),) = unit.notices
    assert (event, number, params["member"], original) == ("note", 42, "alice", True)
    assert unit.audited == [(42, "alice", "note")]
    assert disposition(unit) == (Disposition.MEMBER, 42)


def test_a_vacation_reply_is_recorded_and_reaches_nobody() -> None:
    unit = handled(message(to=KEYED, automatic=True, vacation=True))
    assert (unit.messages, unit.notices, unit.asked) == ([(42, "automatic", None)], [], [])
    assert disposition(unit) == (Disposition.AUTOMATIC, 42)


# Mail about our mail


def test_a_redelivery_does_nothing_and_does_not_claim_the_digest_again() -> None:
    unit = handled(message(), known=FakeUnit(digests={b"digest"}))
    assert (unit.notices, unit.opened, unit.audited) == ([], [], [])
    assert unit.finished == [(Disposition.DUPLICATE, None, None, "")]


def test_every_other_mail_leaves_its_digest() -> None:
    for mail in (message(), message(to=KEYED), message(to=KEY_ADDRESS), message(bounce=True)):
        assert handled(mail).finished[0][2] == b"digest"


def test_our_own_mail_ends_where_it_comes_back() -> None:
    unit = handled(message(message_id=TOKENS.message_id(3, 1), to=KEYED))
    assert (unit.notices, unit.messages, disposition(unit)) == ([], [], (Disposition.OWN, None))


BOUNCE_ADDRESS = f"security+bounce.{TOKENS.bounce(17, 2)}@example.org"


def test_a_permanent_failure_marks_the_mail_that_its_address_names() -> None:
    unit = handled(message(to=BOUNCE_ADDRESS, bounce=True, bounce_failed=True, bounce_code="5.1.1"))
    assert (unit.bounces, disposition(unit)) == ([(17, 2, "5.1.1")], (Disposition.BOUNCE, 42))


@pytest.mark.parametrize(
    "mail",
    [
        message(to=BOUNCE_ADDRESS, bounce=True),
        message(to="security+bounce.wrong@example.org", bounce=True, bounce_failed=True),
        message(bounce=True, bounce_failed=True),
        message(to=KEYED, bounce=True, bounce_failed=True),
    ],
    ids=["a delay", "a forged address", "no bounce address", "a follow-up's address"],
)
def test_every_other_bounce_does_nothing(mail: Message) -> None:
    unit = handled(mail)
    assert (unit.bounces, unit.notices, unit.opened, disposition(unit)) == ([], [], [], (Disposition.BOUNCE, None))


def test_a_handler_of_mail_on_an_issue_refuses_one_that_belongs_to_none() -> None:
    mail = message()
    unit = FakeUnit()
    for name in ("follow_up", "note", "automatic"):
        with pytest.raises(ValueError, match="belongs to an issue"):
            HANDLERS[name](Case(unit, mail, look_up(unit, mail, SETTINGS, TOKENS), SETTINGS, TOKENS, NOW))
    assert unit.finished == []
