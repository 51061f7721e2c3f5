"""The table of an issue's clocks: what starts, pauses and stops each, and what it fires. The code only walks it.

`react` is all there is to do when something happens to an issue: it says which clocks change, and how. In come the
issue's clocks, the event and `now`; out come new values, and nothing is recorded here.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from mailbot.domain import plans
from mailbot.domain.calendar import Calendar
from mailbot.domain.clocks import FIRST_RESPONSE, Clock, ClockState, Plan
from mailbot.domain.plans import Policy

COORDINATOR = "coordinator"
SILENCE = "silence"
EMBARGO = "embargo"
PUBLISH_BY = "publish_by"
REGULATORY_24H = "regulatory_24h"
REGULATORY_72H = "regulatory_72h"
REGULATORY_FINAL = "regulatory_final"
WAIT = "wait"
KEY_EXPIRY = "key_expiry"
DIGEST = "digest"
"""The last two belong to no issue and stand in no row below: the scheduler keeps them."""

REGULATORY = (REGULATORY_24H, REGULATORY_72H, REGULATORY_FINAL)
DATES = (EMBARGO, PUBLISH_BY)


def label(name: str) -> str:
    """A clock's name as people read it."""
    return "word to the reporter" if name == SILENCE else name.replace("_", " ")


class Event(StrEnum):
    """What happens to an issue, as far as clocks care."""

    REPORTED = "reported"
    WORD = "word to the reporter"
    """By a human: a member's /reply, /ask, /canned."""
    CLAIMED = "claimed"
    UNCLAIMED = "unclaimed"
    """It has no coordinator any more, or is to have another one."""
    WAITING = "waiting"
    WAITING_UNTIL = "waiting until a date"
    RESUMED = "resumed"
    EMBARGO_SET = "embargo set"
    EMBARGO_NONE = "no embargo"
    LIFTED = "lift agreed"
    FIXED = "fixed"
    FIX_OF_EXPLOITED = "fix of an exploited vulnerability"
    EXPLOITED = "exploited"
    FILED_24H = "early warning filed"
    FILED_72H = "notification filed"
    FILED_FINAL = "final report filed"
    PUBLISHED = "published"
    CLOSED = "closed"


Planner = Callable[[Policy, Calendar, datetime, datetime, datetime | None], Plan]
"""(policy, calendar, started_at, now, the date that was named) -> the plan."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One row of the table."""

    name: str
    starts: frozenset[Event]
    plan: Planner
    kept_by: frozenset[Event] = frozenset()
    """What does the duty: in time it is met, late it stays missed, and is over."""
    ended_by: frozenset[Event] = frozenset({Event.CLOSED})
    """What makes the duty pointless: cancelled, if it was not missed before."""
    pauses: bool = False
    """Waiting for the reporter or a date pauses it. Promises and dates never pause."""
    again: str = "keep"
    """A start while it runs: ``keep`` changes nothing, ``restart`` ends this round and begins another, ``move`` gives
    it the new date (once missed, a new round)."""
    once: bool = False
    """Only the first start counts, even after it ended."""
    promise: bool = True
    """Its deadline can be missed."""
    rearms: bool = False
    """What it fired while the wall clock was wrong counts for nothing when the clock is put right: it is a date."""


def _on(*events: Event) -> frozenset[Event]:
    return frozenset(events)


KINDS = (
    Kind(
        FIRST_RESPONSE,
        _on(Event.REPORTED),
        lambda policy, calendar, start, _now, _date: plans.first_response(policy.response, calendar, start),
        kept_by=_on(Event.WORD),
        once=True,
    ),
    Kind(
        COORDINATOR,
        _on(Event.REPORTED, Event.UNCLAIMED),
        lambda policy, calendar, start, _now, _date: plans.coordinator(policy.coordinator, calendar, start),
        kept_by=_on(Event.CLAIMED),
        pauses=True,
    ),
    Kind(
        SILENCE,
        _on(Event.WORD),
        lambda policy, calendar, start, _now, _date: plans.silence(policy.silence, calendar, start),
        pauses=True,
        again="restart",
    ),
    Kind(
        EMBARGO,
        _on(Event.REPORTED, Event.EMBARGO_SET),
        lambda policy, calendar, start, now, date: plans.date(
            date or calendar.add(start, policy.embargo), policy.remind_before, now
        ),
        kept_by=_on(Event.LIFTED, Event.PUBLISHED),
        ended_by=_on(Event.EMBARGO_NONE, Event.CLOSED),
        again="move",
        rearms=True,
    ),
    Kind(
        PUBLISH_BY,
        _on(Event.FIXED),
        lambda policy, calendar, start, now, _date: plans.date(
            calendar.add(start, policy.publish_after_fix), policy.remind_before, now
        ),
        kept_by=_on(Event.PUBLISHED),
        once=True,
        rearms=True,
    ),
    Kind(
        REGULATORY_24H,
        _on(Event.EXPLOITED),
        lambda _policy, _calendar, start, _now, _date: plans.regulatory(plans.EARLY_WARNING, start),
        kept_by=_on(Event.FILED_24H),
        once=True,
    ),
    Kind(
        REGULATORY_72H,
        _on(Event.EXPLOITED),
        lambda _policy, _calendar, start, _now, _date: plans.regulatory(plans.NOTIFICATION, start),
        kept_by=_on(Event.FILED_72H),
        once=True,
    ),
    Kind(
        REGULATORY_FINAL,
        _on(Event.FIX_OF_EXPLOITED),
        lambda _policy, _calendar, start, _now, _date: plans.regulatory(plans.FINAL_REPORT, start),
        kept_by=_on(Event.FILED_FINAL),
        once=True,
    ),
    Kind(
        WAIT,
        _on(Event.WAITING_UNTIL),
        lambda _policy, _calendar, start, _now, date: plans.moment(date or start),
        ended_by=_on(Event.RESUMED, Event.WAITING, Event.CLOSED),
        again="move",
        promise=False,
        rearms=True,
    ),
)


@dataclass(frozen=True, slots=True)
class Change:
    """One clock that changes. `before` is None where `plan` starts a new one; `after` is None then."""

    name: str
    before: Clock | None = None
    after: Clock | None = None
    plan: Plan | None = None


def kind_of(name: str) -> Kind | None:
    return next((kind for kind in KINDS if kind.name == name), None)


def is_promise(name: str) -> bool:
    """Whether the deadline of such a clock can be missed."""
    kind = kind_of(name)
    return kind.promise if kind is not None else name != DIGEST


def react(
    clocks: Sequence[Clock], event: Event, now: datetime, policy: Policy, calendar: Calendar, *,
    started_at: datetime | None = None, date: datetime | None = None,
) -> list[Change]:  # fmt: skip
    """What an event does to an issue's clocks, in the order of the table.

    `started_at` is when a clock that starts began to run, if not now; `date` is what /embargo or /wait named.
    """
    changes: list[Change] = []
    for kind in KINDS:
        mine = [clock for clock in clocks if clock.name == kind.name]
        live = next((clock for clock in mine if clock.live), None)
        if live is not None and (after := _changed(kind, live, event, now, calendar)) != live:
            changes.append(Change(kind.name, live, after))
            live = after if after.live else None
        if event not in kind.starts or (kind.name in REGULATORY and not policy.regulatory):
            continue
        if mine and (kind.once or (live is not None and kind.again == "keep")):
            continue
        plan = kind.plan(policy, calendar, started_at or now, now, date)
        if live is not None and kind.again == "move" and not live.missed and live.due_at > now:
            changes.append(Change(kind.name, live, live.move(plan)))
            continue
        if live is not None:
            changes.append(Change(kind.name, live, live.stop(now, kept=kind.again == "restart")))
        changes.append(Change(kind.name, plan=plan))
    return changes


def _changed(kind: Kind, clock: Clock, event: Event, now: datetime, calendar: Calendar) -> Clock:
    if event in kind.kept_by:
        return clock.stop(now, kept=True)
    if event in kind.ended_by:
        return clock.stop(now, kept=False)
    if kind.pauses and event in (Event.WAITING, Event.WAITING_UNTIL):
        return clock.pause(now)
    if kind.pauses and event is Event.RESUMED:
        return clock.resume(now, calendar)
    return clock


def overdue(clock: Clock) -> bool:
    """Missed, and the duty still stands."""
    return clock.state == ClockState.MISSED and clock.live and clock.paused_at is None
