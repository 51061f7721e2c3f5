"""What stands in members' mail so that it is recognised when it is about to leave the group.

Every mail that only members may read begins and ends with `MARKER`, and its card consists of lines that begin with
`BAR` and one of `LABELS`. Both are made to survive a reply: short, ASCII, and no signature separator.
"""

import re

MARKER = "[[ internal to the group - not for the reporter ]]"
BAR = "| "
LABELS = (
    "Issue",
    "From",
    "Subject",
    "Arrived",
    "Owner",
    "Due",
    "Warning",
    "Next",
    "Checks",
    "Attached",
)
"""The labels of a card's lines, in the order in which they stand."""
MORE = "|   "
"""What a line of a card that goes on begins with."""

# Quoting, and what a mail program does with the white space, may have changed.
_MARKER = re.compile(r"\s+".join(re.escape(word) for word in MARKER.split()), re.IGNORECASE)
# A row of somebody's table may begin like a line that goes on, but ends in a bar.
_CARD = re.compile(rf"[>\s]*\|(?:\s*(?:{'|'.join(LABELS)}):(?:\s|$)|   \S(?!.*\|\s*$))")


def internal_lines(text: str) -> list[int]:
    """The numbers (from 1) of the lines of `text` that hold the marker or a line of a card, quoted or not."""
    if "[[" not in text and "|" not in text:  # what both begin with
        return []
    return [number for number, line in enumerate(text.split("\n"), 1) if _MARKER.search(line) or _CARD.match(line)]


def set_apart(text: str) -> str:
    """`text` with every line quoted that could be taken for our marker or a line of our card."""
    alike = set(internal_lines(text))
    if not alike:
        return text
    lines = text.split("\n")
    return "\n".join(
        f"> {line}" if number in alike and not line.lstrip().startswith(">") else line
        for number, line in enumerate(lines, 1)
    )
