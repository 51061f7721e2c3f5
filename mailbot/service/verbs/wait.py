"""``/wait reporter`` or ``until DATE``: clocks stand still that only move with somebody else."""

from mailbot.domain.embargo import read_end
from mailbot.mail.control import plain
from mailbot.service import clockwork
from mailbot.service.desk import Change, Desk, Done, Refused
from mailbot.service.verbs.verb import Verb

_ACCEPTED = ("/wait reporter", "/wait until 2026-12-24", "/wait until +14d")


def effect(desk: Desk, args: str) -> Done:
    issue = desk.open_issue
    word, _, date = plain(args).lower().partition(" ")
    until = None
    if word == "until" and date.strip():
        try:
            until = read_end(date.upper() if "t" in date or "z" in date else date, desk.now)
        except ValueError as error:
            raise Refused(str(error)) from error
        if until is None:
            raise Refused("it names no date", _ACCEPTED)
    elif word != "reporter" or date:
        raise Refused(f'"{plain(args)}" is not understood' if args else "it says for what", _ACCEPTED)
    lines = clockwork.waiting(desk, issue.number, until)
    new = {"until": until.isoformat() if until else "reporter"}
    desk.unit.audit(issue.number, desk.actor, "wait", desk.now, old=issue.status, new=new)
    desk.refresh()
    changes = (Change("status", issue.status, desk.about.status),) if issue.status != desk.about.status else ()
    return Done(changes, lines)


VERB = Verb(
    name="wait",
    arguments="reporter or until DATE",
    help="the issue waits: clocks that only move with somebody else stand still until then",
    example="/wait reporter",
    effect=effect,
    tell=True,
)
