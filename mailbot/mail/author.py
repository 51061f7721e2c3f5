"""Who a mail says it is from. It authorises nothing; it is what members are shown and where an acknowledgement goes.

RFC 5322 3.4, read strictly: an address counts only if it literally stands there, between angle brackets or alone.
Total on any input: every hostile form gives fewer or more authors than one, or one without an address, never an
exception and never an address put together from pieces (quoted local parts, comments inside, routes, encoded words).
An internationalised address (RFC 6531) counts if it is one of plain letters.
"""

import re
from dataclasses import dataclass

from mailbot.mail import international
from mailbot.mail.structure import Structure

AUTHORS = 50
"""More are never needed to see that there is not exactly one."""
NAME = 200
"""Characters of a name that are kept."""

# RFC 5321 4.5.3.1: 64 octets of local part, 254 of a path without its brackets.
_ADDRESS = re.compile(
    r"(?=.{3,254}\Z)[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]{1,64}(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]{1,64}){0,31}"
    r"@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?)(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?){0,126}"
)
# Unterminated strings, comments and brackets match to the end, so that nothing is tried twice.
_TOKEN = re.compile(r'"((?:[^"\\]++|\\.)*+)("|\\?\Z)|<([^<>"]*+)(>?)|([(),:;>\\])|([^"<>(),:;\\]++)', re.DOTALL)
_COMMENT = re.compile(r"[^()\\]++|\\.|[()]|\\\Z", re.DOTALL)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Author:
    name: str
    """For people only; "" if none is given."""
    address: str
    """As it stands there, in its own letter case; "" if there is none that can be read strictly."""


def authors(structure: Structure) -> tuple[Author, ...]:
    """Everybody whom the mail's From fields name, in order, at most `AUTHORS`. Only if it is exactly one with an
    address is there "the" author."""
    found: list[Author] = []
    for value in structure.header_all("From"):
        found.extend(mailboxes(value))
    return tuple(found[:AUTHORS])


def mailboxes(value: str) -> tuple[Author, ...]:
    """The mailboxes in the (decoded) value of an address field, groups dissolved, at most `AUTHORS`."""
    found: list[Author] = []
    current = _Mailbox()
    position = 0
    while position < len(value) and len(found) < AUTHORS:
        if value[position] == "(":
            position = _comment(value, position, current)
            continue
        token = _TOKEN.match(value, position)
        if token is None:
            # Nothing but a stray character can be here.
            current.broken = True
            position += 1
            continue
        position = token.end()
        quoted, quote_end, angle, angle_end, special, words = token.groups()
        if quoted is not None:
            current.broken |= quote_end != '"'
            current.add(_ESCAPED.sub(r"\1", quoted), bare=False)
        elif angle is not None:
            if current.angle is not None:
                found.append(current.author())
                current = _Mailbox()
            current.angle = angle if angle_end else ""
        elif special in (",", ";"):
            # A group ends with a semicolon; Outlook's users separate with them.
            found.extend(current.authors())
            current = _Mailbox()
        elif special == ":":
            # A group's name; what came before is no mailbox. A route or a port is refused by the address's syntax.
            current = _Mailbox() if current.angle is None else current
        elif special is not None:
            current.broken = True
        else:
            if current.angle is not None and words.strip():
                # Text behind the bracket: somebody wants two readers to see two addresses.
                found.append(current.author())
                current = _Mailbox()
            current.add(words, bare=True)
    found.extend(current.authors())
    return tuple(found[:AUTHORS])


class _Mailbox:
    """One mailbox while it is read."""

    def __init__(self) -> None:
        self.words: list[str] = []
        self.comments: list[str] = []
        self.angle: str | None = None
        self.bare = True
        self.broken = False

    def add(self, words: str, *, bare: bool) -> None:
        self.words.append(words)
        self.bare &= bare

    def authors(self) -> list[Author]:
        """Nothing for nothing, such as between two commas."""
        if self.angle is None and not self.broken and not "".join(self.words).strip() and not self.comments:
            return []
        return [self.author()]

    def author(self) -> Author:
        text = "".join(self.words).strip()
        name = text
        address = ""
        if self.angle is not None:
            address = self.angle.strip(" ")
        elif self.bare and _is_address(text):
            address = text
            name = "".join(self.comments).strip()
        if self.broken or not _is_address(address):
            address = ""
        return Author(re.sub(r"\s+", " ", name)[:NAME], address)


def _is_address(text: str) -> bool:
    return _ADDRESS.fullmatch(text) is not None or international.readable(text)


def _comment(value: str, position: int, current: _Mailbox) -> int:
    """Skip a comment, however deep its nesting; what it says is kept as the old way of giving a name."""
    depth = 0
    start = position
    while position < len(value):
        match = _COMMENT.match(value, position)
        if match is None:
            break
        position = match.end()
        depth += (match[0] == "(") - (match[0] == ")")
        if depth == 0:
            current.comments.append(value[start + 1 : position - 1])
            # A comment in the middle of an address would join its halves.
            current.add(" ", bare=True)
            return position
    current.broken = True
    return len(value)
