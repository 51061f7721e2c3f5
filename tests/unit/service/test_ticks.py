"""What a due clock does, with a store that a test fills by hand."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest

from mailbot.domain.clocks import Act, Clock, Firing
from mailbot.errors import TemporaryError
from mailbot.service.ticks import Ticks
from tests.twins import FakeOpenPGP
from tests.unit.service.cases import NOW, RITA, FakeUnit, issue_view, settings

HOUR = timedelta(hours=1)
FIRINGS = (
    Firing(NOW + 24 * HOUR, Act.REMIND),
    Firing(NOW + 48 * HOUR, Act.ESCALATE, 1, ("b@x.example", "a@x.example")),
    Firing(NOW + 50 * HOUR, Act.ESCALATE, 2, ("c@x.example",)),
)


@dataclass
class FiringUnit(FakeUnit):
    @property
    def fired(self) -> list[tuple[int, datetime | None, bool]]:
        return [(clock.fired, clock.next_at, clock.state == "missed") for clock in self.saved]


@dataclass
class Clocks:
    """A store of clocks on issues that have the clock's own number."""

    clocks: list[Clock]
    unit: FiringUnit
    taken: set[int] = field(default_factory=set)
    """Clocks that somebody else always fires first."""
    failing: dict[int, Exception] = field(default_factory=dict)
    looks: int = 0

    def due_clocks(self, now: datetime, limit: int = 100) -> list[Clock]:
        self.looks += 1
        assert self.looks < 50, "looks again and again"
        return [clock for clock in self.clocks if clock.next_at is not None and clock.next_at <= now]

    @contextmanager
    def fire(self, clock: Clock) -> Iterator[FiringUnit | None]:
        if clock.id in self.failing:
            raise self.failing[clock.id]
        if clock.id in self.taken:
            yield None
            return
        before = len(self.unit.saved)
        yield self.unit
        (after,) = self.unit.saved[before:]
        self.clocks[self.clocks.index(clock)] = after

    def clocks_ahead(self, now: datetime, limit: int = 100) -> list[Clock]:
        return []


def clock(number: int = 1, firings: tuple[Firing, ...] = FIRINGS) -> Clock:
    return Clock(number, number, "first_response", "running", NOW, NOW + 48 * HOUR, firings[0].at, firings, 0)


def store(*numbers: int, unit: FiringUnit | None = None) -> Clocks:
    numbers = numbers or (1,)
    unit = unit or FiringUnit(issues={number: issue_view(number) for number in numbers})
    return Clocks([clock(number) for number in numbers], unit)


def tick(clocks: Clocks, hours: float) -> int:
    found: Any = clocks
    config = settings()
    return Ticks(lambda: config, found, FakeOpenPGP(), lambda: NOW + hours * HOUR).fire_due_clocks()


def test_at_its_time_the_reminder_goes_to_those_who_said_nothing_and_the_clock_goes_on() -> None:
    clocks = store()
    assert tick(clocks, 23.9) == 0
    assert tick(clocks, 24) == 1
    ((event, number, params, original),) = clocks.unit.notices
    assert (event, number, original) == ("reminder", 1, False)
    assert (params["silent"], params["late"]) == (["alice", "bob", "dave"], False)
    assert clocks.unit.fired == [(1, NOW + 48 * HOUR, False)]
    assert clocks.unit.audited == [(1, "mailbot", "clock first_response")]
    assert tick(clocks, 24) == 0


def test_at_the_deadline_contacts_members_and_reporter_are_told_and_the_clock_is_missed() -> None:
    clocks = store()
    tick(clocks, 24)
    clocks.unit.notices.clear()
    assert tick(clocks, 48) == 1
    assert clocks.unit.events == ["escalation", "escalated", "escalation_reporter"]
    assert clocks.unit.notices[0][2]["to"] == ["a@x.example", "b@x.example"]
    assert clocks.unit.fired[-1] == (2, NOW + 50 * HOUR, True)


def test_a_later_step_does_not_tell_the_reporter_again() -> None:
    clocks = store()
    for hours in (24, 48):
        tick(clocks, hours)
    clocks.unit.notices.clear()
    assert tick(clocks, 50) == 1
    assert clocks.unit.events == ["escalation", "escalated"]
    assert clocks.unit.notices[0][2]["to"] == ["c@x.example"]
    assert clocks.unit.fired[-1] == (3, None, True)


def test_after_an_outage_all_steps_are_one_late_escalation() -> None:
    clocks = store()
    assert tick(clocks, 100) == 1
    assert clocks.unit.events == ["escalation", "escalated", "escalation_reporter"]
    assert clocks.unit.notices[0][2]["to"] == ["a@x.example", "b@x.example", "c@x.example"]
    assert all(params["late"] for _, _, params, _ in clocks.unit.notices)
    assert clocks.unit.fired == [(3, None, True)]


@pytest.mark.parametrize(
    "unit",
    [
        FiringUnit(issues={1: issue_view(1, answerable=False)}),
        FiringUnit(issues={1: issue_view(1, reporter="")}),
        FiringUnit(issues={1: issue_view(1)}, may=False),
    ],
    ids=["a machine", "nobody", "a flood"],
)
def test_a_reporter_who_must_not_be_written_to_is_not_and_members_know(unit: FiringUnit) -> None:
    clocks = store(unit=unit)
    tick(clocks, 48)
    assert unit.events == ["escalation", "escalated"]
    assert unit.notices[1][2]["reporter_told"] is False


def test_telling_the_reporter_does_not_use_up_their_next_acknowledgement() -> None:
    clocks = store()
    tick(clocks, 48)
    assert [sender for sender, _ in clocks.unit.asked] == [RITA]
    assert "acknowledgement" not in [kind for _, kind in clocks.unit.asked]


def test_every_due_clock_fires_in_one_tick() -> None:
    clocks = store(1, 2, 3)
    assert tick(clocks, 24) == 3
    assert [number for _, number, _, _ in clocks.unit.notices] == [1, 2, 3]


def test_a_clock_that_somebody_else_fires_is_left_to_them() -> None:
    clocks = store(1, 2)
    clocks.taken = {1}
    assert tick(clocks, 24) == 1
    assert [number for _, number, _, _ in clocks.unit.notices] == [2]


def test_a_clock_that_cannot_fire_holds_up_no_other() -> None:
    clocks = store(1, 2)
    clocks.failing = {1: ValueError("its issue was purged")}
    assert tick(clocks, 24) == 1
    clocks.failing = {}
    assert tick(clocks, 24) == 1


def test_trouble_with_the_database_ends_the_tick_and_the_next_one_goes_on() -> None:
    clocks = store(1, 2)
    clocks.failing = {2: TemporaryError("the disk is full")}
    with pytest.raises(TemporaryError):
        tick(clocks, 24)
    clocks.failing = {}
    assert tick(clocks, 24) == 1
    assert [number for _, number, _, _ in clocks.unit.notices] == [1, 2]
