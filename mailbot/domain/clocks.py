"""Clocks: a plan of firings made when the clock starts, and which of them are due.

A plan is fixed when its clock starts, so that a changed config applies to later reports only.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from mailbot.domain.calendar import Calendar
from mailbot.duration import Duration

LATE_AFTER = timedelta(seconds=60)
"""A firing later than this says so. A healthy clock fires within 2 seconds, within 30 after a take-over."""

FIRST_RESPONSE = "first_response"


class ClockState(StrEnum):
    RUNNING = "running"
    PAUSED = "paused"
    MET = "met"
    MISSED = "missed"
    CANCELLED = "cancelled"


class Act(StrEnum):
    REMIND = "remind"
    ESCALATE = "escalate"


@dataclass(frozen=True, slots=True)
class Firing:
    """One planned act of a clock. `to` are the addresses of an escalation step."""

    at: datetime
    act: Act
    step: int = 0
    to: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """All firings of one clock in order of time, and its deadline."""

    due_at: datetime
    firings: tuple[Firing, ...]


@dataclass(frozen=True, slots=True)
class ResponsePolicy:
    """The group's promise of a first answer: `steps` are (time after `escalate`, addresses)."""

    remind: Duration
    escalate: Duration
    steps: tuple[tuple[Duration, tuple[str, ...]], ...]


def first_response(policy: ResponsePolicy, calendar: Calendar, started_at: datetime) -> Plan:
    """The plan for a report that came at `started_at`: a reminder, then the escalation in steps.

    The members and the reporter hear of the escalation at its deadline even where no step is configured.
    """
    due_at = calendar.add(started_at, policy.escalate)
    firings = [Firing(calendar.add(started_at, policy.remind), Act.REMIND)]
    steps = policy.steps or ((Duration.parse("0s"), ()),)
    firings += [
        Firing(calendar.add(due_at, after), Act.ESCALATE, step, to) for step, (after, to) in enumerate(steps, start=1)
    ]
    if policy.steps and all(firing.at > due_at for firing in firings[1:]):
        firings.append(Firing(due_at, Act.ESCALATE, 0))
    return Plan(due_at, tuple(sorted(firings, key=lambda firing: (firing.at, firing.step))))


@dataclass(frozen=True, slots=True)
class Due:
    """What a clock does now. `fired` is the new number of firings that are over."""

    firings: tuple[Firing, ...]
    fired: int
    next_at: datetime | None
    late: bool


def due(plan: Sequence[Firing], fired: int, now: datetime) -> Due:
    """What is due at `now`. Reminders that a later firing overtook are left out; every due escalation step counts."""
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
