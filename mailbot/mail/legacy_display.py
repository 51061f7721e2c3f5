"""Copies of protected header fields that a mail shows as text, for clients that cannot read protected ones.

RFC 9788 puts them on top of the text of a part marked ``hp-legacy-display="1"``, the draft before it into a part
of their own. Here they are left out, because the fields are read where they are protected. A mark alone hides nothing:
a line is left out only if a field of the payload says the same.
"""

import re

from mailbot.mail import header as header_fields
from mailbot.mail import markup

PART_BYTES = 20_000
"""A display part of the draft longer than this is no copy of a few fields."""

# RFC 9788: user-facing fields.
_USER_FACING = frozenset({b"subject", b"from", b"to", b"cc", b"date", b"reply-to", b"followup-to", b"sender"})
_SPACE = re.compile(r"\s+")
# Only the first such element counts, so that the search is done once.
_HTML_DISPLAY = re.compile(r"""<div\s[^<>]*class=["']?header-protection-legacy-display\b[^<>]*>""", re.IGNORECASE)

Fields = list[tuple[bytes, bytes]]


def repeats(text: str, header: Fields) -> bool:
    """True if every line of `text` is a field that `header` has with the same value."""
    known = {
        (name.lower(), _bare(header_fields.decoded(name, value)))
        for name, value in header
        if name.lower() in _USER_FACING
    }
    lines = [line for line in re.sub(r"\n[ \t]+", " ", text).split("\n") if line.strip()]
    if not lines:
        return False
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon or (name.strip().lower().encode(), _bare(value)) not in known:
            return False
    return True


def without(text: str, header: Fields) -> str:
    """A plain text without the copies on top: what precedes the first blank line (RFC 9788)."""
    display, blank, rest = text.partition("\n\n")
    return rest.lstrip("\n") if blank and repeats(display, header) else text


def without_in_html(source: str, header: Fields) -> str:
    """The same for HTML, where an element holds the copies (RFC 9788)."""
    start = _HTML_DISPLAY.search(source)
    end = source.find("</div", start.end()) if start else -1
    if start and end >= 0 and repeats(markup.text(source[start.end() : end], PART_BYTES)[0], header):
        return source[: start.start()] + source[end:].partition(">")[2]
    return source


def _bare(value: str) -> str:
    return _SPACE.sub(" ", value.replace('"', "")).strip()
