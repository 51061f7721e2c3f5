"""``/resume``: the issue waits no longer."""

from mailbot.domain.issue import Status
from mailbot.service import clockwork
from mailbot.service.desk import Change, Desk, Done, Refused, none
from mailbot.service.verbs.verb import Verb


def effect(desk: Desk, args: str) -> Done:
    none(args)
    issue = desk.open_issue
    if issue.status != Status.WAITING:
        raise Refused(f"{desk.id} does not wait for anything")
    lines = clockwork.resumed(desk, issue.number)
    desk.unit.audit(issue.number, desk.actor, "resume", desk.now, old=issue.status, new=Status.OPEN)
    desk.refresh()
    return Done((Change("status", issue.status, desk.about.status),), lines)


VERB = Verb(
    name="resume",
    arguments="",
    help="the issue waits no longer; its clocks go on",
    example="/resume",
    effect=effect,
    tell=True,
)
