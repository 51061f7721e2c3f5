"""``/category WORD``: as what the report is counted."""

from mailbot.domain.issue import CATEGORIES
from mailbot.mail.control import plain
from mailbot.service.desk import Desk, Done, Refused
from mailbot.service.verbs.verb import Verb


def effect(desk: Desk, args: str) -> Done:
    word = plain(args).lower()
    if word not in CATEGORIES:
        raise Refused(f'"{word}" is no category' if word else "it names no category", CATEGORIES)
    return Done((desk.set("category", word),))


VERB = Verb(
    name="category",
    arguments="coordinated, supply-chain, no-coordination or invalid",
    help="as what the report is counted in the group's transparency report",
    example="/category coordinated",
    effect=effect,
)
