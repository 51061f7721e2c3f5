"""``/discard N``: a held mail is nothing. Several at once take two members."""

import re

from mailbot.mail.control import plain
from mailbot.service import held
from mailbot.service.desk import Desk, Done, Refused
from mailbot.service.verbs.verb import Scope, Verb

MOST = 100
"""Held mails that one line may name."""


def numbers(args: str) -> list[int]:
    """The numbers that a line names, each once. Raises `Refused`."""
    words = plain(args).replace(",", " ").replace("#", " ").split()
    if not words or len(words) > MOST or not all(re.fullmatch(r"[1-9]\d{0,14}", word) for word in words):
        raise Refused(
            f'"{plain(args)[:80]}" is no number' if words else "it names no mail", ["numbers as the digest shows them"]
        )
    return list(dict.fromkeys(int(word) for word in words))


def second(desk: Desk, args: str) -> bool:
    found = numbers(args)
    _check(desk, found)
    # Line by line or in one: a mail that discards several takes two.
    return len(found) > 1 or desk.discarded


def effect(desk: Desk, args: str) -> Done:
    found = numbers(args)
    _check(desk, found)
    desk.discarded = True
    for number in found:
        held.discard(desk.unit, number, desk.actor, desk.now)
    return Done(lines=tuple(f"discarded: {number}" for number in found))


def _check(desk: Desk, found: list[int]) -> None:
    for number in found:
        mail = desk.unit.held_mail(number)
        if mail is None or mail.discarded:
            raise Refused(f"no mail of the number {number} is held")


VERB = Verb(
    name="discard",
    arguments="N",
    help="a held mail is nothing, and nobody is answered; several numbers in one line take a second member",
    example="/discard 17",
    effect=effect,
    scope=Scope.GROUP,
    second=second,
)
