"""``/note``: the text below is for the members. So it is without this word, too."""

from mailbot.service.desk import Desk, Done, none
from mailbot.service.verbs.verb import Verb


def effect(desk: Desk, args: str) -> Done:
    none(args, "write the text below it")
    desk.text()
    return Done(lines=("the text below went to the members",))


VERB = Verb(
    name="note",
    arguments="",
    help="the text below is an internal note for the members; so it is without any command",
    example="/note",
    effect=effect,
    message=True,
)
