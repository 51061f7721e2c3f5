"""``/cc +ADDRESS -ADDRESS``: somebody outside who gets what goes to the reporter, and nothing else."""

from mailbot.domain.issue import Role
from mailbot.service.desk import Desk, Done
from mailbot.service.people import change
from mailbot.service.verbs.verb import Verb


def effect(desk: Desk, args: str) -> Done:
    return change(desk, args, Role.CC)


VERB = Verb(
    name="cc",
    arguments="+ADDRESS -ADDRESS",
    help="somebody outside gets a copy of what goes to the reporter from now on, and sees nothing else",
    example="/cc +vendor@example.com",
    effect=effect,
    tell=True,
)
