"""Clocks: a plan of firings made when the clock starts, which of them are due, and how a clock pauses and ends.

A plan is fixed when its clock starts, so that a changed config applies to later reports only. `Clock` is a value: every
change returns another one, and whoever keeps clocks writes down what comes back.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import pairwise
from typing import Any

from mailbot.domain.calendar import Calendar

LATE_AFTER = timedelta(seconds=60)
"""A firing later than this says so. A healthy clock fires within 2 seconds, within 30 after a take-over."""
AHEAD = timedelta(seconds=60)
"""A firing that lies further in the future than this was made while the wall clock was ahead."""

FIRST_RESPONSE = "first_response"


class ClockState(StrEnum):
    RUNNING = "running"
    PAUSED = "paused"
    MET = "met"
    MISSED = "missed"
    CANCELLED = "cancelled"


class Act(StrEnum):
    REMIND = "remind"
    """Before the deadline; a later firing overtakes it."""
    ESCALATE = "escalate"
    """A step of an escalation; none is ever left out."""
    DUE = "due"
    """At the deadline."""
    WIDEN = "widen"
    """After the deadline, to more people."""
    OVERDUE = "overdue"
    """After the deadline, again and again until somebody acts."""


REPEATED = {Act.OVERDUE: timedelta(days=1)}
"""Acts that come again, and how long after the last time. Such an act stands last in its plan."""


@dataclass(frozen=True, slots=True)
class Firing:
    """One planned act of a clock. `to` are the addresses of an escalation step."""

    at: datetime
    act: Act
    step: int = 0
    to: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """All firings of one clock in order of time, and its deadline. `business`: its target counts business days."""

    due_at: datetime
    firings: tuple[Firing, ...]
    business: bool = False


@dataclass(frozen=True, slots=True)
class Due:
    """What a clock does now. `fired` is the new number of firings that are over."""

    firings: tuple[Firing, ...]
    fired: int
    next_at: datetime | None
    late: bool


def due(plan: Sequence[Firing], fired: int, now: datetime) -> Due:
    """What is due at `now`. Firings that a later one overtook are left out, but every due escalation step counts."""
    over = [firing for firing in plan[fired:] if firing.at <= now]
    rest = plan[fired + len(over) :]
    escalations = tuple(firing for firing in over if firing.act is Act.ESCALATE)
    acts = escalations or tuple(over[-1:])
    return Due(
        firings=acts,
        fired=fired + len(over),
        next_at=rest[0].at if rest else None,
        late=any(now - firing.at > LATE_AFTER for firing in acts),
    )


@dataclass(frozen=True, slots=True)
class Clock:
    """One clock as it stands. `due_at` and the firings to come have moved by every pause that is over."""

    id: int
    issue: int | None
    name: str
    state: str
    started_at: datetime
    due_at: datetime
    next_at: datetime | None
    """The next firing; None while paused, and when there is none."""
    firings: tuple[Firing, ...]
    fired: int
    """How many of the firings are over."""
    business: bool = False
    paused_at: datetime | None = None
    """Since when it stands still. A clock that is missed already keeps that state, and stands still all the same."""
    paused: timedelta = timedelta(0)
    """How long it stood still before, in all."""
    ended_at: datetime | None = None
    """When its duty ended: done, or given up. A missed clock goes on until then."""
    fired_at: datetime | None = None
    subject: str | None = None
    """What a clock of no issue is about, such as a key."""
    data: Mapping[str, Any] = field(default_factory=dict)
    """What else it remembers, JSON: ids of members, no content."""

    @property
    def live(self) -> bool:
        return self.ended_at is None

    @property
    def missed(self) -> bool:
        return self.state == ClockState.MISSED

    def fire(self, now: datetime, *, promise: bool = True) -> tuple["Clock", Due]:
        """What it does at `now`, and the clock after that. At its deadline a `promise` is missed; anything else that
        came to its time is done."""
        clock = self._caught_up(now)
        found = due(clock.firings, clock.fired, now)
        over = clock.firings[clock.fired : found.fired]
        if not over:
            return clock, found
        clock = replace(clock, fired=found.fired, next_at=found.next_at, fired_at=now)
        if any(firing.at >= self.due_at for firing in over):
            state = ClockState.MISSED if promise else ClockState.MET
            clock = replace(clock, state=state, ended_at=clock.ended_at if promise else now)
        if (period := REPEATED.get(over[-1].act)) is not None:
            again = _next_in_turn(over[-1].at, period, now)
            clock = replace(
                clock, firings=(*clock.firings[:-1], replace(over[-1], at=again)), fired=len(clock.firings) - 1,
                next_at=again,
            )  # fmt: skip
        return clock, found

    def pause(self, now: datetime) -> "Clock":
        """Stand still from `now` on; nothing changes if it does already, so that no time is counted twice."""
        if not self.live or self.paused_at is not None:
            return self
        state = self.state
        if state == ClockState.RUNNING:
            # Nobody may have had the time to fire it, and a pause mends no broken promise.
            state = ClockState.MISSED if self.due_at <= now else ClockState.PAUSED
        return replace(self, state=state, paused_at=now, next_at=None)

    def resume(self, now: datetime, calendar: Calendar) -> "Clock":
        """Go on with the time that was left when it was paused."""
        if self.paused_at is None or not self.live:
            return self
        since, until = self.paused_at, max(now, self.paused_at)
        running = self.state == ClockState.PAUSED

        def later(moment: datetime) -> datetime:
            return calendar.postpone(moment, since, until, business=self.business)

        pending = tuple(replace(firing, at=later(firing.at)) for firing in self.firings[self.fired :])
        return replace(
            self,
            state=ClockState.RUNNING if running else self.state,
            due_at=later(self.due_at) if running else self.due_at,
            firings=(*self.firings[: self.fired], *pending),
            next_at=pending[0].at if pending else None,
            paused_at=None,
            paused=self.paused + (until - since),
        )

    def stop(self, now: datetime, *, kept: bool) -> "Clock":
        """End its duty: done in time (`kept`) or no longer asked for. One whose deadline has passed was missed, and
        stays so, even if nobody had the time to fire it."""
        if not self.live:
            return self
        late = self.missed or (self.state == ClockState.RUNNING and self.due_at <= now)
        state = ClockState.MISSED if late else ClockState.MET if kept else ClockState.CANCELLED
        stood = max(now - self.paused_at, timedelta(0)) if self.paused_at is not None else timedelta(0)
        return replace(self, state=state, ended_at=now, next_at=None, paused_at=None, paused=self.paused + stood)

    def move(self, plan: Plan) -> "Clock":
        """The same clock with another deadline; what it fired before is over, its pauses stay counted."""
        return replace(
            self, due_at=plan.due_at, firings=plan.firings, fired=0, business=plan.business,
            next_at=plan.firings[0].at if plan.firings and self.paused_at is None else None,
        )  # fmt: skip

    def plan_next(self, *firings: Firing) -> "Clock":
        """What comes next where only the last firing could tell; the deadline stays."""
        next_at = firings[0].at if firings and self.paused_at is None else None
        return replace(self, firings=(*self.firings[: self.fired], *firings), next_at=next_at)

    def remember(self, **data: Any) -> "Clock":
        return replace(self, data={**self.data, **data})

    def put_right(self, now: datetime) -> "Clock":
        """For a date that was fired at while the wall clock was ahead: what lies before `now` counts as over, the rest
        is to come. A date that has not come was not missed.

        Or the wall clock is behind now, and what was fired was right: then `fire` finds that out when it is put right.
        """
        if self.fired_at is None or self.fired_at <= now + AHEAD or not self.live:
            return replace(self, fired_at=None)
        firings = self.firings
        if firings and (period := REPEATED.get(firings[-1].act)) is not None:
            # It comes first a period after the deadline, and it has come more often than it should.
            first = _next_in_turn(self.due_at, period, max(now, self.due_at))
            firings = (*firings[:-1], replace(firings[-1], at=first))
        fired = sum(firing.at <= now for firing in firings)
        early = self.missed and self.due_at > now
        return replace(
            self, firings=firings, fired=fired, fired_at=None,
            state=ClockState.RUNNING if early else self.state,
            next_at=firings[fired].at if fired < len(firings) and self.paused_at is None else None,
            data={**self.data, _FIRED_UNTIL: max(self.fired_at.isoformat(), self.data.get(_FIRED_UNTIL, ""))},
        )  # fmt: skip

    def _caught_up(self, now: datetime) -> "Clock":
        """The wall clock shows again what it showed at a firing that was taken for a mistake: it was none."""
        if (text := self.data.get(_FIRED_UNTIL)) is None or (until := datetime.fromisoformat(text)) > now:
            return self
        fired = max(self.fired, sum(firing.at <= until for firing in self.firings))
        missed = self.state == ClockState.RUNNING and self.due_at <= until
        return replace(
            self, fired=fired, state=ClockState.MISSED if missed else self.state,
            next_at=self.firings[fired].at if fired < len(self.firings) else None,
            data={key: value for key, value in self.data.items() if key != _FIRED_UNTIL},
        )  # fmt: skip


_FIRED_UNTIL = "fired_until"


def ordered(firings: Sequence[Firing]) -> bool:
    """Whether a plan is in order of time, as every plan must be."""
    return all(one.at <= other.at for one, other in pairwise(firings))


def _next_in_turn(last: datetime, period: timedelta, now: datetime) -> datetime:
    """The first of `last` + one, two, three ... periods that is after `now`."""
    return last + period * max(1, (now - last) // period + 1)
