"""``/on EX-42``: names the issue for the commands below it."""

from mailbot.service.desk import Desk, Done
from mailbot.service.verbs.verb import Scope, Verb


def effect(desk: Desk, args: str) -> Done:
    issue = desk.find(args)
    desk.select(issue)
    return Done(lines=(f"about {desk.id} from here on",))


VERB = Verb(
    name="on",
    arguments="EX-42",
    help="names the issue for the commands below it; as the first line it says which one you mean",
    example="/on EX-42",
    effect=effect,
    scope=Scope.GROUP,
)
