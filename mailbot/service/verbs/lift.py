"""``/lift``: proposes to end the embargo before its time."""

from mailbot.domain.embargo import AGREE
from mailbot.mail.control import plain
from mailbot.service.desk import Desk, Done, Refused
from mailbot.service.lifting import said
from mailbot.service.verbs.verb import Verb


def effect(desk: Desk, args: str) -> Done:
    issue = desk.open_issue
    if issue.embargo_until is None:
        raise Refused(f"{desk.id} has no embargo")
    if desk.unit.stances(issue.number):
        raise Refused("that is proposed already", ["/agree", "/object REASON"])
    return said(desk, AGREE, plain(args), "lift")


VERB = Verb(
    name="lift",
    arguments="[reason]",
    help="proposes to lift the embargo; the other members /agree or /object",
    example="/lift it is public elsewhere",
    effect=effect,
)
