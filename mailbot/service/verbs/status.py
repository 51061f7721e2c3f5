"""``/status``: where an issue stands. Answered only to who asks."""

from mailbot.domain.clock_kinds import label
from mailbot.domain.clocks import ClockState
from mailbot.mail.times import left, when
from mailbot.service.desk import Desk, Done
from mailbot.service.store import IssueView
from mailbot.service.verbs.verb import Scope, Verb


def effect(desk: Desk, args: str) -> Done:
    return Done(lines=tuple(lines(desk, desk.find_or_about(args))))


def lines(desk: Desk, issue: IssueView) -> list[str]:
    """An issue in a few lines."""
    shown = [
        f"{desk.settings.issue_id(issue.number)} {issue.title}",
        f"status: {issue.status}",
        f"owner: {issue.owner or 'nobody'}",
        f"opened: {when(issue.opened_at)} ({left(issue.opened_at, desk.now)})",
    ]
    for clock in issue.clocks:
        if clock.state in (ClockState.RUNNING, ClockState.PAUSED, ClockState.MISSED):
            shown.append(
                f"{label(clock.name)}: {clock.state}, due {when(clock.due_at)} ({left(clock.due_at, desk.now)})"
            )
    return shown


VERB = Verb(
    name="status",
    arguments="[EX-42]",
    help="where an issue stands: owner, clocks; answered only to you",
    example="/status",
    effect=effect,
    scope=Scope.OTHER,
)
