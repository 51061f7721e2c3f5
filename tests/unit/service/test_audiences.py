"""Who receives what: members hear what only members may, and nobody outside ever does."""

from typing import Any

import pytest

from mailbot.config import Settings
from mailbot.domain.issue import Role
from mailbot.service.audiences import Recipient
from mailbot.service.notices import NOTICES
from mailbot.service.posting import Manner
from mailbot.service.store import Participant, ReporterKey
from tests.twins import fake_fingerprint
from tests.unit.service.cases import RITA, issue_view, settings
from tests.unit.service.composing import ABOUT_NO_ISSUE, CC, ESCALATION, EXPERT, PERSONAL, parameters

LIST = "security-private@example.org"
MEMBERS = settings()
TO_LIST = settings(relay={"to": "list", "list_address": LIST, "list_key": "E" * 40})
EVENTS = sorted(NOTICES)

TOLD = {
    "report": {"alice", "bob", "dave"},
    "unreadable": {"alice", "bob", "dave"},
    "follow_up": {"alice", "bob", "dave", EXPERT},
    "note": {"bob", "dave", EXPERT},
    "changed": {"bob", "dave", EXPERT},
    "answered": {"bob", "dave", EXPERT},
    "opinion": {"bob", "dave"},
    "confirm": {"alice"},
    "second": {"bob", "dave"},
    "introduction": {EXPERT},
    "reply": {RITA, CC},
    "transcript": {"alice"},
    "reminder": {"alice", "bob", "dave"},
    "escalated": {"alice", "bob", "dave"},
    "undelivered_reporter": {"alice", "bob", "dave"},
    "acknowledgement": {RITA},
    "acknowledgement_unreadable": {RITA},
    "escalation_reporter": {RITA},
    "escalation": {ESCALATION},
    "key": {RITA},
    "held": {"alice", "bob", "dave"},
    "new_key": {"alice", "bob", "dave"},
    "loop": {"security@example.org"},
    "trouble": {"ops@example.org"},
    "undelivered_member": {"ops@example.org"},
    "appointed": {"alice"},
    "hand_over": {"alice"},
    "hand_over_lapsed": {"alice"},
    "nobody_coordinates": {"alice", "bob", "dave"},
    "silence": {"bob"},
    "deadline": {"alice", "bob", "dave"},
    "regulatory": {"alice", "bob", "dave"},
    "wait_over": {"bob"},
    "lift": {"bob", "dave"},
    "digest": {"alice", "bob", "dave"},
    "embargo_reporter": {RITA},
    "escalation_coordinator": {ESCALATION},
    "regulatory_contact": {ESCALATION},
    "key_expiry": {"alice"},
    "key_expiry_operators": {"ops@example.org"},
    "member_key": {"alice", "bob", "dave", "ops@example.org"},
    "announcement": {"announce@example.org"},
}
"""Event -> member ids, or addresses outside."""


CAST = (
    Participant(Role.REPORTER, RITA, "Rita"),
    Participant(Role.CC, CC, "", ReporterKey("C" * 40, "armor")),
    Participant(Role.EXPERT, EXPERT, "", ReporterKey("E" * 40, "armor")),
    Participant(Role.EXPERT, "yuri@expert.example", ""),
)
"""Everybody who can take part from outside; the last one has no key, and so gets nothing."""


def told(
    event: str, config: Settings = MEMBERS, cast: tuple[Participant, ...] = CAST[:2], **changes: Any
) -> list[Recipient]:
    """`cast` without experts, if nothing else is said."""
    issue = None if event in ABOUT_NO_ISSUE else issue_view(participants=cast)
    return NOTICES[event].audience(config, issue, parameters(event, **changes))


def test_every_notice_has_its_line_in_this_table() -> None:
    assert set(TOLD) == set(NOTICES)


@pytest.mark.parametrize("event", EVENTS)
def test_each_notice_goes_to_those_it_is_for(event: str) -> None:
    found = told(event, cast=CAST)
    assert {one.member_id or one.address for one in found} == TOLD[event]
    assert len({one.address for one in found}) == len(found)


@pytest.mark.parametrize("event", [one for one in EVENTS if NOTICES[one].manner is Manner.MEMBERS])
@pytest.mark.parametrize("config", [MEMBERS, TO_LIST], ids=["members", "list"])
def test_no_outsider_is_among_the_audience_of_a_members_notice(event: str, config: Settings) -> None:
    inside = {member.email: member for member in config.member}
    for one in told(event, config, to=[ESCALATION], address=RITA):
        if config.relay.to == "list" and event not in (*PERSONAL, "second"):
            assert one == Recipient(LIST, None, "E" * 40)
        else:
            member = inside[one.address]
            assert (one.member_id, one.fingerprint) == (member.id, member.fingerprint)


@pytest.mark.parametrize(
    "event",
    [event for event in EVENTS if NOTICES[event].manner is Manner.OUTSIDE and event not in (*PERSONAL, "member_key")],
)
@pytest.mark.parametrize("config", [MEMBERS, TO_LIST], ids=["members", "list"])
def test_a_notice_for_outsiders_goes_to_no_member_and_not_to_the_list(event: str, config: Settings) -> None:
    found = told(event, config)
    assert found
    assert all(one.member_id is None and one.fingerprint is None for one in found)
    assert not {one.address for one in found} & {LIST, *(member.email for member in config.member)}


MEMBERS_EVENTS = [
    one for one in EVENTS if NOTICES[one].manner is Manner.MEMBERS and one not in ("introduction", "second")
]


@pytest.mark.parametrize("config", [MEMBERS, TO_LIST], ids=["members", "list"])
def test_an_expert_follows_the_thread_beside_the_members_and_hears_nothing_else(config: Settings) -> None:
    for event in EVENTS:
        without = {one.address for one in told(event, config)}
        extra = {one.address for one in told(event, config, CAST)} - without
        assert extra == ({EXPERT} if EXPERT in TOLD[event] else set()), event
        assert EXPERT not in {one.address for one in told(event, config, CAST, **{"from": EXPERT.upper()})} or (
            event == "introduction"
        )


def test_an_expert_without_a_key_gets_nothing() -> None:
    assert all(one.key for event in EVENTS for one in told(event, cast=CAST) if one.address.endswith("expert.example"))
    assert told("introduction", cast=CAST, to="yuri@expert.example") == []


def test_a_reply_goes_only_to_those_who_still_take_part_and_never_to_an_expert() -> None:
    to = [[RITA, "<1@out.example>"], [CC, ""], [EXPERT, ""], ["gone@vendor.example", ""]]
    found = told("reply", cast=CAST, to=to)
    assert [(one.address, one.answers, one.by_hand) for one in found] == [
        (RITA, "<1@out.example>", True), (CC, "", True),
    ]  # fmt: skip


def test_a_reply_in_one_issue_reaches_nobody_of_another() -> None:
    """A duplicate is an issue of its own, with a reporter of its own."""
    other = (Participant(Role.REPORTER, "ruth@other.example", "Ruth"),)
    found = NOTICES["reply"].audience(MEMBERS, issue_view(duplicate_of=41), parameters("reply"))
    assert {one.address for one in found} == {RITA}
    assert told("reply", cast=other) == []


def test_with_a_list_each_members_notice_is_one_mail_to_it() -> None:
    for event in MEMBERS_EVENTS:
        if event not in PERSONAL:
            assert [one.address for one in told(event, TO_LIST)] == [LIST]


@pytest.mark.parametrize("config", [MEMBERS, TO_LIST], ids=["members", "list"])
def test_what_answers_one_member_goes_to_the_address_in_the_config_and_nowhere_else(config: Settings) -> None:
    for event in PERSONAL:
        assert [one.address for one in told(event, config)] == ["alice@members.example"]
        assert told(event, settings(member=[])) == []


@pytest.mark.parametrize(("own_copies", "audience"), [(False, {"bob", "dave"}), (True, {"alice", "bob", "dave"})])
def test_who_wrote_a_note_gets_a_copy_only_if_the_config_says_so(own_copies: bool, audience: set[str]) -> None:
    config = settings(relay={"own_copies": own_copies})
    assert {one.member_id for one in told("note", config)} == audience


def test_a_follow_up_that_only_carries_a_members_address_reaches_that_member_too() -> None:
    params: dict[str, Any] = {"from": "alice@members.example"}
    assert {one.member_id for one in told("follow_up", **params)} == {"alice", "bob", "dave"}


@pytest.mark.parametrize(
    ("silent", "audience"),
    [(["alice", "bob", "dave"], {"alice", "bob", "dave"}), (["dave"], {"bob", "dave"}), ([], {"bob"})],
)
def test_reminded_are_who_is_on_call_and_who_wrote_nothing_yet(silent: list[str], audience: set[str]) -> None:
    config = settings(
        member=[
            {"id": name, "name": name, "email": f"{name}@members.example", "oncall": name == "bob"}
            for name in ("alice", "bob", "dave")
        ]
    )
    assert {one.member_id for one in told("reminder", config, silent=silent)} == audience


def test_a_member_who_left_is_in_no_audience() -> None:
    config = settings(member=[{"id": "bob", "name": "Bob", "email": "bob@members.example"}])
    for event in MEMBERS_EVENTS:
        assert [one.member_id for one in told(event, config)] == ([] if event in PERSONAL else ["bob"])


def test_nobody_is_told_where_there_is_nobody() -> None:
    assert NOTICES["acknowledgement"].audience(MEMBERS, issue_view(reporter=""), parameters("acknowledgement")) == []
    assert told("undelivered_member", settings(operators={"addresses": []})) == []
    assert told("report", settings(member=[])) == []


def test_members_are_recipients_with_the_key_of_the_config_and_none_else() -> None:
    keys = {one.member_id: one.fingerprint for one in told("report")}
    assert keys == {"alice": fake_fingerprint("alice"), "bob": fake_fingerprint("bob"), "dave": None}
