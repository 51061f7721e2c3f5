"""What templates can do with a value: the filters that they know beside Jinja's own.

Whatever an outsider chose goes through `line`, `card` (one line, or lines that are all marked as the card's) or
`passage` (whole text). Nothing here interprets a value.
"""

import re
from typing import Any

from mailbot.mail.fields import one_line
from mailbot.mail.marker import BAR, LABELS, MORE, set_apart
from mailbot.mail.times import left, when

WIDTH = 72
"""Columns of our own text: quoted twice it still fits 80."""
PASSAGE_LIMIT = 100_000
"""Characters of a stranger's text that are shown; nobody reads more in a mail, and the whole is attached."""
CARD_LIMIT = 400
"""Characters of one value on a card."""

# Where a line must not break: between a number and its unit, inside a time.
_TOGETHER = re.compile(
    r"(?<=\d) (?=(?:s|h|min|days|bytes|kB|MB|UTC)\b)|(?<=\d{4}) (?=\d\d:\d\d)"
    r"|(?<=[A-Z][a-z]{2}) (?=\d{1,4} )|(?<=\d) (?=[A-Z][a-z]{2} \d{4}\b)"
)
_GLUE = "\0"

_STATUS = {
    "1": "the address is wrong or no longer exists",
    "2": "the mailbox takes no mail: full or switched off",
    "3": "their mail system is out of order or takes no mail of this size",
    "4": "their mail system cannot be reached",
    "5": "the two mail systems did not understand each other",
    "6": "their mail system does not take such content",
    "7": "their mail system refuses our mail",
}
"""The subject digit of an enhanced status code (RFC 3463 3)."""


def line(value: object) -> str:
    """Anything as one line without control characters."""
    return one_line(str(value))


def card(value: object, label: str) -> str:
    """``| Label: value``, wrapped, every line with the card's bar."""
    if label not in LABELS:
        raise ValueError("not a label of the card")
    return _filled(one_line(str(value), CARD_LIMIT), f"{BAR}{label}: ", MORE)


def wrap(text: str) -> str:
    """Prose filled to the width; paragraphs are parted by blank lines, and lines that begin with a space stay whole."""
    return "\n\n".join(_fill(paragraph) for paragraph in text.strip("\n").split("\n\n"))


def _fill(paragraph: str) -> str:
    out: list[str] = []
    prose: list[str] = []
    for row in [*paragraph.split("\n"), None]:
        if row is not None and row.strip() and not row.startswith(" "):
            prose.append(row)
            continue
        if prose:
            out.append(_filled(" ".join(prose)))
            prose = []
        if row is not None and row.strip():
            out.append(row.rstrip())
    return "\n".join(out)


def _filled(prose: str, first: str = "", other: str = "") -> str:
    if len(first) + len(prose) <= WIDTH:
        return first + prose
    rows: list[str] = []
    head, *words = _TOGETHER.sub(_GLUE, prose).split(" ")
    row = first + head
    for word in words:
        if len(row) + len(word) < WIDTH:
            row += f" {word}"
        elif word:  # a space too many is no row of its own
            rows.append(row.rstrip())
            row = other + word
    return "\n".join([*rows, row.rstrip()]).replace(_GLUE, " ")


def passage(text: str) -> str:
    """A stranger's text as it is, but for blank lines around it, and lines that pretend to be ours, which are quoted;
    over the limit it is cut, and says so."""
    text = text.strip("\n")
    if len(text) > PASSAGE_LIMIT:
        return set_apart(text[:PASSAGE_LIMIT]) + "\n\n(Cut here; the original holds all of it.)"
    return set_apart(text) or "(no text)"


def size(count: int) -> str:
    """Bytes as people say them: ``873 bytes``, ``12.3 kB``, ``25.0 MB``."""
    if count < 1000:
        return f"{count} bytes"
    if count < 999_950:
        return f"{count / 1000:.1f} kB"
    return f"{count / 1_000_000:.1f} MB"


def fingerprint(digits: str) -> str:
    """A fingerprint in groups of four, as people compare it, with a wider gap in the middle as gpg prints it."""
    groups = [digits[at : at + 4] for at in range(0, len(digits), 4)]
    half = len(groups) // 2
    return " ".join(groups[:half]) + "  " + " ".join(groups[half:])


def status(code: str) -> str:
    """What a mail system's code means, such as ``5.1.1: the address is wrong or no longer exists``."""
    digits = code.split(".")
    if len(digits) == 3 and digits[1] in _STATUS:
        return f"{one_line(code, 20)}: {_STATUS[digits[1]]}"
    return f"{one_line(code, 20)}: refused" if code else "no reason was given"


FILTERS: dict[str, Any] = {
    "card": card,
    "fingerprint": fingerprint,
    "left": left,
    "line": line,
    "passage": passage,
    "size": size,
    "status": status,
    "when": when,
    "wrap": wrap,
}
