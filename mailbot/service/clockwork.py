"""What happens to an issue, as far as its clocks and its coordinator care: the one place that handlers and verbs call.

Every function takes an `Occasion` (a verb's desk is one) and an issue's number. It moves what has to move within the
unit of work: clear columns of the issue, clocks with one audit row about them, notices to people who hear of it only
here. It returns lines for a transcript, such as ``embargo: due Sun 29 Nov 2026 09:00 UTC (in 5 days)``. The caller
writes the audit row about its own verb, and looks at the issue anew. Nothing here asks who may do it.
"""

from datetime import datetime

from mailbot.domain.clock_kinds import EMBARGO, WAIT, Event, label
from mailbot.domain.embargo import AGREE, OBJECT, Lift, lift, weekend
from mailbot.domain.issue import Status
from mailbot.service.coordination import (
    appoint_next,
    assigned,
    came_back,
    claimed,
    declined,
    unclaimed,
    went_away,
)
from mailbot.service.occasion import (
    Lines,
    Moment,
    Occasion,
    calendar,
    happen,
    issue_of,
    live,
    moved,
    policy,
    stop_all,
    tell,
    words,
)

__all__ = [
    "FILED",
    "Lines",
    "Moment",
    "Occasion",
    "appoint_next",
    "assigned",
    "calendar",
    "came_back",
    "claimed",
    "closed",
    "declined",
    "exploited",
    "filed",
    "fixed",
    "human_word",
    "lift_stance",
    "opened",
    "policy",
    "published",
    "released",
    "reopened",
    "reporter_answered",
    "resumed",
    "set_embargo",
    "severity_changed",
    "unclaimed",
    "waiting",
    "went_away",
]


# The report, and words to the reporter


def opened(at: Occasion, number: int, received_at: datetime) -> Lines:
    """A report came: the group's promises run from the moment at which it was received."""
    clocks = moved(at, number, Event.REPORTED, started_at=received_at)
    # A new issue has none yet, so that most reports need not look at it again.
    if embargo := next((clock for clock in clocks if clock.name == EMBARGO), None):
        at.unit.change_issue(number, {"embargo_until": embargo.due_at})
    return tuple(words(clock, at.now) for clock in clocks)


def human_word(at: Occasion, number: int) -> Lines:
    """A member wrote to the reporter (/reply, /ask, /canned): that is the first response, and silence begins anew."""
    return happen(at, number, Event.WORD)


# Waiting


def waiting(at: Occasion, number: int, until: datetime | None = None) -> Lines:
    """The issue waits for the reporter, or `until` a time: what only moves with them stands still."""
    at.unit.change_issue(number, {"status": Status.WAITING})
    return happen(at, number, Event.WAITING_UNTIL if until else Event.WAITING, date=until)


def resumed(at: Occasion, number: int) -> Lines:
    """It goes on. Nothing changes if the issue did not wait."""
    if issue_of(at, number).status != Status.WAITING:
        return ()
    at.unit.change_issue(number, {"status": Status.OPEN})
    return happen(at, number, Event.RESUMED)


def reporter_answered(at: Occasion, number: int) -> Lines:
    """The reporter wrote, and that is proved: an issue that waited for them goes on; one that waits for a date does
    not."""
    return () if live(at, number, WAIT) is not None else resumed(at, number)


# The end, and after it


def closed(at: Occasion, number: int) -> Lines:
    """All duties end. The caller closes the issue itself."""
    live = [label(clock.name) for clock in issue_of(at, number).clocks if clock.live]
    stop_all(at.unit, number, at.actor, at.now)
    at.unit.change_issue(number, {"appointed": None})
    at.unit.forget_stances(number)
    return (f"clocks stopped: {', '.join(live)}",) if live else ()


def reopened(at: Occasion, number: int) -> Lines:
    """Open again; no clock restarts. What is said or set from now on starts clocks as ever."""
    at.unit.change_issue(number, {"status": Status.OPEN, "outcome": None, "closed_at": None})
    return ("no clock restarts",)


# Embargo, fix, publication


def set_embargo(at: Occasion, number: int, end: datetime | None) -> Lines:
    """The embargo ends at `end`, or there is none. The reporter is told; a proposal to lift it is over."""
    at.unit.change_issue(number, {"embargo_until": end, "lifted_at": None})
    at.unit.forget_stances(number)
    if end is None:
        lines = happen(at, number, Event.EMBARGO_NONE)
    else:
        happen(at, number, Event.EMBARGO_SET, date=end)
        lines = ()
        if warning := weekend(end):
            lines += (f"warning: {warning}",)
    return lines + _tell_reporter(at, number, end)


def lift_stance(at: Occasion, number: int, member: str, agrees: bool, reason: str = "") -> tuple[Lift, Lines]:
    """`member` proposes or agrees to lift the embargo, or objects. It is done at once when enough agree and nobody
    objects any more."""
    proposed = bool(at.unit.stances(number))
    at.unit.take_stance(number, member, AGREE if agrees else OBJECT, reason, at.now)
    members = [one.id for one in at.settings.member]
    found = lift(at.unit.stances(number), members, at.settings.embargo.lift_quorum)
    if found.done:
        return found, _lift(at, number)
    if not proposed:
        tell(at, "lift", number, {"member": member, "reason": reason, "quorum": found.quorum})
    return found, ()


def _lift(at: Occasion, number: int) -> Lines:
    at.unit.change_issue(number, {"embargo_until": None, "lifted_at": at.now})
    at.unit.forget_stances(number)
    lines = happen(at, number, Event.LIFTED)
    return (*lines, *_tell_reporter(at, number, None, lifted=True))


def fixed(at: Occasion, number: int) -> Lines:
    """The fix landed: everything is to be published in time. A second fix restarts nothing."""
    issue = issue_of(at, number)
    if issue.fixed_at is None:
        at.unit.change_issue(number, {"fixed_at": at.now})
    lines = happen(at, number, Event.FIXED)
    if issue.exploited_at is not None:
        lines += happen(at, number, Event.FIX_OF_EXPLOITED, started_at=issue.fixed_at or at.now)
    return lines


def released(at: Occasion, number: int) -> Lines:
    """The fix is in a release; the date by which everything is published stays."""
    if issue_of(at, number).released_at is None:
        at.unit.change_issue(number, {"released_at": at.now})
    return ()


def exploited(at: Occasion, number: int, since: datetime | None = None) -> Lines:
    """The vulnerability is actively exploited. The law's time runs from now, when the group became aware of it, and not
    from `since`."""
    issue = issue_of(at, number)
    at.unit.change_issue(number, {"exploited_at": since or at.now})
    lines = happen(at, number, Event.EXPLOITED)
    if issue.fixed_at is not None:
        lines += happen(at, number, Event.FIX_OF_EXPLOITED, started_at=at.now)
    return lines


FILED = {"24h": Event.FILED_24H, "72h": Event.FILED_72H, "final": Event.FILED_FINAL}


def filed(at: Occasion, number: int, which: str) -> Lines:
    """A report to the authority was made; `which` is a key of `FILED`."""
    return happen(at, number, FILED[which])


def severity_changed(_at: Occasion, _number: int) -> Lines:
    """No target depends on the severity."""
    return ()


def published(at: Occasion, number: int) -> Lines:
    """Everything is public: the embargo is over, and what was to be published is."""
    at.unit.change_issue(number, {"embargo_until": None, "published_at": at.now})
    at.unit.forget_stances(number)
    return happen(at, number, Event.PUBLISHED) + _tell_reporter(at, number, None, published=True)


def _tell_reporter(
    at: Occasion, number: int, end: datetime | None, *, lifted: bool = False, published: bool = False
) -> Lines:
    """Tell the reporter until when to keep it confidential. Whoever must not be written to by a program is not."""
    issue = issue_of(at, number)
    if not issue.reporter or not issue.answerable:
        return ("the reporter is not told: nobody there can be answered",)
    params = {"end": None if end is None else end.isoformat(), "lifted": lifted, "published": published}
    tell(at, "embargo_reporter", number, params)
    return ("the reporter is told",)
