"""``/reopen``: a closed issue is open again. No clock starts anew."""

from mailbot.domain.issue import Status
from mailbot.service import clockwork
from mailbot.service.desk import Change, Desk, Done, Refused
from mailbot.service.verbs.verb import Verb


def effect(desk: Desk, args: str) -> Done:
    issue = desk.about
    if issue.status != Status.CLOSED:
        raise Refused(f"{desk.id} is not closed")
    lines = clockwork.reopened(desk, issue.number)
    desk.unit.audit(issue.number, desk.actor, "reopen", desk.now, old=issue.outcome, new={"reason": args})
    desk.refresh()
    was = f"closed ({issue.outcome})" if issue.outcome else "closed"
    return Done((Change("status", was, desk.about.status), *desk.reason(args)), lines)


VERB = Verb(
    name="reopen",
    arguments="[reason]",
    help="a closed issue is open again; no clock starts anew",
    example="/reopen the fix is incomplete",
    effect=effect,
    tell=True,
)
