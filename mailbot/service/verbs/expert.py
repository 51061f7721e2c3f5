"""``/expert +ADDRESS -ADDRESS``: somebody outside who follows the internal thread of this one issue."""

from mailbot.domain.issue import Role
from mailbot.service.desk import Desk, Done
from mailbot.service.people import change
from mailbot.service.verbs.verb import Verb


def effect(desk: Desk, args: str) -> Done:
    return change(desk, args, Role.EXPERT)


VERB = Verb(
    name="expert",
    arguments="+ADDRESS -ADDRESS",
    help="somebody outside sees this issue's internal thread, encrypted; an operator must have imported their key",
    example="/expert +specialist@example.com",
    effect=effect,
    tell=True,
)
