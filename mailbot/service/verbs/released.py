"""``/released``: the fix is in a release."""

from mailbot.mail.control import plain
from mailbot.service import clockwork
from mailbot.service.desk import Change, Desk, Done
from mailbot.service.verbs.verb import Verb


def effect(desk: Desk, args: str) -> Done:
    issue, version = desk.open_issue, plain(args)
    lines = clockwork.released(desk, issue.number)
    desk.unit.change_issue(issue.number, {"version": version or issue.version or ""})
    desk.unit.audit(issue.number, desk.actor, "released", desk.now, old=issue.version, new=version)
    desk.refresh()
    old = None if issue.released_at is None else issue.version or "yes"
    hint = () if issue.fixed_at is not None else ("no /fixed was given, so the time until publication does not run",)
    return Done((Change("released", old, version or issue.version or "yes"),), lines + hint)


VERB = Verb(
    name="released",
    arguments="[VERSION]",
    help="the fix is in a release",
    example="/released 3.2",
    effect=effect,
    tell=True,
)
