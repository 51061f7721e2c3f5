"""``/filed``: a report on an exploited vulnerability was made to the authorities."""

from mailbot.domain.clock_kinds import REGULATORY
from mailbot.mail.control import plain
from mailbot.service import clockwork
from mailbot.service.desk import Change, Desk, Done, Refused
from mailbot.service.verbs.verb import Verb


def effect(desk: Desk, args: str) -> Done:
    issue = desk.about
    which, _, reference = plain(args).partition(" ")
    if which not in clockwork.FILED:
        raise Refused(f'"{which}" is not understood' if which else "it needs to say which", list(clockwork.FILED))
    running = [clock.name for clock in issue.clocks if clock.name in REGULATORY and clock.live]
    if f"regulatory_{which}" not in running:
        raise Refused(f"no such deadline runs on {desk.id}", [name.removeprefix("regulatory_") for name in running])
    lines = clockwork.filed(desk, issue.number, which)
    desk.unit.audit(issue.number, desk.actor, "filed", desk.now, new={"which": which, "reference": reference})
    desk.refresh()
    return Done((Change(f"filed {which}", None, reference or "yes"),), lines)


VERB = Verb(
    name="filed",
    arguments="24h, 72h or final [REF]",
    help="the early warning, the notification or the final report to the authorities is made: that deadline is kept",
    example="/filed 24h ENISA-2026-17",
    effect=effect,
    tell=True,
)
