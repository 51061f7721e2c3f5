"""Members' opinions on what a report is: given by ``/verdict``, and by ``/close`` where several must agree."""

from mailbot.domain.issue import Outcome
from mailbot.domain.verdicts import Tally, Verdict, tally
from mailbot.service.desk import Change, Desk, Refused

NEEDED_FOR = {Outcome.NOT_SECURITY: Verdict.NOT_SECURITY, Outcome.PUBLIC_BUG: Verdict.PUBLIC}
"""Outcomes by which a report is called no security issue, and the verdict that agrees with each."""


def give(desk: Desk, verdict: Verdict, reason: str) -> Change:
    """Record the member's opinion; a later one takes its place."""
    if desk.member is None:
        raise Refused("an operator has no opinion; the members have")
    number = desk.about.number
    before = next((one.verdict for one in desk.unit.verdicts(number) if one.member == desk.member.id), None)
    desk.unit.give_verdict(number, desk.member.id, verdict, reason, desk.now)
    new = {"verdict": verdict.value, "reason": reason}
    desk.unit.audit(number, desk.actor, "verdict", desk.now, old=before, new=new)
    shown = f"{verdict.value} ({reason})" if reason else verdict.value
    return Change(f"verdict of {desk.member.id}", before, shown)


def counted(desk: Desk) -> Tally:
    """How the members' opinions stand."""
    given = {one.member: one.verdict for one in desk.unit.verdicts(desk.about.number)}
    return tally(given, [member.id for member in desk.settings.member])


def tally_lines(desk: Desk) -> tuple[str, ...]:
    found = counted(desk)
    return (*found.words, f"that would mean: {found.implies}") if found.implies else found.words
