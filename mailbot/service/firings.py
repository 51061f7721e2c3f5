"""What each clock does when its time comes, beside moving on: one function per clock, within the firing's transaction.

They queue notices and move what depends on the time that came. Only those who can act are told.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from mailbot.config import Settings
from mailbot.domain import clock_kinds, clocks
from mailbot.domain.clock_kinds import Event
from mailbot.domain.clocks import Act, Clock, Due
from mailbot.domain.issue import Status
from mailbot.service import coordination, standing
from mailbot.service.occasion import Moment, calendar, happen, issue_of, tell

Firing = Callable[[Moment, Clock, Due], None]
"""(occasion, the clock before it fired, what is due). The clock's new state is recorded already."""


def number_of(clock: Clock) -> int:
    if clock.issue is None:
        raise ValueError(f"a {clock.name} clock without an issue")
    return clock.issue


def first_response(at: Moment, clock: Clock, due: Due) -> None:
    """Reminder, then the steps of the escalation; the reporter hears of the first one."""
    number = number_of(clock)
    silent = at.unit.silent_members(number, [member.id for member in at.settings.member])
    common: dict[str, object] = {"due_at": clock.due_at.isoformat(), "silent": silent}
    escalations = [firing for firing in due.firings if firing.act is Act.ESCALATE]
    if not escalations:
        tell(at, "reminder", number, common)
        return
    told_before = any(firing.act is Act.ESCALATE for firing in clock.firings[: clock.fired])
    to = sorted({address for firing in escalations for address in firing.to})
    params = {**common, "to": to}
    if to:
        tell(at, "escalation", number, params)
    told = _may_tell_reporter(at, number, again=told_before)
    tell(at, "escalated", number, {**params, "again": told_before, "reporter_told": told})
    if told and not told_before:
        tell(at, "escalation_reporter", number, params)


def _may_tell_reporter(at: Moment, number: int, *, again: bool) -> bool:
    """Who must not be acknowledged must not be written to later either, and a flood of forged reports that was kept
    from making us write to others must not do so two days later. (The cap per sender is for acknowledgements: each
    report is escalated once.)"""
    issue = at.unit.issue(number)
    if issue is None or not issue.reporter or not issue.answerable:
        return False
    # Of a kind of its own: a new report within the hour is acknowledged all the same.
    return again or at.unit.may_acknowledge(
        issue.reporter, at.now, timedelta(0), at.settings.ack.per_hour, kind="escalation"
    )


def coordinator(at: Moment, clock: Clock, _due: Due) -> None:
    coordination.fired(at, number_of(clock))


def silence(at: Moment, clock: Clock, due: Due) -> None:
    """The coordinator is reminded, later all members."""
    number = number_of(clock)
    wide = any(firing.act is Act.WIDEN for firing in due.firings)
    members = None if wide else coordination.responsible(at, number)
    tell(
        at,
        "silence",
        number,
        {"members": members, "since": clock.started_at.isoformat(), "due_at": clock.due_at.isoformat(), "wide": wide},
    )


def date(at: Moment, clock: Clock, due: Due) -> None:
    """An embargo's end, or the date by which everything is published: every member can act on it."""
    params = {"clock": clock.name, "due_at": clock.due_at.isoformat(), "act": due.firings[-1].act.value}
    tell(at, "deadline", number_of(clock), params)


def regulatory(at: Moment, clock: Clock, due: Due) -> None:
    """A deadline of the law: members before it, and the contacts too when it has come."""
    number = number_of(clock)
    came = any(firing.act is Act.DUE for firing in due.firings)
    contacts = list(at.settings.slo.regulatory_contacts) if came else []
    params = {"clock": clock.name, "due_at": clock.due_at.isoformat(), "came": came, "to": contacts}
    tell(at, "regulatory", number, params)
    if contacts:
        tell(at, "regulatory_contact", number, params)


def wait(at: Moment, clock: Clock, _due: Due) -> None:
    """The date has come that the issue waited for: it goes on."""
    number = number_of(clock)
    if issue_of(at, number).status == Status.WAITING:
        at.unit.change_issue(number, {"status": Status.OPEN})
        happen(at, number, Event.RESUMED)
    tell(at, "wait_over", number, {"members": coordination.responsible(at, number)})


FIRINGS: Mapping[str, Firing] = {
    clocks.FIRST_RESPONSE: first_response,
    clock_kinds.COORDINATOR: coordinator,
    clock_kinds.SILENCE: silence,
    clock_kinds.EMBARGO: date,
    clock_kinds.PUBLISH_BY: date,
    clock_kinds.REGULATORY_24H: regulatory,
    clock_kinds.REGULATORY_72H: regulatory,
    clock_kinds.REGULATORY_FINAL: regulatory,
    clock_kinds.WAIT: wait,
    clock_kinds.KEY_EXPIRY: standing.key_expiry,
}


def put_right(clock: Clock, now: datetime, settings: Settings) -> Clock:
    """A clock that fired while the wall clock was ahead of what it is now. Only dates are looked at again: of all else
    nothing happens twice."""
    kind = clock_kinds.kind_of(clock.name)
    if kind is None or kind.rearms:
        return clock.put_right(now)
    if clock.name == clock_kinds.COORDINATOR and clock.next_at is not None:
        # Whoever was asked then has their time from now on, and not until next year.
        until = calendar(settings).add(now, settings.slo.coordinator)
        clock = clock.plan_next(replace(clock.firings[clock.fired], at=min(until, clock.next_at)))
    return replace(clock, fired_at=None)
