"""A clock that stands still, goes on, ends, moves: at the moments at which people wonder."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from mailbot.domain import plans
from mailbot.domain.calendar import Calendar
from mailbot.domain.clocks import Act, Clock, Plan, ordered
from mailbot.duration import Duration

START = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)  # a Tuesday
UTC_ZONE = Calendar(ZoneInfo("UTC"))
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def clock(plan: Plan) -> Clock:
    return Clock(
        1, 1, "silence", "running", START, plan.due_at, plan.firings[0].at, plan.firings, 0, business=plan.business
    )


def silence(target: str = "5d", calendar: Calendar = UTC_ZONE, start: datetime = START) -> Clock:
    return clock(plans.silence(Duration.parse(target), calendar, start))


def test_a_pause_keeps_what_was_left() -> None:
    paused = silence().pause(START + 2 * DAY)
    assert (paused.state, paused.next_at) == ("paused", None)
    after = paused.resume(START + 12 * DAY, UTC_ZONE)
    assert (after.state, after.due_at, after.next_at) == ("running", START + 15 * DAY, START + 15 * DAY)
    assert [firing.at - START for firing in after.firings] == [15 * DAY, 17.5 * DAY]
    assert (after.paused, after.paused_at) == (10 * DAY, None)


def test_two_reasons_to_wait_count_once() -> None:
    twice = silence().pause(START + DAY).pause(START + 3 * DAY).resume(START + 4 * DAY, UTC_ZONE)
    assert (twice.due_at, twice.paused) == (START + 8 * DAY, 3 * DAY)
    assert twice.resume(START + 9 * DAY, UTC_ZONE) == twice


def test_a_second_pause_adds_to_the_first() -> None:
    found = (
        silence().pause(START).resume(START + DAY, UTC_ZONE).pause(START + 2 * DAY).resume(START + 4 * DAY, UTC_ZONE)
    )
    assert (found.due_at, found.paused) == (START + 8 * DAY, 3 * DAY)


def test_a_missed_clock_stands_still_too_and_stays_missed() -> None:
    missed, due = silence().fire(START + 5 * DAY)
    assert [firing.act for firing in due.firings] == [Act.DUE]
    paused = missed.pause(START + 6 * DAY)
    assert (paused.state, paused.next_at) == ("missed", None)
    after = paused.resume(START + 8 * DAY, UTC_ZONE)
    assert (after.state, after.due_at, after.next_at) == ("missed", START + 5 * DAY, START + 9.5 * DAY)


def test_what_is_due_and_not_fired_yet_is_missed_by_a_pause_and_comes_after_it() -> None:
    paused = silence().pause(START + 5 * DAY + HOUR)
    assert paused.state == "missed"
    after, due = paused.resume(START + 6 * DAY, UTC_ZONE).fire(START + 6 * DAY)
    assert [firing.act for firing in due.firings] == [Act.DUE]
    assert after.state == "missed"


def test_a_wall_clock_that_went_back_during_a_pause_takes_nothing_away() -> None:
    found = silence().pause(START + DAY).resume(START - 365 * DAY, UTC_ZONE)
    assert (found.due_at, found.paused) == (START + 5 * DAY, timedelta(0))


@pytest.mark.parametrize(
    ("at", "kept", "state"),
    [(4 * DAY, True, "met"), (4 * DAY, False, "cancelled"), (5 * DAY, True, "missed"), (6 * DAY, False, "missed")],
)
def test_a_duty_ends_as_it_was_done(at: timedelta, kept: bool, state: str) -> None:
    ended = silence().stop(START + at, kept=kept)
    assert (ended.state, ended.ended_at, ended.next_at) == (state, START + at, None)
    assert ended.stop(START + 99 * DAY, kept=True) == ended
    assert ended.pause(START + 99 * DAY) == ended


def test_a_paused_clock_has_no_deadline_that_could_pass() -> None:
    assert silence().pause(START + DAY).stop(START + 30 * DAY, kept=True).state == "met"


@pytest.mark.parametrize(
    ("paused", "resumed", "due"),
    [
        ("Wed 2026-11-25 12:00", "Thu 2026-11-26 15:00", "Wed 2026-12-02 12:00"),
        ("Fri 2026-11-27 20:00", "Sun 2026-11-29 10:00", "Tue 2026-12-01 13:00"),  # four hours of Friday
        ("Sat 2026-11-28 01:00", "Sun 2026-11-29 23:00", "Tue 2026-12-01 09:00"),  # the weekend moves nothing
        ("Wed 2026-11-25 09:00", "Wed 2026-12-02 09:00", "Tue 2026-12-08 09:00"),
    ],
)
def test_business_days_count_their_own_hours_only(paused: str, resumed: str, due: str) -> None:
    def at(text: str) -> datetime:
        return datetime.strptime(text, "%a %Y-%m-%d %H:%M").replace(tzinfo=UTC)

    found = silence("5bd").pause(at(paused)).resume(at(resumed), UTC_ZONE)
    assert found.due_at == at(due)


def test_over_the_change_to_summer_time_an_elapsed_day_has_24_hours_and_a_business_day_ends_at_its_hour() -> None:
    berlin = Calendar(ZoneInfo("Europe/Berlin"))
    friday = datetime(2027, 3, 26, 9, 0, tzinfo=UTC)  # 10:00 in Berlin; the clocks go forward on Sunday
    elapsed = clock(plans.coordinator(Duration.parse("72h"), berlin, friday))
    business = clock(plans.coordinator(Duration.parse("1bd"), berlin, friday))
    assert elapsed.due_at == datetime(2027, 3, 29, 9, 0, tzinfo=UTC)
    assert business.due_at == datetime(2027, 3, 29, 8, 0, tzinfo=UTC)  # 10:00 in Berlin again


def test_an_embargo_over_a_leap_day_and_over_the_end_of_a_year() -> None:
    plan = plans.date(datetime(2028, 2, 29, 12, 0, tzinfo=UTC), (Duration.parse("1d"),), START)
    assert [firing.at.isoformat()[:10] for firing in plan.firings] == ["2028-02-28", "2028-02-29", "2028-03-01"]
    plan = plans.date(datetime(2027, 1, 1, 12, 0, tzinfo=UTC), (Duration.parse("1d"),), START)
    assert [firing.at.isoformat()[:10] for firing in plan.firings] == ["2026-12-31", "2027-01-01", "2027-01-02"]


def test_an_overdue_date_comes_every_day_and_after_an_outage_once() -> None:
    found = clock(plans.date(START + DAY, (), START))
    seen = []
    for hours in (24, 48, 72, 200, 216):
        found, due = found.fire(START + hours * HOUR)
        seen.append(([firing.act.value for firing in due.firings], due.late))
    assert seen == [
        (["due"], False), (["overdue"], False), (["overdue"], False), (["overdue"], True), (["overdue"], False),
    ]  # fmt: skip
    assert found.next_at == START + 240 * HOUR
    assert len(found.firings) == 2


def test_silence_in_business_days_widens_half_of_them_later() -> None:
    firings = plans.silence(Duration.parse("5bd"), UTC_ZONE, START).firings
    assert [firing.at.strftime("%a %d %H:%M") for firing in firings] == ["Tue 01 09:00", "Thu 03 21:00"]


@pytest.mark.parametrize("days", [40, 20, 5, -1])
def test_a_key_is_told_of_at_the_nearest_reminder_that_is_past_and_at_those_to_come(days: int) -> None:
    plan = plans.key_expiry(START + days * DAY, plans.KEY_REMINDERS, START)
    assert ordered(plan.firings)
    now = [firing for firing in plan.firings if firing.at <= START]
    assert len(now) == {40: 0, 20: 1, 5: 1, -1: 2}[days]
    assert plan.firings[-1].at == START + days * DAY


def test_a_legal_deadline_is_reminded_of_when_a_quarter_is_left() -> None:
    plan = plans.regulatory(plans.EARLY_WARNING, START)
    assert [(firing.at - START, firing.act) for firing in plan.firings] == [
        (18 * HOUR, Act.REMIND),
        (24 * HOUR, Act.DUE),
    ]


def test_a_clock_that_is_no_promise_is_done_at_its_time() -> None:
    found, _ = clock(plans.moment(START + DAY)).fire(START + DAY, promise=False)
    assert (found.state, found.ended_at) == ("met", START + DAY)


def test_what_comes_next_can_be_planned_after_a_firing_and_keeps_the_deadline() -> None:
    found, _ = silence().fire(START + 5 * DAY)
    later = found.plan_next(replace(found.firings[1], at=START + 20 * DAY))
    assert (later.due_at, later.next_at, later.fired) == (START + 5 * DAY, START + 20 * DAY, 1)
