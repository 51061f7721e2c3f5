"""Whether a text that is about to leave the group holds something internal: our marker, a card, a passage of a note.

In: the text, the members' notes, and what people outside wrote or got before (that is theirs, also where a note repeats
it). Out: the offending lines. It compares words, so quoting, wrapping, capitals and punctuation make no difference. A
short phrase that any two people might write is none.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

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


def leaks(text: str, notes: Iterable[str], known: Iterable[str] = ()) -> list[Leak]:
    """The first lines of `text` that must not leave the group."""
    lines = text.split("\n")
    found = {number: "a line of our mails to members" for number in internal_lines(text)}
    theirs = [_words(one) for one in known]
    outside = {run for words in theirs for run in _runs(words)}
    passages: set[tuple[str, ...]] = set()
    sentences: set[tuple[str, ...]] = set()
    for note in notes:
        own = own_text(note)
        passages |= _runs(_words(own)) - outside
        for sentence in _SENTENCES.split(own):
            words = tuple(_words(sentence))
            if SENTENCE <= len(words) < RUN and sum(map(len, words)) >= SENTENCE_LETTERS:
                sentences.add(words)
    sentences = {one for one in sentences if not any(_holds(words, one) for words in theirs)}
    if passages or sentences:
        for number in _passages(lines, passages, sentences):
            found.setdefault(number, "a passage of an internal note")
    return [Leak(number, lines[number - 1].strip(), found[number]) for number in sorted(found)][:SHOWN]


def _passages(lines: list[str], passages: set[tuple[str, ...]], sentences: set[tuple[str, ...]]) -> set[int]:
    """The lines in which a passage begins or goes on."""
    words: list[str] = []
    where: list[int] = []
    for number, line in enumerate(lines, 1):
        for word in _words(line):
            words.append(word)
            where.append(number)
    lengths = {RUN, *map(len, sentences)}
    found: set[int] = set()
    for start in range(len(words)):
        for length in lengths:
            run = tuple(words[start : start + length])
            if run in passages or run in sentences:
                found.update(where[start : start + length])
    return found


def _words(text: str) -> list[str]:
    return _WORD.findall(text.casefold())


def _runs(words: list[str]) -> set[tuple[str, ...]]:
    return {tuple(words[at : at + RUN]) for at in range(len(words) - RUN + 1)}


def _holds(words: list[str], run: tuple[str, ...]) -> bool:
    return any(tuple(words[at : at + len(run)]) == run for at in range(len(words) - len(run) + 1))
