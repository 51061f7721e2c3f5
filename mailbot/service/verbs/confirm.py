"""``/confirm TOKEN``: the second step where one is needed. See `service.confirming`."""

from mailbot.service.desk import Desk, Done, Refused
from mailbot.service.verbs.verb import Scope, Verb


def effect(_desk: Desk, _args: str) -> Done:
    raise Refused("/confirm stands alone in its mail")


VERB = Verb(
    name="confirm",
    arguments="TOKEN",
    help="the second step where one is needed: reply to the mail that asks for it, with this as its first line",
    example="/confirm 1fz2a3b4c5d6e7f2a3b4c5d6e7fa",
    effect=effect,
    scope=Scope.GROUP,
)
