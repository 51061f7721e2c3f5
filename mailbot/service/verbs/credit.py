"""``/credit TEXT`` or ``anonymous``: how the reporter wants to be named. Until it is set, no output names them."""

from mailbot.mail.control import plain
from mailbot.service.desk import Desk, Done, Refused
from mailbot.service.verbs.verb import Verb

_LENGTH = 200
"""Characters: a name, an employer, a link."""


def effect(desk: Desk, args: str) -> Done:
    words = " ".join(args.split())
    if not words or len(words) > _LENGTH:
        raise Refused("it names nobody" if not words else f"more than {_LENGTH} characters", ["TEXT", "anonymous"])
    credit = "" if plain(words).lower() == "anonymous" else words
    return Done((desk.set("credit", credit, "", lambda value: None if value is None else value or "anonymous"),))


VERB = Verb(
    name="credit",
    arguments="TEXT or anonymous",
    help="how the reporter wants to be named; until it is set, nothing that is published names them",
    example="/credit Jane Roe, Example University",
    effect=effect,
)
