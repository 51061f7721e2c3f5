"""``/decline``: "I cannot take it". The rotation asks the next member."""

from mailbot.service import clockwork
from mailbot.service.desk import Change, Desk, Done, Refused
from mailbot.service.verbs.verb import Verb


def effect(desk: Desk, args: str) -> Done:
    issue = desk.open_issue
    if desk.member is None:
        raise Refused("only a member can decline; /unclaim takes it from whoever has it")
    lines = clockwork.declined(desk, issue.number, desk.member.id)
    desk.unit.audit(issue.number, desk.actor, "decline", desk.now, old=issue.appointed, new={"reason": args})
    desk.refresh()
    changes = [Change("owner", issue.owner, desk.about.owner)] if issue.owner != desk.about.owner else []
    if issue.appointed != desk.about.appointed:
        changes.append(Change("appointed", issue.appointed, desk.about.appointed))
    return Done((*changes, *desk.reason(args)), lines or ("you are not asked again about it",))


VERB = Verb(
    name="decline",
    arguments="[reason]",
    help="you cannot take it; the next member on call is asked",
    example="/decline I wrote that code",
    effect=effect,
    tell=True,
)
