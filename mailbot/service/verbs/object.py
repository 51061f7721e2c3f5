"""``/object``: to a proposal to lift the embargo."""

from mailbot.domain.embargo import OBJECT
from mailbot.mail.control import plain
from mailbot.service.desk import Desk, Done, Refused
from mailbot.service.lifting import open_proposal, said
from mailbot.service.verbs.verb import Verb


def effect(desk: Desk, args: str) -> Done:
    open_proposal(desk)
    if not (reason := plain(args)):
        raise Refused("it needs the reason", ["/object REASON"])
    return said(desk, OBJECT, reason, "object")


VERB = Verb(
    name="object",
    arguments="REASON",
    help="you object to lifting the embargo; that stands until you /agree",
    example="/object two vendors have no fix yet",
    effect=effect,
    tell=True,
)
