"""``/agree``: to a proposal to lift the embargo."""

from mailbot.domain.embargo import AGREE
from mailbot.mail.control import plain
from mailbot.service.desk import Desk, Done
from mailbot.service.lifting import open_proposal, said
from mailbot.service.verbs.verb import Verb


def effect(desk: Desk, args: str) -> Done:
    open_proposal(desk)
    return said(desk, AGREE, plain(args), "agree")


VERB = Verb(
    name="agree",
    arguments="",
    help="you agree to lift the embargo, also if you objected before",
    example="/agree",
    effect=effect,
    tell=True,
)
