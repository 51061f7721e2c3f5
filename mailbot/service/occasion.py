"""Where something happens to an issue: the unit of work, who acts and when; and how its clocks are written down.

`happen` walks the table in `domain.clock_kinds`, records what comes out, with one audit row for all clocks that one
event changes, and says it in lines for a transcript.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from mailbot.config import Settings
from mailbot.domain.calendar import Calendar
from mailbot.domain.clock_kinds import EMBARGO, Change, Event, kind_of, label, react
from mailbot.domain.clocks import Clock, ClockState
from mailbot.domain.issue import Status
from mailbot.domain.plans import Policy, ResponsePolicy
from mailbot.mail.times import left, when
from mailbot.service.store import IssueView, Unit

Lines = tuple[str, ...]


def policy(settings: Settings) -> Policy:
    """The group's targets as its config has them now; they apply to what starts from now on."""
    slo, embargo = settings.slo, settings.embargo
    return Policy(
        response=ResponsePolicy(
            slo.first_response_remind, slo.first_response_escalate,
            tuple((step.after, step.to) for step in slo.escalation),
        ),
        coordinator=slo.coordinator, silence=slo.silence, embargo=embargo.default,
        publish_after_fix=embargo.publish_after_fix, remind_before=embargo.remind_before, regulatory=slo.regulatory,
    )  # fmt: skip


def calendar(settings: Settings) -> Calendar:
    return Calendar(settings.group.timezone, frozenset(settings.slo.holidays))


class Occasion(Protocol):
    """What a change needs to know. `actor` is a member's id, ``operator``, ``reporter`` or ``mailbot``."""

    @property
    def unit(self) -> Unit: ...

    @property
    def settings(self) -> Settings: ...

    @property
    def actor(self) -> str: ...

    @property
    def now(self) -> datetime: ...

    @property
    def opened(self) -> str:
        """What became of the encryption of the mail that caused it; what a member said there is told no weaker."""
        ...


@dataclass(frozen=True, slots=True)
class Moment:
    """An `Occasion` that is nothing more. `late`: an outage delayed it, and what is written because of it says so."""

    unit: Unit
    settings: Settings
    actor: str
    now: datetime
    late: bool = False
    opened: str = ""


def issue_of(at: Occasion, number: int) -> IssueView:
    """The issue as it stands now. Raises `LookupError` if there is none."""
    found = at.unit.issue(number)
    if found is None:
        raise LookupError(f"no issue {number}")
    return found


def live(at: Occasion, number: int, name: str) -> Clock | None:
    """One of the issue's clocks, if its duty stands."""
    return next((clock for clock in issue_of(at, number).clocks if clock.name == name and clock.live), None)


def happen(
    at: Occasion, number: int, event: Event, *, started_at: datetime | None = None, date: datetime | None = None
) -> Lines:
    """What an event does to the issue's clocks, as lines for a transcript."""
    return tuple(words(clock, at.now) for clock in moved(at, number, event, started_at=started_at, date=date))


def moved(
    at: Occasion, number: int, event: Event, *, started_at: datetime | None = None, date: datetime | None = None
) -> tuple[Clock, ...]:
    """What an event does to the issue's clocks: those that it moved, as they are now. An issue that waits keeps
    standing still what only moves with it."""
    issue = issue_of(at, number)
    changes = react(
        issue.clocks, event, at.now, policy(at.settings), calendar(at.settings), started_at=started_at, date=date
    )  # fmt: skip
    new: dict[str, list[dict[str, Any]]] = {}
    clocks = []
    for change in changes:
        clock = _record(at, issue, change, started_at or at.now)
        new.setdefault(change.name, []).append(recorded(clock))
        clocks.append(clock)
    if new:
        at.unit.audit(number, at.actor, CLOCKS, at.now, new=new)
    return tuple(clocks)


def _record(at: Occasion, issue: IssueView, change: Change, started_at: datetime) -> Clock:
    if change.after is not None:
        at.unit.save_clock(change.after)
        return change.after
    if change.plan is None:
        raise ValueError(f"a change of {change.name} that changes nothing")
    clock = at.unit.start_clock(issue.number, change.name, started_at, change.plan)
    kind = kind_of(change.name)
    if kind is not None and kind.pauses and issue.status == Status.WAITING:
        clock = clock.pause(at.now)
        at.unit.save_clock(clock)
    return clock


def save(at: Occasion, clock: Clock) -> None:
    """Write down one clock that changed for a reason of its own, with its audit row."""
    at.unit.save_clock(clock)
    at.unit.audit(clock.issue, at.actor, CLOCKS, at.now, new={clock.name: [recorded(clock)]})


def tell(at: Occasion, event: str, number: int | None, params: Mapping[str, Any]) -> None:
    """Queue a notice."""
    late = isinstance(at, Moment) and at.late
    at.unit.notify(event, number, {**params, "late": late, "opened": at.opened}, at.now)


_ENDED: dict[str, str] = {ClockState.MET: "in time", ClockState.MISSED: "late"}


def words(clock: Clock, now: datetime) -> str:
    """``word to the reporter: due Sun 29 Nov 2026 09:00 UTC (in 5 days)``."""
    name = label(clock.name)
    if clock.state == ClockState.RUNNING:
        return f"{name}: due {when(clock.due_at)} ({left(clock.due_at, now)})"
    if clock.name == EMBARGO and not clock.live:
        return f"{name}: over"  # it ends on its day, which nobody missed
    return f"{name}: {_ENDED.get(clock.state, clock.state)}"


CLOCKS = "clocks"
"""The audit log's word for clocks that something changed; a firing is ``clock NAME``."""


def recorded(clock: Clock) -> dict[str, Any]:
    """What the audit log keeps of a clock, so that its outcome can be told from the log alone."""
    return {"clock": clock.id, "state": str(clock.state), "due_at": clock.due_at.isoformat()}


def stop_all(unit: Unit, number: int, actor: str, now: datetime) -> None:
    """The issue is closed: every duty ends. What was missed stays so."""
    issue = unit.issue(number)
    stopped = [clock.stop(now, kept=False) for clock in issue.clocks if clock.live] if issue is not None else []
    for clock in stopped:
        unit.save_clock(clock)
    if stopped:
        new = {clock.name: [recorded(clock)] for clock in stopped}
        unit.audit(number, actor, CLOCKS, now, new=new)
