"""``/fixed``: the fix landed."""

from mailbot.mail.control import plain
from mailbot.service import clockwork
from mailbot.service.desk import Change, Desk, Done
from mailbot.service.verbs.verb import Verb


def effect(desk: Desk, args: str) -> Done:
    issue, ref = desk.open_issue, plain(args)
    lines = clockwork.fixed(desk, issue.number)
    desk.unit.change_issue(issue.number, {"fix": ref or issue.fix or ""})
    desk.unit.audit(issue.number, desk.actor, "fixed", desk.now, old=issue.fix, new=ref)
    desk.refresh()
    again = ("it was fixed before; the time until publication goes on",) if issue.fixed_at is not None else ()
    old = None if issue.fixed_at is None else issue.fix or "yes"
    return Done((Change("fixed", old, ref or issue.fix or "yes"),), again + lines)


VERB = Verb(
    name="fixed",
    arguments="[REF]",
    help="the fix landed, in the commit or change REF; the time until everything is public begins",
    example="/fixed 1f2e3d4",
    effect=effect,
    tell=True,
)
