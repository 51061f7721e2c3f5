"""Plans of clocks, and what is due of them at any look."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from mailbot.domain import clocks
from mailbot.domain.calendar import Calendar
from mailbot.domain.clocks import LATE_AFTER, Act, Due, Firing, Plan, due
from mailbot.domain.plans import ResponsePolicy, first_response
from mailbot.duration import Duration

START = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)  # a Tuesday
CALENDAR = Calendar(ZoneInfo("UTC"))
SECOND = timedelta(seconds=1)
HOUR = timedelta(hours=1)


def plan(remind: str = "24h", escalate: str = "48h", *steps: tuple[str, tuple[str, ...]]) -> Plan:
    made = tuple((Duration.parse(after), to) for after, to in steps)
    return first_response(ResponsePolicy(Duration.parse(remind), Duration.parse(escalate), made), CALENDAR, START)


def shape(made: Plan) -> list[tuple[timedelta, str, int, tuple[str, ...]]]:
    """Each firing as (after the start, act, step, to)."""
    return [(firing.at - START, firing.act.value, firing.step, firing.to) for firing in made.firings]


# Plans


def test_without_steps_it_reminds_and_then_escalates_at_the_deadline_to_nobody_in_particular() -> None:
    made = plan()
    assert made.due_at == START + 48 * HOUR
    assert shape(made) == [(24 * HOUR, "remind", 0, ()), (48 * HOUR, "escalate", 1, ())]


def test_steps_count_from_the_deadline_in_order_of_time() -> None:
    made = plan(
        "24h", "48h", ("0s", ("a@x.example",)), ("24h", ("b@x.example", "c@x.example")), ("2h", ("d@x.example",))
    )
    assert shape(made) == [
        (24 * HOUR, "remind", 0, ()),
        (48 * HOUR, "escalate", 1, ("a@x.example",)),
        (50 * HOUR, "escalate", 3, ("d@x.example",)),
        (72 * HOUR, "escalate", 2, ("b@x.example", "c@x.example")),
    ]


def test_steps_at_the_same_time_keep_the_order_of_the_config() -> None:
    made = plan("24h", "48h", ("1h", ("a@x.example",)), ("60m", ("b@x.example",)), ("0s", ("c@x.example",)))
    assert [firing.to for firing in made.firings[1:]] == [("c@x.example",), ("a@x.example",), ("b@x.example",)]


def test_the_deadline_fires_even_where_every_step_comes_later() -> None:
    made = plan("24h", "48h", ("1h", ("a@x.example",)))
    assert shape(made) == [
        (24 * HOUR, "remind", 0, ()),
        (48 * HOUR, "escalate", 0, ()),
        (49 * HOUR, "escalate", 1, ("a@x.example",)),
    ]
    assert made.due_at == START + 48 * HOUR


def test_plans_of_seconds() -> None:
    made = plan("1s", "2s", ("0s", ("a@x.example",)), ("1s", ("b@x.example",)))
    assert [firing.at - START for firing in made.firings] == [SECOND, 2 * SECOND, 3 * SECOND]


def test_business_days_count_on_the_calendar() -> None:
    friday = datetime(2026, 11, 27, 17, 0, tzinfo=UTC)
    policy = ResponsePolicy(Duration.parse("1bd"), Duration.parse("2bd"), ((Duration.parse("4h"), ("a@x.example",)),))
    made = first_response(policy, CALENDAR, friday)
    assert [firing.at.strftime("%a %H:%M") for firing in made.firings] == ["Mon 17:00", "Tue 17:00", "Tue 21:00"]


def test_a_reminder_in_business_days_may_come_after_an_escalation_in_hours() -> None:
    friday = datetime(2026, 11, 27, 17, 0, tzinfo=UTC)
    made = first_response(ResponsePolicy(Duration.parse("1bd"), Duration.parse("48h"), ()), CALENDAR, friday)
    assert [firing.act for firing in made.firings] == [Act.ESCALATE, Act.REMIND]


# Looks at the clock


def looks(made: Plan, *at: timedelta) -> list[list[str]]:
    """What fires at each look, counted from the start, as ``remind`` or ``escalate STEP``."""
    fired, found = 0, []
    for moment in at:
        now = due(made.firings, fired, START + moment)
        fired = now.fired
        found.append([firing.act.value + (f" {firing.step}" if firing.step else "") for firing in now.firings])
    return found


def test_nothing_fires_early_and_everything_at_its_time() -> None:
    early = timedelta(microseconds=1)
    assert looks(plan(), timedelta(0), 24 * HOUR - early, 24 * HOUR, 24 * HOUR, 48 * HOUR - early, 48 * HOUR) == [
        [], [], ["remind"], [], [], ["escalate 1"],
    ]  # fmt: skip


def test_after_an_outage_an_overtaken_reminder_is_left_out() -> None:
    assert looks(plan(), 60 * HOUR, 90 * HOUR) == [["escalate 1"], []]


def test_after_an_outage_every_escalation_step_counts() -> None:
    made = plan("24h", "48h", ("0s", ("a@x.example",)), ("4h", ("b@x.example",)), ("100h", ("c@x.example",)))
    assert looks(made, 72 * HOUR, 148 * HOUR) == [["escalate 1", "escalate 2"], ["escalate 3"]]


def test_several_overtaken_reminders_collapse_into_the_last() -> None:
    reminders = [Firing(START + hours * HOUR, Act.REMIND) for hours in (1, 2, 3, 9)]
    found = due(reminders, 0, START + 5 * HOUR)
    assert (found.firings, found.fired, found.next_at) == ((reminders[2],), 3, reminders[3].at)


def test_a_reminder_that_is_due_with_an_escalation_is_left_out_even_if_it_is_the_later_one() -> None:
    firings = [Firing(START + HOUR, Act.ESCALATE, 1), Firing(START + 2 * HOUR, Act.REMIND)]
    found = due(firings, 0, START + 3 * HOUR)
    assert (found.firings, found.fired, found.next_at) == ((firings[0],), 2, None)


def test_the_next_firing_is_told_until_there_is_none() -> None:
    made = plan()
    assert due(made.firings, 0, START).next_at == START + 24 * HOUR
    assert due(made.firings, 0, START + 30 * HOUR).next_at == START + 48 * HOUR
    assert due(made.firings, 1, START + 50 * HOUR).next_at is None
    assert due(made.firings, 2, START + 50 * HOUR) == Due((), 2, None, late=False)


@pytest.mark.parametrize(
    ("delay", "late"),
    [(timedelta(0), False), (timedelta(seconds=30), False), (LATE_AFTER, False), (LATE_AFTER + SECOND, True)],
)
def test_a_firing_says_late_only_after_more_than_a_takeover_takes(delay: timedelta, late: bool) -> None:
    assert due(plan().firings, 0, START + 24 * HOUR + delay).late is late


def test_one_late_step_among_those_that_fire_makes_them_late_but_a_left_out_reminder_does_not() -> None:
    steps = plan("24h", "48h", ("0s", ("a@x.example",)), ("1h", ("b@x.example",)))
    assert due(steps.firings, 1, START + 49 * HOUR).late
    # The scheduler was away for ten seconds around the deadline of a very short plan: nothing is late.
    assert not due(plan("1s", "50s").firings, 0, START + 55 * SECOND).late
    # The reminder was due two minutes ago, but what fires is on time.
    assert not due(plan("1s", "2m").firings, 0, START + 120 * SECOND).late


def test_a_clock_that_went_back_fires_nothing_twice() -> None:
    assert looks(plan(), 24 * HOUR, timedelta(0), 24 * HOUR, 48 * HOUR, -365 * 24 * HOUR, 48 * HOUR) == [
        ["remind"], [], [], ["escalate 1"], [], [],
    ]  # fmt: skip


# Whatever the plan and whenever somebody looks

DURATIONS = st.one_of(
    st.integers(0, 400_000).map(lambda seconds: Duration(f"{seconds}s", seconds=seconds)),
    st.integers(1, 6).map(lambda days: Duration(f"{days}bd", business_days=days)),
)
STEPS = st.lists(
    st.tuples(st.integers(0, 300_000).map(lambda seconds: Duration(f"{seconds}s", seconds=seconds)), st.just(("a@x",))),
    max_size=5,
).map(tuple)
POLICIES = st.builds(ResponsePolicy, DURATIONS, DURATIONS, STEPS)
STARTS = st.datetimes(datetime(2026, 1, 1), datetime(2028, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - bounds


@settings(deadline=None)
@given(POLICIES, STARTS)
def test_every_plan_has_its_reminder_its_steps_and_an_escalation_at_the_deadline(
    policy: ResponsePolicy, start: datetime
) -> None:
    made = first_response(policy, CALENDAR, start)
    escalations = [firing for firing in made.firings if firing.act is Act.ESCALATE]
    assert [firing.act for firing in made.firings].count(Act.REMIND) == 1
    assert min(firing.at for firing in escalations) == made.due_at
    assert sorted(firing.step for firing in escalations if firing.step) == list(range(1, max(1, len(policy.steps)) + 1))
    assert {firing.step: firing.at - made.due_at for firing in escalations if firing.step and policy.steps} == {
        number: after.delta for number, (after, _) in enumerate(policy.steps, start=1)
    }
    assert [firing.at for firing in made.firings] == sorted(firing.at for firing in made.firings)


class LookedAt(RuleBasedStateMachine):
    """A clock that is looked at whenever somebody likes, also with a wall clock that jumps back."""

    @initialize(policy=POLICIES, start=STARTS)
    def begin(self, policy: ResponsePolicy, start: datetime) -> None:
        self.plan = first_response(policy, CALENDAR, start).firings
        self.now = start
        self.latest = start
        self.fired = 0
        self.done: list[Firing] = []
        self.next_at: datetime | None = None
        self.look()

    def look(self) -> None:
        found = due(self.plan, self.fired, self.now)
        assert all(firing.at <= self.now for firing in found.firings), "fired early"
        over = self.plan[self.fired : found.fired]
        assert [firing for firing in over if firing.act is Act.ESCALATE] == [
            firing for firing in found.firings if firing.act is Act.ESCALATE
        ]
        reminders = [firing for firing in found.firings if firing.act is Act.REMIND]
        assert reminders == ([over[-1]] if over and all(firing.act is Act.REMIND for firing in over) else [])
        assert found.late == any(self.now - firing.at > LATE_AFTER for firing in found.firings)
        assert found.fired >= self.fired
        self.fired, self.next_at = found.fired, found.next_at
        self.done += found.firings

    @rule(seconds=st.integers(0, 500_000))
    def wait_and_look(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)
        self.latest = max(self.latest, self.now)
        self.look()

    @rule()
    def look_exactly_when_the_next_is_due(self) -> None:
        if self.next_at is not None and self.next_at >= self.now:
            self.now = self.next_at
            self.latest = max(self.latest, self.now)
            before = self.fired
            self.look()
            assert self.fired > before

    @rule(days=st.integers(1, 400))
    def the_wall_clock_is_set_back(self, days: int) -> None:
        self.now -= timedelta(days=days)
        self.look()

    @invariant()
    def nothing_is_skipped_and_nothing_comes_twice(self) -> None:
        assert len(set(self.done)) == len(self.done)
        due_so_far = {firing for firing in self.plan if firing.act is Act.ESCALATE and firing.at <= self.latest}
        assert {firing for firing in self.done if firing.act is Act.ESCALATE} == due_so_far
        assert self.next_at == (self.plan[self.fired].at if self.fired < len(self.plan) else None)

    def teardown(self) -> None:
        if hasattr(self, "plan"):
            self.now = self.latest = max(self.plan[-1].at, self.latest)
            self.look()
            self.nothing_is_skipped_and_nothing_comes_twice()
            assert self.fired == len(self.plan)


LookedAt.TestCase.settings = settings(deadline=None, max_examples=40, stateful_step_count=15)
TestWheneverAClockIsLookedAt: Any = LookedAt.TestCase


def test_the_words_of_a_clocks_state_are_those_that_listings_show() -> None:
    assert {state.value for state in clocks.ClockState} == {"running", "paused", "met", "missed", "cancelled"}
