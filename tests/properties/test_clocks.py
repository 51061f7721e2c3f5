"""Clocks against a model that is too simple to be wrong: what was left, what was due in between, who had it."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import hypothesis.strategies as st
from hypothesis import given, settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from mailbot.domain import clock_kinds
from mailbot.domain.calendar import Calendar
from mailbot.domain.clock_kinds import Event, react
from mailbot.domain.clocks import Act, Clock, ClockState, Plan
from mailbot.domain.plans import Policy, ResponsePolicy
from mailbot.duration import Duration

START = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
CALENDAR = Calendar(ZoneInfo("UTC"))
DAY = timedelta(days=1)
SILENCE = timedelta(days=5)
BEFORE = (timedelta(days=14), timedelta(days=7), timedelta(days=3), DAY)
POLICY = Policy(
    response=ResponsePolicy(Duration.parse("24h"), Duration.parse("48h"), ()), coordinator=Duration.parse("48h"),
    silence=Duration.parse("5d"), embargo=Duration.parse("90d"), publish_after_fix=Duration.parse("98d"),
    remind_before=tuple(Duration.parse(text) for text in ("14d", "7d", "3d", "1d")),
)  # fmt: skip
TIMES = st.integers(1, 4 * 24 * 60).map(lambda minutes: timedelta(minutes=minutes))


class Issue:
    """An issue's clocks as the storage keeps them: all rounds, changed by `react` and by looks at the time."""

    def __init__(self) -> None:
        self.now = START
        self.clocks: list[Clock] = []
        self.waiting = False
        self.fired: list[tuple[str, Act, datetime]] = []

    def happen(self, event: Event, date: datetime | None = None) -> None:
        for change in react(self.last(), event, self.now, POLICY, CALENDAR, date=date):
            if change.before is not None and change.after is not None:
                self.put(change.after)
            elif change.plan is not None:
                made = self.start(change.name, change.plan)
                kind = clock_kinds.kind_of(change.name)
                if self.waiting and kind is not None and kind.pauses:
                    self.put(made.pause(self.now))

    def start(self, name: str, plan: Plan) -> Clock:
        made = Clock(
            len(self.clocks), 1, name, ClockState.RUNNING, self.now, plan.due_at, plan.firings[0].at, plan.firings, 0
        )
        self.clocks.append(made)
        return made

    def put(self, clock: Clock) -> None:
        self.clocks[clock.id] = clock

    def last(self) -> list[Clock]:
        return list({clock.name: clock for clock in self.clocks}.values())

    def get(self, name: str) -> Clock | None:
        return next((clock for clock in self.last() if clock.name == name), None)

    def pass_time(self, delta: timedelta) -> list[tuple[str, Act]]:
        """As after an outage of that length: one look at the end of it."""
        self.now += delta
        found = []
        for clock in self.last():
            if clock.next_at is not None and clock.next_at <= self.now:
                after, due = clock.fire(self.now)
                self.put(after)
                found += [(clock.name, firing.act) for firing in due.firings]
        return found


class Silences(RuleBasedStateMachine):
    """The model counts down what is left; a pause simply does not count."""

    def __init__(self) -> None:
        super().__init__()
        self.issue = Issue()
        self.left: timedelta | None = None
        self.missed = False

    @rule()
    def a_word_to_the_reporter(self) -> None:
        self.issue.happen(Event.WORD)
        self.left, self.missed = SILENCE, False

    @rule()
    def it_waits(self) -> None:
        """Also if it waits already: no time is counted twice."""
        self.issue.waiting = True
        self.issue.happen(Event.WAITING)

    @rule(date=TIMES)
    def it_waits_for_a_date(self, date: timedelta) -> None:
        self.issue.waiting = True
        self.issue.happen(Event.WAITING_UNTIL, self.issue.now + date + 100 * DAY)

    @rule()
    def it_goes_on(self) -> None:
        if self.issue.waiting:
            self.issue.waiting = False
            self.issue.happen(Event.RESUMED)

    @rule(delta=TIMES)
    def time_passes(self, delta: timedelta) -> None:
        acts = [act for name, act in self.issue.pass_time(delta) if name == clock_kinds.SILENCE]
        before = self.left
        if self.left is not None and not self.issue.waiting:
            self.left -= delta
        came = before is not None and self.left is not None and before > timedelta(0) >= self.left
        half = -SILENCE / 2
        widened = before is not None and self.left is not None and before > half >= self.left
        assert acts == ([Act.WIDEN] if widened else [Act.DUE] if came else [])
        self.missed = self.missed or came

    @invariant()
    def the_clock_has_what_the_model_has_left(self) -> None:
        clock = self.issue.get(clock_kinds.SILENCE)
        assert (clock is None) is (self.left is None)
        if clock is None or self.left is None:
            return
        if self.missed:
            assert clock.state == ClockState.MISSED
        elif self.issue.waiting:
            assert clock.state == ClockState.PAUSED
            assert clock.next_at is None
            assert clock.due_at - (clock.paused_at or self.issue.now) == self.left
        else:
            assert clock.state == ClockState.RUNNING
            assert clock.due_at == self.issue.now + self.left

    @invariant()
    def what_is_over_stays_as_it_was(self) -> None:
        for clock in self.issue.clocks:
            if not clock.live:
                assert clock.next_at is None
                assert clock.state in (ClockState.MET, ClockState.MISSED, ClockState.CANCELLED)


class Embargoes(RuleBasedStateMachine):
    """The model knows the end and when it was set; of all dates between two looks only the last one is told."""

    def __init__(self) -> None:
        super().__init__()
        self.issue = Issue()
        self.issue.happen(Event.REPORTED)
        self.end: datetime | None = START + 90 * DAY
        self.set_at = START
        self.missed = False
        self.over = False

    @precondition(lambda self: not self.over)
    @rule(delta=st.integers(1, 40 * 24).map(lambda hours: timedelta(hours=hours)))
    def it_is_set(self, delta: timedelta) -> None:
        self.end = self.issue.now + delta
        self.set_at, self.missed = self.issue.now, False
        self.issue.happen(Event.EMBARGO_SET, self.end)

    @precondition(lambda self: not self.over and self.end is not None)
    @rule(event=st.sampled_from([Event.EMBARGO_NONE, Event.LIFTED]))
    def it_ends(self, event: Event) -> None:
        clock = self.issue.get(clock_kinds.EMBARGO)
        assert clock is not None
        self.issue.happen(event)
        after = self.issue.clocks[clock.id]
        kept = ClockState.MET if event is Event.LIFTED else ClockState.CANCELLED
        assert after.state == (ClockState.MISSED if self.missed else kept)
        self.end, self.missed = None, False

    @precondition(lambda self: not self.over)
    @rule()
    def the_issue_is_closed(self) -> None:
        self.issue.happen(Event.CLOSED)
        self.end, self.over = None, True

    @rule()
    def waiting_does_not_matter(self) -> None:
        self.issue.happen(Event.WAITING)
        self.issue.happen(Event.RESUMED)

    @rule(delta=st.integers(1, 30 * 24).map(lambda hours: timedelta(hours=hours)))
    def time_passes(self, delta: timedelta) -> None:
        since = self.issue.now
        acts = [act for name, act in self.issue.pass_time(delta) if name == clock_kinds.EMBARGO]
        until = self.issue.now
        expected: list[Act] = []
        if self.end is not None:
            dates = [(self.end - before, Act.REMIND) for before in BEFORE if self.end - before > self.set_at]
            dates.append((self.end, Act.DUE))
            dates += [(self.end + day * DAY, Act.OVERDUE) for day in range(1, 400)]
            over = [act for at, act in dates if since < at <= until]
            expected = over[-1:]
            self.missed = self.missed or until >= self.end
        assert acts == expected

    @invariant()
    def the_clock_shows_the_end(self) -> None:
        clock = self.issue.get(clock_kinds.EMBARGO)
        assert clock is not None
        assert clock.live is (self.end is not None)
        if self.end is not None:
            assert clock.due_at == self.end
            assert clock.state == (ClockState.MISSED if self.missed else ClockState.RUNNING)
            assert clock.next_at is not None

    @invariant()
    def a_missed_round_stays_missed(self) -> None:
        rounds = [clock for clock in self.issue.clocks if clock.name == clock_kinds.EMBARGO]
        assert sum(clock.live for clock in rounds) <= 1


for machine in (Silences, Embargoes):
    machine.TestCase.settings = settings(deadline=None, max_examples=60, stateful_step_count=30)
TestSilence: Any = Silences.TestCase
TestEmbargo: Any = Embargoes.TestCase

ZONES = st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Pacific/Auckland"])
MOMENTS = st.datetimes(datetime(2026, 1, 1), datetime(2029, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - bounds


@settings(deadline=None)
@given(ZONES, MOMENTS, st.integers(1, 10), TIMES, TIMES)
def test_a_pause_leaves_as_many_business_days_as_there_were(
    zone: str, start: datetime, days: int, run: timedelta, pause: timedelta
) -> None:
    calendar = Calendar(ZoneInfo(zone))
    due = calendar.add(start, Duration(f"{days}bd", business_days=days))
    since = min(start + run, due)
    after = calendar.postpone(due, since, since + pause, business=True)
    assert after >= due - timedelta(hours=1), "only daylight saving may bring a time of day nearer"
    assert calendar.is_business_day(after.astimezone(calendar.timezone).date())
    assert calendar.postpone(due, since, since, business=False) == due


@settings(deadline=None)
@given(MOMENTS, TIMES, TIMES)
def test_a_pause_of_elapsed_time_is_exactly_as_long_as_it_was(at: datetime, run: timedelta, pause: timedelta) -> None:
    assert CALENDAR.postpone(at + run, at, at + pause, business=False) == at + run + pause


@settings(deadline=None)
@given(ZONES, MOMENTS, st.integers(0, 23))
def test_the_digest_comes_once_a_day_at_its_hour(zone: str, after: datetime, hour: int) -> None:
    calendar = Calendar(ZoneInfo(zone))
    first = calendar.daily(hour, after)
    second = calendar.daily(hour, first)
    assert after < first <= after + timedelta(hours=25)
    assert timedelta(hours=22) < second - first < timedelta(hours=26)
    days = [moment.astimezone(calendar.timezone).date() for moment in (first, second)]
    assert days[1] - days[0] == timedelta(days=1)
