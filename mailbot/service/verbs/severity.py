"""``/severity WORD``: how bad it is, by the members' judgement. A CVSS vector no longer changes it."""

from mailbot.domain.severity import SEVERITIES
from mailbot.mail.control import plain
from mailbot.service.desk import Desk, Done, Refused
from mailbot.service.verbs.verb import Verb


def effect(desk: Desk, args: str) -> Done:
    word = plain(args).lower()
    if word not in SEVERITIES:
        raise Refused(f'"{word}" is no severity' if word else "it names no severity", SEVERITIES)
    desk.unit.change_issue(desk.about.number, {"severity_judged": True})
    return Done((desk.set("severity", word),))


VERB = Verb(
    name="severity",
    arguments="critical, high, medium, low or none",
    help="how bad it is; what you set here a CVSS vector does not change",
    example="/severity high",
    effect=effect,
    tell=True,
)
