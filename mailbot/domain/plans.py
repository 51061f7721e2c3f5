"""What each clock does, and when: the group's targets turned into plans."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from mailbot.domain.calendar import Calendar
from mailbot.domain.clocks import REPEATED, Act, Firing, Plan
from mailbot.duration import Duration

EARLY_WARNING = timedelta(hours=24)
NOTIFICATION = timedelta(hours=72)
FINAL_REPORT = timedelta(days=14)
"""Regulation (EU) 2024/2847 Art. 14(2): an early warning within 24 hours of becoming aware of an actively exploited
vulnerability, a notification within 72 hours, a final report within 14 days of a fix."""
_REGULATORY_REMINDER = 4
"""Members are reminded when this part of the time is left: 6 and 18 hours, three and a half days."""


@dataclass(frozen=True, slots=True)
class ResponsePolicy:
    """The group's promise of a first answer: `steps` are (time after `escalate`, addresses)."""

    remind: Duration
    escalate: Duration
    steps: tuple[tuple[Duration, tuple[str, ...]], ...]


@dataclass(frozen=True, slots=True)
class Policy:
    """All of the group's targets, as its config has them now."""

    response: ResponsePolicy
    coordinator: Duration
    silence: Duration
    embargo: Duration
    publish_after_fix: Duration
    remind_before: tuple[Duration, ...]
    regulatory: bool = False


KEY_REMINDERS = (timedelta(days=30), timedelta(days=7))
"""Before a key's end, and at it: enough for a member who is on holiday."""


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
    return Plan(
        due_at, tuple(sorted(firings, key=lambda firing: (firing.at, firing.step))), bool(policy.escalate.business_days)
    )


def coordinator(target: Duration, calendar: Calendar, started_at: datetime) -> Plan:
    """Somebody must have the issue in time; who is asked next is decided at every firing."""
    due_at = calendar.add(started_at, target)
    return Plan(due_at, (Firing(due_at, Act.DUE),), bool(target.business_days))


def silence(target: Duration, calendar: Calendar, started_at: datetime) -> Plan:
    """After the last word to the reporter: the coordinator is reminded, and after another half of it the members."""
    due_at = calendar.add(started_at, target)
    if target.business_days:
        whole, odd = divmod(target.business_days, 2)
        widened = calendar.add(due_at, Duration(f"{whole}bd", business_days=whole)) if whole else due_at
        widened += timedelta(hours=12) if odd else timedelta(0)
    else:
        widened = due_at + target.delta / 2
    return Plan(due_at, (Firing(due_at, Act.DUE), Firing(widened, Act.WIDEN)), bool(target.business_days))


def date(due_at: datetime, remind_before: tuple[Duration, ...], now: datetime) -> Plan:
    """A date that is approached, comes, and is overdue day after day. Reminders that would lie in the past are not
    made up for."""
    reminders = sorted({due_at - before.delta for before in remind_before if before.seconds})
    firings = [Firing(at, Act.REMIND) for at in reminders if at > now]
    return Plan(due_at, (*firings, Firing(due_at, Act.DUE), Firing(due_at + REPEATED[Act.OVERDUE], Act.OVERDUE)))


def regulatory(length: timedelta, started_at: datetime) -> Plan:
    """A deadline of the law: calendar time, whatever the group's business days are."""
    due_at = started_at + length
    return Plan(due_at, (Firing(due_at - length / _REGULATORY_REMINDER, Act.REMIND), Firing(due_at, Act.DUE)))


def key_expiry(expires_at: datetime, reminders: tuple[timedelta, ...], now: datetime) -> Plan:
    """A key's end. Of reminders that are past, the nearest is given at once: nobody was told before."""
    times = sorted(expires_at - before for before in reminders)
    past = [at for at in times if at <= now][-1:]
    firings = [Firing(at, Act.REMIND) for at in (*past, *(at for at in times if at > now))]
    return Plan(expires_at, (*firings, Firing(expires_at, Act.DUE)))


def moment(due_at: datetime) -> Plan:
    """Something that happens once, at a time."""
    return Plan(due_at, (Firing(due_at, Act.DUE),))
