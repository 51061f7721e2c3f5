"""Where members stand on a proposal to lift an embargo: what ``/lift``, ``/agree`` and ``/object`` have in common."""

from mailbot.domain.embargo import AGREE, lift
from mailbot.mail.times import when
from mailbot.service import clockwork
from mailbot.service.desk import Change, Desk, Done, Refused


def open_proposal(desk: Desk) -> None:
    """Raises `Refused` if nothing is proposed."""
    if not desk.unit.stances(desk.open_issue.number):
        raise Refused("nothing is proposed", ["/lift [reason]"])


def said(desk: Desk, stance: str, reason: str, verb: str) -> Done:
    """Take down what a member says. If that decides it, the embargo is lifted here and now."""
    issue = desk.open_issue
    if desk.member is None:
        raise Refused("that is for members to decide, each for themselves")
    before, stances = issue.embargo_until, desk.unit.stances(issue.number)
    members = [one.id for one in desk.settings.member]
    stood = lift(stances, members, desk.settings.embargo.lift_quorum).words if stances else None
    found, lines = clockwork.lift_stance(desk, issue.number, desk.member.id, stance == AGREE, reason)
    desk.unit.audit(issue.number, desk.actor, verb, desk.now, new={"stance": stance, "reason": reason})
    desk.refresh()
    changes = [Change("lift", stood, found.words + (f": {reason}" if reason else ""))]
    if found.done:
        changes.append(Change("embargo", when(before) if before else None, "lifted"))
    elif not stances:
        lines = (*lines, "the others are asked to /agree or to /object")
    return Done(tuple(changes), lines)
