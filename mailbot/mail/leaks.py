"""Whether a text that is about to leave the group holds something internal: our marker, a card, a passage of a note.

In: the text, the members' notes, and what people outside wrote or got before (that is theirs, also where a note repeats
it). Out: the offending lines. It compares words, so quoting, wrapping, capitals and punctuation make no difference. A
short phrase that any two people might write is none.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

from mailbot.mail.marker import internal_lines
from mailbot.mail.quoting import own_text

RUN = 7
"""Words in a row that are no coincidence."""
SENTENCE = 4
"""Words of a whole sentence or line of a note that make it a passage by itself."""
SENTENCE_LETTERS = 16
SHOWN = 5
"""Lines that are shown; there may be hundreds."""

_WORD = re.compile(r"\w+")
_SENTENCES = re.compile(r"[.!?;:]\s+|\n")


@dataclass(frozen=True, slots=True)
class Leak:
    line: int
    """From 1."""
    text: str
    what: str
    """What it is, for a person."""


def leaks(
    text: str, notes: Iterable[str], known: Iterable[str] = (), what: str = "a passage of an internal note"
) -> list[Leak]:
    """The first lines of `text` that must not leave the group.

    Takes time by the length of all texts together, and memory by that of `text` alone: strangers wrote some of them.
    """
    lines = text.split("\n")
    found = {number: "a line of our mails to members" for number in internal_lines(text)}
    words: list[str] = []
    where: list[int] = []
    for number, line in enumerate(lines, 1):
        for word in _words(line):
            words.append(word)
            where.append(number)
    said = {length: set(_runs(words, length)) for length in range(SENTENCE, RUN + 1)}
    passages: set[tuple[str, ...]] = set()
    for note in notes:
        own = own_text(note)
        passages.update(run for run in _runs(_words(own), RUN) if run in said[RUN])
        for sentence in _SENTENCES.split(own):
            whole = tuple(_words(sentence))
            if SENTENCE <= len(whole) < RUN and whole in said[len(whole)] and sum(map(len, whole)) >= SENTENCE_LETTERS:
                passages.add(whole)
    for one in known:
        if passages:
            theirs = _words(one)
            for length in {len(passage) for passage in passages}:
                passages.difference_update(_runs(theirs, length))
    for length in {len(passage) for passage in passages}:
        for start, run in enumerate(_runs(words, length)):
            if run in passages:
                for number in where[start : start + length]:
                    found.setdefault(number, what)
    return [Leak(number, lines[number - 1].strip(), found[number]) for number in sorted(found)][:SHOWN]


def _words(text: str) -> list[str]:
    return _WORD.findall(text.casefold())


def _runs(words: list[str], length: int) -> Iterator[tuple[str, ...]]:
    return zip(*(islice(words, start, None) for start in range(length)), strict=False)
