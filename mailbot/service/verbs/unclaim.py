"""``/unclaim``: give the issue back. The time for finding somebody else begins anew."""

from mailbot.service import clockwork
from mailbot.service.desk import Change, Desk, Done, Refused
from mailbot.service.verbs.verb import Verb


def effect(desk: Desk, args: str) -> Done:
    issue = desk.open_issue
    if issue.owner is None:
        raise Refused("nobody has it")
    if desk.member is not None and issue.owner != desk.member.id:
        raise Refused(f"{issue.owner} has it, not you; /claim force takes it over")
    lines = clockwork.unclaimed(desk, issue.number)
    desk.unit.audit(issue.number, desk.actor, "unclaim", desk.now, old=issue.owner, new={"reason": args})
    desk.refresh()
    return Done((Change("owner", issue.owner, None), *desk.reason(args)), lines)


VERB = Verb(
    name="unclaim",
    arguments="[reason]",
    help="you give it back; others are asked",
    example="/unclaim I am on holiday",
    effect=effect,
    tell=True,
)
