"""Clocks as rows: they fire once, in order, and a plan comes back as it was made."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailbot.domain.clocks import Act, Clock, Firing, Plan
from mailbot.domain.issue import Outcome
from mailbot.service.closing import close
from mailbot.storage import tables
from tests.unit.storage.storeroom import NOW, Storeroom
from tests.unit.storage.test_unit_of_work import HOUR, deciding

PLAN = Plan(
    NOW + 48 * HOUR,
    (Firing(NOW + 24 * HOUR, Act.REMIND), Firing(NOW + 48 * HOUR, Act.ESCALATE, 1, ("a@x.example", "b@x.example"))),
)


def started(room: Storeroom, plan: Plan = PLAN) -> int:
    number = room.open_issue()
    with deciding(room) as unit:
        unit.start_clock(number, "first_response", NOW, plan)
    return number


def clock_of(room: Storeroom, number: int) -> Clock:
    view = room.worker().view(number)
    assert view is not None
    (found,) = view.clocks
    return found


def test_a_clock_waits_for_its_first_firing(room: Storeroom) -> None:
    found = clock_of(room, started(room))
    assert (found.name, found.state, found.started_at, found.due_at) == ("first_response", "running", NOW, PLAN.due_at)
    assert (found.next_at, found.fired, found.firings) == (PLAN.firings[0].at, 0, PLAN.firings)
    assert room.worker().due_clocks(NOW + 24 * HOUR - timedelta(microseconds=1)) == []
    assert room.worker().due_clocks(NOW + 24 * HOUR) == [found]


INSTANTS = st.datetimes(datetime(2026, 1, 1), datetime(2099, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
FIRINGS = st.builds(
    Firing, INSTANTS, st.sampled_from(Act), st.integers(0, 99), st.lists(st.text(max_size=30), max_size=4).map(tuple)
)


@settings(max_examples=40)
@given(INSTANTS, st.lists(FIRINGS, min_size=1, max_size=6).map(tuple))
def test_a_plan_that_is_stored_and_read_back_is_the_same(
    shared_room: Storeroom, due_at: datetime, firings: tuple[Firing, ...]
) -> None:
    found = clock_of(shared_room, started(shared_room, Plan(due_at, firings)))
    assert Plan(found.due_at, found.firings) == Plan(due_at, firings)


def test_due_clocks_come_in_the_order_of_their_due_times_up_to_the_limit(room: Storeroom) -> None:
    later = Plan(NOW + 2 * HOUR, (Firing(NOW + 2 * HOUR, Act.ESCALATE),))
    sooner = Plan(NOW + HOUR, (Firing(NOW + HOUR, Act.ESCALATE),))
    numbers = [started(room, plan) for plan in (later, sooner, later)]
    store = room.worker()
    due = [found.issue for found in store.due_clocks(NOW + 3 * HOUR)]
    assert due == [numbers[1], numbers[0], numbers[2]]
    assert [found.issue for found in store.due_clocks(NOW + 3 * HOUR, limit=1)] == [numbers[1]]


def fire(room: Storeroom, found: Clock, now: datetime) -> bool:
    with room.worker().fire(found) as unit:
        if unit is None:
            return False
        unit.save_clock(found.fire(now)[0])
        unit.notify("reminder", found.issue, {}, NOW)
    return True


def test_a51_a_firing_happens_once_however_many_saw_it_due(room: Storeroom) -> None:
    number = started(room)
    seen = clock_of(room, number)
    assert fire(room, seen, PLAN.firings[0].at)
    assert not fire(room, seen, PLAN.firings[0].at)
    assert len(room.rows(tables.notice)) == 1
    after = clock_of(room, number)
    assert (after.fired, after.next_at, after.state) == (1, PLAN.firings[1].at, "running")
    assert fire(room, after, PLAN.firings[1].at)
    last = clock_of(room, number)
    assert (last.fired, last.next_at, last.state) == (2, None, "missed")
    assert not fire(room, last, NOW + 99 * HOUR)


def test_a_firing_that_fails_halfway_happens_again(room: Storeroom) -> None:
    seen = clock_of(room, started(room))

    def fail_halfway() -> None:
        with room.worker().fire(seen) as unit:
            assert unit is not None
            unit.save_clock(seen.fire(NOW + 24 * HOUR)[0])
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail_halfway()
    assert room.worker().due_clocks(NOW + 24 * HOUR) == [seen]


def test_a_clock_that_was_cancelled_meanwhile_does_not_fire(room: Storeroom) -> None:
    number = started(room)
    seen = clock_of(room, number)
    with deciding(room) as unit:
        close(unit, number, Outcome.INVALID, "operator", NOW)
    assert not fire(room, seen, NOW + 24 * HOUR)
    assert room.worker().due_clocks(NOW + timedelta(days=99)) == []
    assert (clock_of(room, number).state, clock_of(room, number).next_at) == ("cancelled", None)


@pytest.mark.parametrize(
    ("now", "fired", "state"),
    [
        (NOW + 47 * HOUR, False, "cancelled"),
        (NOW + 48 * HOUR, True, "missed"),
        # Nobody was there to fire it: the promise was broken all the same.
        (NOW + 49 * HOUR, False, "missed"),
    ],
    ids=["in time", "after it fired", "before it could fire"],
)
def test_a_missed_clock_stays_missed(room: Storeroom, now: datetime, fired: bool, state: str) -> None:
    number = started(room)
    if fired:
        assert fire(room, clock_of(room, number), NOW + 48 * HOUR)
    with deciding(room) as unit:
        close(unit, number, Outcome.INVALID, "operator", now)
    assert (clock_of(room, number).state, clock_of(room, number).next_at) == (state, None)


def test_cancelling_leaves_the_clocks_of_other_issues_running(room: Storeroom) -> None:
    first, second = started(room), started(room)
    with deciding(room) as unit:
        close(unit, first, Outcome.INVALID, "operator", NOW)
    assert clock_of(room, second).state == "running"
