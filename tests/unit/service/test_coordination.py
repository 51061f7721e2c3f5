"""Who is asked to coordinate, in a whole bot: turns, absences, hand-overs, a full round; and the books of clocks."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from mailbot.service import clockwork
from mailbot.service.clockwork import Moment
from mailbot.storage import outcomes
from tests.openpgp_keys import Lab
from tests.world import Sent, World, mail, world

DAY = timedelta(days=1)
CALM = '\n[slo]\nfirst_response_remind = "100d"\nfirst_response_escalate = "200d"\n'
THIRD = """
[[member]]
id = "dave"
name = "Dave Example"
email = "dave@members.example"
oncall = true

[[member]]
id = "erin"
name = "Erin Example"
email = "erin@members.example"
oncall = true
"""
"""With Alice three are on call; Bob is not."""


@pytest.fixture
def bot(short_path: Path, lab: Lab) -> Iterator[World]:
    with world(short_path, lab, extra=CALM, more_members=THIRD) as made:
        yield made


def report(bot: World, number: int = 1) -> None:
    bot.receive(mail(message_id=f"<{number}@out.example>"), "rita@out.example")


def do(bot: World, call: Any, *arguments: Any, actor: str = "operator") -> Any:
    with bot.store.operate() as unit:
        found = call(Moment(unit, bot.current(), actor, bot.now), *arguments)
    bot.sent += bot.settle()
    return found


def asked(sent: list[Sent]) -> list[str | None]:
    return [one.member_id for one in sent if one.kind == "appointed"]


def coordinator(bot: World, number: int = 1) -> dict[str, Any]:
    (found,) = [clock for clock in bot.show(number)["clocks"] if clock["name"] == "coordinator"]
    return dict(found)


def test_members_on_call_are_asked_one_after_the_other_and_then_it_is_escalated_once(bot: World) -> None:
    report(bot)
    assert [asked(bot.pass_time(2 * DAY)) for _ in range(3)] == [["alice"], ["dave"], ["erin"]]
    sent = bot.pass_time(2 * DAY)
    assert {one.kind for one in sent} == {"nobody_coordinates"}
    assert bot.show(1)["appointed"] is None
    assert bot.pass_time(30 * DAY) == []
    assert coordinator(bot)["state"] == "missed"


def test_turns_are_fair_over_issues(bot: World) -> None:
    for number in range(1, 7):
        report(bot, number)
        bot.now += timedelta(minutes=1)
    assert sorted(map(str, asked(bot.pass_time(3 * DAY)))) == ["alice", "alice", "dave", "dave", "erin", "erin"]


def test_who_is_away_is_left_out(bot: World) -> None:
    report(bot)
    do(bot, clockwork.went_away, "alice", bot.now, bot.now + 10 * DAY)
    assert asked(bot.pass_time(2 * DAY)) == ["dave"]
    assert do(bot, clockwork.came_back, "alice") == 1
    assert asked(bot.pass_time(2 * DAY)) == ["alice"]


def test_who_goes_away_while_asked_is_passed_over_at_once(bot: World) -> None:
    report(bot)
    bot.pass_time(2 * DAY)
    do(bot, clockwork.went_away, "alice", bot.now, bot.now + DAY)
    assert bot.show(1)["appointed"] == "dave"


def test_a_decline_moves_on_at_once_and_is_not_asked_again(bot: World) -> None:
    report(bot)
    do(bot, clockwork.declined, 1, "alice")
    assert bot.show(1)["appointed"] == "dave"
    assert coordinator(bot)["state"] == "running"
    do(bot, clockwork.declined, 1, "dave")
    do(bot, clockwork.declined, 1, "bob")
    assert bot.show(1)["appointed"] == "erin"
    before = len([one for one in bot.sent if one.kind == "nobody_coordinates"])
    do(bot, clockwork.declined, 1, "erin")
    assert bot.show(1)["appointed"] is None
    assert len([one for one in bot.sent if one.kind == "nobody_coordinates"]) > before


def test_whoever_is_asked_before_the_time_is_over_has_the_whole_time(bot: World) -> None:
    report(bot)
    bot.pass_time(DAY)
    do(bot, clockwork.assigned, 1, "erin", actor="bob")
    assert asked(bot.pass_time(DAY + timedelta(hours=1))) == []
    assert (bot.show(1)["appointed"], coordinator(bot)["state"]) == ("erin", "missed")
    assert asked(bot.pass_time(DAY)) == ["alice"]


def test_a_hand_over_counts_when_it_is_confirmed_and_lapses_otherwise(bot: World) -> None:
    report(bot)
    do(bot, clockwork.claimed, 1, "alice")
    do(bot, clockwork.assigned, 1, "bob", actor="alice")
    assert (bot.show(1)["owner"], bot.show(1)["appointed"]) == ("alice", "bob")
    sent = bot.pass_time(2 * DAY)
    assert [(one.kind, one.member_id) for one in sent] == [("hand_over_lapsed", "alice")]
    assert (bot.show(1)["owner"], bot.show(1)["appointed"], coordinator(bot)["state"]) == ("alice", None, "cancelled")
    do(bot, clockwork.assigned, 1, "bob", actor="alice")
    do(bot, clockwork.claimed, 1, "bob")
    assert (bot.show(1)["owner"], bot.show(1)["appointed"], coordinator(bot)["state"]) == ("bob", None, "met")


def test_giving_it_back_begins_a_new_round_without_who_gave_it_back(bot: World) -> None:
    report(bot)
    do(bot, clockwork.claimed, 1, "alice")
    do(bot, clockwork.unclaimed, 1)
    assert coordinator(bot)["state"] == "running"
    assert [asked(bot.pass_time(2 * DAY)) for _ in range(2)] == [["dave"], ["erin"]]
    assert {one.kind for one in bot.pass_time(2 * DAY)} == {"nobody_coordinates"}


def test_waiting_keeps_the_search_standing_still(bot: World) -> None:
    report(bot)
    do(bot, clockwork.waiting, 1)
    assert bot.pass_time(10 * DAY) == []
    assert coordinator(bot)["state"] == "paused"
    do(bot, clockwork.resumed, 1)
    assert coordinator(bot)["due_at"] == "2026-12-06T09:00:00Z"
    assert asked(bot.pass_time(2 * DAY)) == ["alice"]


def test_an_answer_of_the_reporter_that_proves_who_it_is_resumes_and_another_does_not(bot: World) -> None:
    report(bot)
    (ack,) = [one for one in bot.sent if one.recipient == "rita@out.example"]
    do(bot, clockwork.waiting, 1)
    bot.receive(mail(message_id="<8@x>", in_reply_to=str(ack.mail["Message-ID"])), "rita@out.example")
    assert bot.show(1)["status"] == "waiting"
    keyed = str(ack.mail["Reply-To"].addresses[0].addr_spec)
    bot.receive(mail(message_id="<9@x>"), "rita@out.example", keyed)
    assert bot.show(1)["status"] == "open"
    do(bot, clockwork.waiting, 1, bot.now + 9 * DAY)
    bot.receive(mail(message_id="<10@x>"), "rita@out.example", keyed)
    assert bot.show(1)["status"] == "waiting", "it waits for a date, not for the reporter"


def test_after_an_outage_the_rotation_does_not_run_through_everybody(bot: World) -> None:
    report(bot)
    sent = bot.pass_time(40 * DAY)
    assert asked(sent) == ["alice"]
    assert "late" in next(one for one in sent if one.kind == "appointed").words


def test_the_outcomes_of_clocks_follow_from_the_log_alone(bot: World) -> None:
    for number in (1, 2, 3):
        report(bot, number)
    do(bot, clockwork.claimed, 1, "alice")
    do(bot, clockwork.human_word, 1)
    bot.pass_time(6 * DAY)
    do(bot, clockwork.human_word, 1)
    do(bot, clockwork.waiting, 1)
    do(bot, clockwork.fixed, 1)
    bot.pass_time(2 * DAY)
    do(bot, clockwork.resumed, 1)
    do(bot, clockwork.set_embargo, 1, bot.now + DAY)
    do(bot, clockwork.set_embargo, 3, None)
    bot.pass_time(3 * DAY)
    do(bot, clockwork.set_embargo, 1, bot.now + 30 * DAY)
    bot.close_issue(2, "invalid")
    do(bot, clockwork.published, 1)
    with bot.store.operate() as unit:
        unit.change_issue(3, {"drill": True})
    with bot.store.database.read() as connection:
        assert outcomes.differing(connection, bot.vault) == []
        stored = outcomes.stored(connection)
        assert stored == outcomes.from_log(connection, bot.vault)
    assert stored["silence", "missed"] == 1
    assert stored["embargo", "missed"] == stored["embargo", "met"] == stored["embargo", "cancelled"] == 1
    assert ("embargo", "running") not in stored, "the third is a drill"


def test_an_outcome_that_somebody_changed_is_found(bot: World) -> None:
    report(bot)
    bot.pass_time(2 * DAY)
    with bot.store.database.write() as connection:
        connection.exec_driver_sql("UPDATE clock SET state = 'met' WHERE name = 'coordinator'")
    with bot.store.database.read() as connection:
        assert len(outcomes.differing(connection, bot.vault)) == 1


def test_reopening_restarts_no_clock(bot: World) -> None:
    report(bot)
    bot.close_issue(1, "invalid")
    do(bot, clockwork.reopened, 1)
    assert {clock["state"] for clock in bot.show(1)["clocks"]} == {"cancelled"}
    assert bot.pass_time(200 * DAY) == []
