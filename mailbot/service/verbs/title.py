"""``/title TEXT``: what the issue is called from now on."""

from mailbot.domain.issue import title_from
from mailbot.service.desk import Desk, Done, Refused
from mailbot.service.verbs.verb import Verb


def effect(desk: Desk, args: str) -> Done:
    if not args.strip():
        raise Refused("it names no title", ["/title TEXT"])
    title = title_from(args)
    if title == desk.about.title:
        return Done(lines=("it is called so already",))
    return Done((desk.set("title", title),))


VERB = Verb(
    name="title",
    arguments="TEXT",
    help="what the issue is called; at first it is the subject of the report",
    example="/title Heap overflow in the PNG reader",
    effect=effect,
)
