"""Which issue a mail belongs to, and which route it takes."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailbot.domain.issue import Role
from mailbot.service import handlers, router
from mailbot.service.message import Message
from mailbot.service.ports import Verdict
from mailbot.service.router import Facts, look_up, route, subject_numbers
from tests.unit.service.cases import (
    ALICE,
    BOB,
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
MALLORY = "mallory@evil.example"
KEYED = f"security+42.{TOKENS.participant(42, RITA)}@example.org"
NUMBERED = "security+42@example.org"


def unit(**known: Any) -> FakeUnit:
    """Issue 42 was reported by Rita; 7 is somebody else's."""
    values: dict[str, Any] = {
        "issues": {42: issue_view(42), 7: issue_view(7, reporter="sam@out.example")},
        "roles": {(42, RITA): Role.REPORTER, (7, "sam@out.example"): Role.REPORTER},
    }
    return FakeUnit(**(values | known))


def facts(mail: Message, known: FakeUnit | None = None) -> Facts:
    return look_up(known or unit(), mail, SETTINGS, TOKENS)


def number(found: Facts) -> int | None:
    return found.issue.number if found.issue else None


# The keyed address


def test_the_keyed_address_in_its_participants_hand_names_the_issue() -> None:
    found = facts(message(to=KEYED))
    assert (number(found), found.keyed, found.role, found.mentions) == (42, True, Role.REPORTER, ())


def test_a_mail_system_may_change_the_case_of_the_keyed_address_and_of_its_sender() -> None:
    assert facts(message(to=KEYED.upper(), author=RITA.title())).keyed


def test_the_keyed_address_in_another_hand_is_a_strangers_mail_that_mentions_the_issue() -> None:
    found = facts(message(to=KEYED, author=MALLORY))
    assert (number(found), found.keyed, found.role, found.mentions) == (None, False, None, (42,))


@pytest.mark.parametrize("token", ["wrong", TOKENS.participant(7, RITA), TOKENS.participant(42, "sam@out.example")])
def test_a_wrong_token_names_nothing(token: str) -> None:
    found = facts(message(to=f"security+42.{token}@example.org"))
    assert (number(found), found.keyed, found.mentions) == (None, False, (42,))


def test_a_keyed_address_of_an_issue_that_is_not_there_looks_the_same() -> None:
    found = facts(message(to=f"security+99.{TOKENS.participant(99, RITA)}@example.org"))
    assert (number(found), found.keyed, found.mentions) == (None, False, (99,))


def test_another_sender_of_a_keyed_address_may_still_thread_by_what_the_bot_sent_to_them() -> None:
    known = unit(references={("<sent@example.org>", MALLORY): 7})
    found = facts(message(to=KEYED, author=MALLORY, references=("<sent@example.org>",)), known)
    assert (number(found), found.keyed, found.mentions) == (7, False, (42,))


# The numbered address


@pytest.mark.parametrize("signature", [signed_by("alice"), None], ids=["signed", "unsigned"])
def test_members_and_who_carries_their_address_reach_an_issue_by_its_number(signature: Any) -> None:
    changes = {} if signature is None else {"signature": signature}
    found = facts(message(to=NUMBERED, author=ALICE, **changes))
    assert (number(found), found.keyed, found.mentions) == (42, False, ())
    assert (found.member is not None) == (signature is not None)
    assert found.claims_member is SETTINGS.member[0]


def test_a_member_who_signs_reaches_it_from_any_address() -> None:
    found = facts(message(to=NUMBERED, author="alice@home.example", signature=signed_by("alice")))
    assert (number(found), found.member, found.claims_member) == (42, SETTINGS.member[0], None)


@pytest.mark.parametrize("author", [MALLORY, RITA])
def test_nobody_else_reaches_an_issue_by_its_number(author: str) -> None:
    found = facts(message(to=NUMBERED, author=author))
    assert (number(found), found.mentions) == (None, (42,))


def test_a_number_that_is_not_there_is_only_mentioned() -> None:
    found = facts(message(to="security+99@example.org", author=ALICE, signature=signed_by("alice")))
    assert (number(found), found.mentions) == (None, (99,))


# References


def test_an_answer_to_what_the_bot_sent_to_its_sender_threads() -> None:
    known = unit(references={("<sent@example.org>", RITA): 42})
    found = facts(message(references=("<unknown@x>", "<sent@example.org>")), known)
    assert (number(found), found.keyed, found.role) == (42, False, Role.REPORTER)


def test_an_answer_to_what_the_bot_sent_to_somebody_else_does_not() -> None:
    known = unit(references={("<sent@example.org>", RITA): 42})
    found = facts(message(author=MALLORY, references=("<sent@example.org>",)), known)
    assert (number(found), found.mentions) == (None, (42,))


def test_the_nearest_reference_counts() -> None:
    known = unit(references={("<far@x>", RITA): 7, ("<near@x>", RITA): 42})
    assert number(facts(message(references=("<near@x>", "<far@x>")), known)) == 42


def test_a_member_who_signs_is_looked_up_by_the_address_that_mail_is_sent_to() -> None:
    known = unit(references={("<sent@example.org>", ALICE): 42})
    found = facts(
        message(author="alice@home.example", references=("<sent@example.org>",), signature=signed_by("alice")), known
    )
    assert (number(found), found.member) == (42, SETTINGS.member[0])


# The subject


@pytest.mark.parametrize("subject", ["[EX-42] x", "Re: AW: [ex-42] x", "x [EX-42]"])
def test_the_tag_in_a_participants_subject_threads(subject: str) -> None:
    found = facts(message(subject=subject))
    assert (number(found), found.mentions) == (42, ())


def test_so_it_does_in_a_members() -> None:
    assert number(facts(message(subject="[EX-42] x", author=ALICE, signature=signed_by("alice")))) == 42
    assert number(facts(message(subject="[EX-42] x", author=BOB))) == 42


def test_in_a_strangers_it_is_only_mentioned() -> None:
    found = facts(message(subject="[EX-42] x", author=MALLORY))
    assert (number(found), found.mentions) == (None, (42,))


def test_of_several_tags_the_first_of_the_participants_own_counts() -> None:
    found = facts(message(subject="[EX-99] [EX-7] [EX-42] x"))
    assert (number(found), found.mentions) == (42, (7, 99))


def test_the_same_subject_never_threads() -> None:
    assert number(facts(message(subject="Re: Heap overflow"))) is None


@pytest.mark.parametrize(
    ("subject", "numbers"),
    [
        ("", ()),
        ("EX-42", ()),
        ("[EX-42]", (42,)),
        ("[EX-42][EX-43]", (42, 43)),
        ("[ EX-42 ]", ()),
        ("[EX-042]", ()),
        ("[EX-0]", ()),
        ("[EX-1234567890]", ()),
        ("[FX-42]", ()),
        ("[AEX-42]", ()),
        ("[EX-\u0664\u0662]", ()),
        ("[EX-42.TOKEN]", ()),
    ],
)
def test_only_the_whole_tag_of_this_instance_names_a_number(subject: str, numbers: tuple[int, ...]) -> None:
    assert subject_numbers(subject, "EX") == numbers


@given(st.text(), st.from_regex(r"[A-Z][A-Z0-9]{0,9}", fullmatch=True))
def test_subjects_are_read_without_failing(subject: str, prefix: str) -> None:
    assert all(0 < found < 10**9 for found in subject_numbers(subject, prefix))


# Which of these counts first


def test_the_keyed_address_counts_before_references_and_these_before_the_subject() -> None:
    known = unit(
        issues={name: issue_view(name) for name in (7, 8, 42)},
        references={("<seven@x>", RITA): 7},
        roles={(name, RITA): Role.REPORTER for name in (7, 8, 42)},
    )
    everything = message(to=KEYED, references=("<seven@x>",), subject="[EX-8] x")
    assert (number(facts(everything, known)), facts(everything, known).mentions) == (42, (7, 8))
    without_key = message(references=("<seven@x>",), subject="[EX-8] x")
    assert number(facts(without_key, known)) == 7
    assert number(facts(message(subject="[EX-8] x"), known)) == 8


def test_the_numbered_address_counts_before_a_members_references() -> None:
    known = unit(references={("<seven@x>", ALICE): 7})
    mail = message(to=NUMBERED, author=ALICE, references=("<seven@x>",), signature=signed_by("alice"))
    assert number(facts(mail, known)) == 42


# Who wrote


@pytest.mark.parametrize("verdict", [verdict for verdict in Verdict if verdict is not Verdict.GOOD])
def test_no_signature_but_a_good_one_makes_a_member(verdict: Verdict) -> None:
    found = facts(message(author=ALICE, signature=signed_by("alice", verdict)))
    assert (found.member, found.claims_member) == (None, SETTINGS.member[0])


def test_a_good_signature_by_a_key_that_is_no_members_makes_none() -> None:
    assert facts(message(author=ALICE, signature=signed_by("carol"))).member is None


def test_the_signature_alone_decides_who_it_is_whatever_from_says() -> None:
    found = facts(message(author=BOB, signature=signed_by("alice")))
    assert (found.member, found.claims_member) == (SETTINGS.member[0], SETTINGS.member[1])


def test_a_mail_without_an_author_is_nobodys() -> None:
    found = facts(message(author="", to=NUMBERED))
    assert (found.member, found.claims_member, number(found), found.role) == (None, None, None, None)


def test_our_own_mail_is_known_by_its_message_id_and_not_by_from() -> None:
    assert facts(message(author=PUBLIC, message_id=TOKENS.message_id(1, 0))).own
    assert facts(message(author=RITA, message_id=TOKENS.message_id(1, 0))).own
    assert not facts(message(author=PUBLIC, message_id="<1@example.org>")).own


def test_a_bounce_address_names_its_mail_only_with_its_proof() -> None:
    token = TOKENS.bounce(17, 2)
    assert facts(message(to=f"security+bounce.{token}@example.org")).bounced == (17, 2)
    assert facts(message(to="security+bounce.wrong@example.org")).bounced is None
    assert facts(message(to=f"security+confirm.{token.replace('-', '')}@example.org")).bounced is None


# Routes

KNOWN = FakeUnit(
    issues={42: issue_view(42)}, roles={(42, RITA): Role.REPORTER}, references={("<sent@example.org>", ALICE): 42}
)
BOUNCE_ADDRESS = f"security+bounce.{TOKENS.bounce(17, 2)}@example.org"
OWN_ID = TOKENS.message_id(1, 0)


@pytest.mark.parametrize(
    ("mail", "name"),
    [
        (message(), "report"),
        (message(subject="Delayed free in parser leads to UAF", text="access denied, 550 5.1.1"), "report"),
        (message(author=""), "report"),
        (message(automatic=True), "report"),
        (message(listed=True), "report"),
        (message(author=ALICE, signature=signed_by("alice")), "report"),
        (message(to="security+42@example.org"), "report"),
        (message(to="security+control@example.org"), "report"),
        (message(to=KEYED), "follow_up"),
        (message(to=KEYED, listed=True), "follow_up"),
        (message(to=KEYED, automatic=True), "follow_up"),
        (message(to=NUMBERED, author=ALICE), "follow_up"),
        (message(to=NUMBERED, author=ALICE, signature=signed_by("alice")), "note"),
        (message(to=KEYED, automatic=True, vacation=True), "automatic"),
        (message(to=NUMBERED, author=ALICE, automatic=True, vacation=True), "automatic"),
        (message(automatic=True, vacation=True), "report"),
        (message(to="security+key@example.org"), "key_request"),
        (message(to="security+key@example.org", author=ALICE, signature=signed_by("alice")), "key_request"),
        (message(to=BOUNCE_ADDRESS), "bounce"),
        (message(to="security+bounce.wrong@example.org"), "bounce"),
        (message(bounce=True), "bounce"),
        (message(message_id=OWN_ID), "own"),
    ],
)
def test_each_mail_takes_its_route(mail: Message, name: str) -> None:
    assert route(mail, look_up(KNOWN, mail, SETTINGS, TOKENS)) == name


@pytest.mark.parametrize(
    ("mail", "name"),
    [
        # A mail that was handled before is nothing else as well.
        (message(digest=b"seen", message_id=OWN_ID, to=BOUNCE_ADDRESS, bounce=True), "redelivery"),
        # Our own mail that comes back is not answered as whatever it looks like.
        (message(message_id=OWN_ID, to=BOUNCE_ADDRESS, bounce=True), "own"),
        (message(message_id=OWN_ID, to=KEYED, automatic=True, vacation=True), "own"),
        # A mail system's word on a mail of ours is no vacation reply and nobody's follow-up.
        (message(to=KEYED, bounce=True, automatic=True, vacation=True), "bounce"),
        (message(to=KEYED, vacation=True, signature=signed_by("alice")), "automatic"),
        # Whoever writes on an issue is heard, whichever address they chose beside it: a key request would be silence.
        (message(to="security+key@example.org", subject="[EX-42] more on this"), "follow_up"),
        (
            message(
                to="security+key@example.org", author=ALICE, references=("<sent@example.org>",),
                signature=signed_by("alice"),
            ),
            "note",
        ),
    ],
)  # fmt: skip
def test_the_first_row_that_matches_counts(mail: Message, name: str) -> None:
    known = FakeUnit(KNOWN.issues, KNOWN.roles, KNOWN.references, digests={b"seen"})
    assert route(mail, look_up(known, mail, SETTINGS, TOKENS)) == name


def test_every_route_has_its_handler_and_every_handler_its_route() -> None:
    names = [row.name for row in router.ROUTES]
    assert len(set(names)) == len(names)
    assert set(names) == set(handlers.HANDLERS)


FLAGS: dict[str, Callable[[bool], dict[str, Any]]] = {
    "automatic": lambda on: {"automatic": on},
    "vacation": lambda on: {"vacation": on},
    "listed": lambda on: {"listed": on},
    "bounce": lambda on: {"bounce": on},
    "signed": lambda on: {"signature": signed_by("alice")} if on else {},
    "own": lambda on: {"message_id": OWN_ID} if on else {},
}


@given(
    st.fixed_dictionaries({name: st.booleans() for name in FLAGS}),
    st.sampled_from(
        [PUBLIC, KEYED, NUMBERED, BOUNCE_ADDRESS, "security+key@example.org", "security+control@example.org", "x@y.z"]
    ),
    st.sampled_from([RITA, ALICE, MALLORY, ""]),
    st.sampled_from(["Heap overflow", "[EX-42] x"]),
)
def test_no_mail_is_without_a_route_and_none_that_threads_opens_an_issue(
    flags: dict[str, bool], to: str, author: str, subject: str
) -> None:
    changes: dict[str, Any] = {"subject": subject}
    for name, on in flags.items():
        changes |= FLAGS[name](on)
    mail = message(to=to, author=author, **changes)
    found = look_up(KNOWN, mail, SETTINGS, TOKENS)
    assert (route(mail, found) in ("report", "key_request")) <= (found.issue is None)
