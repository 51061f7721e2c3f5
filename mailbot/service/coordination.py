"""Who has an issue: claims, appointments, and the rotation that asks one member after the other.

An appointment is a question. It counts when that member claims; if they do not within `slo.coordinator`, they are
passed over, and after a full round it is escalated. `clockwork` names these functions for handlers and verbs.
"""

from dataclasses import replace
from datetime import datetime

from mailbot.domain import rotation
from mailbot.domain.clock_kinds import COORDINATOR, Event
from mailbot.domain.clocks import Act, Clock, ClockState, Firing
from mailbot.mail.times import left, when
from mailbot.service.occasion import Lines, Occasion, calendar, happen, issue_of, live, save, tell


def claimed(at: Occasion, number: int, member: str) -> Lines:
    """`member` has it from now on, whoever had it or was asked before."""
    at.unit.change_issue(number, {"owner": member, "appointed": None})
    at.unit.add_turn(number, member, at.now)
    return happen(at, number, Event.CLAIMED)


def unclaimed(at: Occasion, number: int) -> Lines:
    """Nobody has it: the time for finding somebody begins anew, and who gave it back is not asked in this round."""
    former = issue_of(at, number).owner
    at.unit.change_issue(number, {"owner": None})
    lines = happen(at, number, Event.UNCLAIMED)
    if former is not None:
        _remember(at, number, former)
    return lines


def declined(at: Occasion, number: int, member: str) -> Lines:
    """`member` cannot take it, or cannot keep it: the next one is asked at once, unless it is in other hands."""
    issue = issue_of(at, number)
    lines = unclaimed(at, number) if issue.owner == member else ()
    _remember(at, number, member)
    if issue.appointed == member or (issue.appointed is None and issue.owner in (None, member)):
        lines += appoint_next(at, number)
    return lines


def assigned(at: Occasion, number: int, member: str) -> Lines:
    """`member` is asked to take it; whoever has it keeps it until then."""
    return _appoint(at, number, member, by=at.actor)


def appoint_next(at: Occasion, number: int) -> Lines:
    """Ask whoever's turn it is. If all who are on call were asked in this round, nobody is: it is escalated once, or
    stays with the coordinator that it has."""
    issue = issue_of(at, number)
    clock = _asking(at, number)
    oncall = [member.id for member in at.settings.member if member.oncall and member.id != issue.owner]
    away = rotation.away_at(at.unit.away(), at.now)
    member = rotation.next_member(oncall, away, clock.data.get("asked", ()), at.unit.last_turns())
    if member is not None:
        return _appoint(at, number, member)
    at.unit.change_issue(number, {"appointed": None})
    if issue.owner is not None:
        return _lapsed(at, number)
    if not clock.data.get("escalated"):
        escalate(at, number, clock)
    return ("appointed: nobody; all who are on call were asked, and all members know",)


def fired(at: Occasion, number: int) -> None:
    """The time is over: of the issue without a coordinator, or of the member who was asked."""
    issue = issue_of(at, number)
    clock = live(at, number, COORDINATOR)
    if clock is None or (issue.appointed is not None and clock.next_at is not None):
        return  # the issue's own time is over, but whoever was asked meanwhile still has theirs
    if issue.owner is not None:
        at.unit.change_issue(number, {"appointed": None})
        _lapsed(at, number)
        tell(at, "hand_over_lapsed", number, {"member": issue.owner, "asked": issue.appointed or ""})
    else:
        appoint_next(at, number)


def escalate(at: Occasion, number: int, clock: Clock) -> None:
    """A full round, and nobody took it: all members hear of it, and the contacts outside. Nothing fires after that."""
    save(at, clock.plan_next().remember(escalated=True))
    contacts = sorted({address for step in at.settings.slo.escalation for address in step.to})
    params = {"to": contacts, "asked": list(clock.data.get("asked", ())), "since": clock.started_at.isoformat()}
    tell(at, "nobody_coordinates", number, params)
    if contacts:
        tell(at, "escalation_coordinator", number, params)


def went_away(at: Occasion, member: str, begins_at: datetime, ends_at: datetime) -> tuple[int, ...]:
    """`member` takes nothing on in that time. Returns the open issues that they have, and are asked to hand over;
    where they were only appointed, and are away now, the next one is asked."""
    at.unit.add_away(member, begins_at, ends_at)
    owned = []
    for number in at.unit.owned_by(member):
        if issue_of(at, number).owner == member:
            owned.append(number)
        elif begins_at <= at.now < ends_at:
            declined(at, number, member)
    if owned:
        params = {
            "member": member, "issues": owned, "begins_at": begins_at.isoformat(), "ends_at": ends_at.isoformat(),
        }  # fmt: skip
        tell(at, "hand_over", None, params)
    return tuple(owned)


def came_back(at: Occasion, member: str) -> int:
    """`member` is there again. Returns how many times of being away that ended or dropped."""
    return at.unit.end_away(member, at.now)


def _appoint(at: Occasion, number: int, member: str, *, by: str = "") -> Lines:
    """Ask one member, who has the coordinator's time for an answer. `by`: the member who wants it so."""
    clock = _asking(at, number)
    target = at.settings.slo.coordinator
    # While it stands still, what is planned counts from the moment at which it stopped: it moves on with the rest.
    planned = calendar(at.settings).add(clock.paused_at or at.now, target)
    until = calendar(at.settings).add(at.now, target)
    pending = [firing for firing in clock.firings[clock.fired :] if firing.act is Act.DUE and firing.at <= planned]
    if not pending or pending[-1].at < planned:
        pending.append(Firing(planned, Act.WIDEN))
    at.unit.change_issue(number, {"appointed": member})
    at.unit.add_turn(number, member, at.now)
    save(at, clock.plan_next(*pending).remember(asked=_asked(clock, member), escalated=False))
    waits = clock.paused_at is not None
    params = {
        "member": member, "until": until.isoformat(), "owner": issue_of(at, number).owner or "", "by": by,
        "waits": waits,
    }  # fmt: skip
    tell(at, "appointed", number, params)
    when_it_goes_on = "; while the issue waits, that time stands still" if waits else ""
    return (f"appointed: {member}, asked to /claim by {when(until)} ({left(until, at.now)}){when_it_goes_on}",)


def _asked(clock: Clock, member: str) -> list[str]:
    """Who was asked in this round, `member` included."""
    return [*dict.fromkeys((*clock.data.get("asked", ()), member))]


def _asking(at: Occasion, number: int) -> Clock:
    """The issue's coordinator clock; a new round if none runs."""
    if (clock := live(at, number, COORDINATOR)) is None:
        happen(at, number, Event.UNCLAIMED)
        clock = live(at, number, COORDINATOR)
    if clock is None:
        raise LookupError(f"issue {number} has no coordinator clock")
    return clock


def _remember(at: Occasion, number: int, member: str) -> None:
    """Do not ask this member again in this round."""
    clock = live(at, number, COORDINATOR)
    if clock is not None:
        at.unit.save_clock(clock.remember(asked=_asked(clock, member)))


def _lapsed(at: Occasion, number: int) -> Lines:
    """A hand-over that came to nothing: the coordinator keeps it, and no promise was broken."""
    clock = live(at, number, COORDINATOR)
    if clock is not None:
        save(at, replace(clock, state=ClockState.CANCELLED, ended_at=at.now, next_at=None, paused_at=None))
    return (f"appointed: nobody; {issue_of(at, number).owner} keeps it",)


def responsible(at: Occasion, number: int) -> list[str]:
    """Who is to act on an issue: its coordinator, or while there is none who can, the members on call; else all."""
    away = rotation.away_at(at.unit.away(), at.now)
    owner = at.settings.member_by_id(issue_of(at, number).owner or "")
    if owner is not None and owner.id not in away:
        return [owner.id]
    oncall = [member.id for member in at.settings.member if member.oncall and member.id not in away]
    return oncall or [member.id for member in at.settings.member]
