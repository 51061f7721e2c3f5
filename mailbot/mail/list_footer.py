"""What a mailing list adds below a mail: it is kept, and marked, so that nobody takes it for the author's words."""

import re

LINES = 30
"""From the end, in which a footer is looked for; the longest that lists add by default has eleven."""

_SEPARATOR = re.compile(r"(?:-- ?|_{10,}|-{10,}|={10,}|#{10,}|\*{10,}|(?:-=){5,}-?)\s*")
_LISTS_WORDS = re.compile(
    r"unsubscribe|mailing list|mailman|google groups|groups\.io links|listserv|listinfo|abmelden|désabonner|désinscri"
    r"|mailingliste|liste de diffusion|cancelar la suscripci|отписаться|退订",
    re.IGNORECASE,
)


def start(text: str, name: str) -> int | None:
    """Where in `text` the footer of the list `name` begins; None if there is none that can be told apart."""
    lines = text.splitlines(keepends=True)
    first = max(0, len(lines) - LINES)
    position = sum(map(len, lines[:first]))
    address = name.lower()
    # The first of the separators below which nothing but the footer can be: its own words stand right behind it.
    for number, line in enumerate(lines[first:], first):
        below = [one for one in lines[number + 1 : number + 4] if one.strip()][:2]
        words = "".join(below)
        if _SEPARATOR.fullmatch(line) and (_LISTS_WORDS.search(words) or address in words.lower()):
            return position
        position += len(line)
    return None


def marked(text: str, name: str) -> str:
    """`text` with a line above the footer that says whose words they are."""
    at = start(text, name)
    if at is None:
        return text
    before = text[:at]
    gap = "" if not before or before.endswith("\n\n") else "\n" if before.endswith("\n") else "\n\n"
    return f"{before}{gap}[Added by the mailing list {name}:]\n{text[at:]}"
