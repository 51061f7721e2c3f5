"""``/release N``: a held mail is handled as an ordinary report."""

from mailbot.service import held
from mailbot.service.desk import Desk, Done, Refused
from mailbot.service.verbs.discard import numbers
from mailbot.service.verbs.verb import Scope, Verb


def effect(desk: Desk, args: str) -> Done:
    found = numbers(args)
    for number in found:
        if desk.unit.held_mail(number) is None:
            raise Refused(f"no mail of the number {number} is held")
    for number in found:
        held.release(desk.unit, number, desk.actor, desk.now)
    return Done(lines=tuple(f"released: {number}" for number in found))


VERB = Verb(
    name="release",
    arguments="N",
    help="a mail that was held as spam or as part of a flood, by its number in the daily digest, is let through",
    example="/release 17",
    effect=effect,
    scope=Scope.GROUP,
)
