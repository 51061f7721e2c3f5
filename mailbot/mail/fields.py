"""Header fields as bytes.

In come names and values as people know them; out comes an RFC 5322 header block in ASCII with CRLF line ends. Nothing
here repairs a value: one that could start a header field of its own (CVE-2024-6923) or that no field can carry is
refused with `Unsendable`. Values that outsiders chose are cleaned first, with `one_line` and `message_ids`.

Free text fields (`FREE_TEXT`) may hold any characters and are written as RFC 2047 encoded words where needed. All
others are structured: their values must be ASCII already, as `address_field`, `date_field` and `message_ids` make them.
"""

import base64
import re
import unicodedata
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from email.utils import format_datetime

from mailbot.errors import PermanentError
from mailbot.mail import international

Field = tuple[str, str]

FREE_TEXT = frozenset({"subject", "comments", "content-description"})
FOLD_AT = 76
"""RFC 2047 2: a line with an encoded word is at most 76 characters; the same for all others, below RFC 5322's 78."""
LINE_LIMIT = 998
"""RFC 5322 2.1.1, without the CRLF."""
SUBJECT_LIMIT = 200
"""Characters of a title that are shown; more is a wall of text on every client."""

_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,58}[A-Za-z0-9])?")
# Everything that str.splitlines() takes for a line end stands here too: readers in Python split at it.
_FORBIDDEN = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
# RFC 5322 3.4.1 without comments and folding; a quoted local part may not end its own quoting.
_ADDRESS = re.compile(
    r"(?:[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]+|\"(?:[ !#-\[\]-~]|\\[ -~])*\")@"
    r"(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9A-Za-z:.]+\])"
)
_ATOMS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?: [A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_MESSAGE_ID = re.compile(r"<[!-;=?-~]{1,200}@[!-;=?-~]{1,200}>")
_BIDI = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_REFERENCES = 20
"""Message-IDs kept in References: enough for every client's threading, and a bounded header."""


class Unsendable(PermanentError):
    """A value cannot stand in an outgoing mail. The text never quotes it."""


def header_block(fields: Sequence[Field]) -> bytes:
    """RFC 5322 fields in the order given, folded, each ending in CRLF; no blank line after them.

    Raises `Unsendable` for a name or value that no field can carry.
    """
    return "".join(_line(name, encoded(name, value)) for name, value in fields).encode("ascii")


def encoded(name: str, value: str) -> str:
    """The value of a field as it stands on the wire, unfolded: ASCII, encoded words where needed.

    Raises `Unsendable`.
    """
    if not _NAME.fullmatch(name):
        raise Unsendable("not a header field name")
    if _FORBIDDEN.search(value):
        raise Unsendable(f"a control character in the header field {name}")
    if name.lower() in FREE_TEXT:
        if _plain(value):
            return value
        return " ".join(_encoded_words(value, FOLD_AT - len(name) - 2))
    # A fold inside a run of spaces could leave a line of nothing but spaces.
    if not value.isascii() or value != value.strip() or "  " in value:
        raise Unsendable(f"the structured header field {name} holds free text")
    return value


def address_field(name: str, address: str) -> str:
    """One mailbox (RFC 5322 3.4), such as ``"Roe, Jane" <jane@example.com>``; `name` may be empty.

    An internationalised address is written in ASCII: its domain with A-labels, and if its local part needs more than
    ASCII, the whole as the name of an empty group (RFC 6857), because a header field in UTF-8 would break the signature
    on its way through some servers. Where the mail goes to is the envelope's business.

    Raises `Unsendable` if `address` is no plain address or `name` holds control characters.
    """
    if international.readable(address):
        local, _, domain = address.partition("@")
        ascii_domain = international.ascii_domain(domain)
        if local.isascii() and ascii_domain is not None:
            address = f"{local}@{ascii_domain}"
        elif _FORBIDDEN.search(name):
            raise Unsendable("a control character in a display name")
        else:
            return " ".join(_encoded_words(" ".join(f"{name} {address}".split()), 60)) + " :;"
    if len(address) > 254 or not _ADDRESS.fullmatch(address):
        raise Unsendable("not a mail address that can be written into a header")
    if _FORBIDDEN.search(name):
        raise Unsendable("a control character in a display name")
    name = " ".join(name.split())
    if not name:
        return address
    if not name.isascii() or "=?" in name:
        # 60 leaves room for the longest name of a field that holds addresses.
        phrase = " ".join(_encoded_words(name, 60))
    elif _ATOMS.fullmatch(name):
        phrase = name
    else:
        phrase = '"' + re.sub(r'(["\\])', r"\\\1", name) + '"'
    return f"{phrase} <{address}>"


def date_field(moment: datetime) -> str:
    """An aware time as an RFC 5322 date in UTC, such as ``Thu, 26 Nov 2026 14:47:00 +0000``."""
    return format_datetime(moment.astimezone(UTC))


def message_ids(ids: Iterable[str]) -> str:
    """The value of In-Reply-To or References: the well-formed ones of `ids`, each once; of many the first and the last.

    Ids come from strangers, so a bad one is dropped, not refused. The result is "" if none is left.
    """
    good = list(dict.fromkeys(item for item in ids if _MESSAGE_ID.fullmatch(item)))
    if len(good) > _REFERENCES:
        good = [good[0], *good[1 - _REFERENCES :]]
    return " ".join(good)


def one_line(text: str, limit: int = SUBJECT_LIMIT) -> str:
    """`text` as one line that is safe to show and to put into a free text field.

    White space and line ends become single spaces; control and bidi characters become visible as ``<U+202E>``; what is
    over `limit` characters is cut and ends in an ellipsis.
    """
    # Cut early too: splitting megabytes of a hostile subject costs more than reading its beginning.
    line = " ".join(text[: limit * 8].split())
    if not line.isprintable():  # else there is nothing to make visible, and looking at each character costs time
        line = "".join(f"<U+{ord(char):04X}>" if _unseen(char) else char for char in line[: limit + 1])
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"


def _unseen(char: str) -> bool:
    return char in _BIDI or (char >= "\x7f" and unicodedata.category(char) in ("Cc", "Cs")) or char < " "


def _plain(value: str) -> bool:
    """Whether free text can stand as it is and be read back as it was."""
    return (
        value.isascii()
        and value == value.strip(" ")
        # A reader would decode it.
        and "=?" not in value
        and all(len(word) < LINE_LIMIT - FOLD_AT for word in value.split(" "))
        and "  " not in value
    )


def _encoded_words(text: str, first: int) -> Iterable[str]:
    """RFC 2047 encoded words for `text`, the first at most `first` characters long, whole characters in each."""
    room, chunk = _payload(first), b""
    for char in text:
        data = char.encode()
        if chunk and len(chunk) + len(data) > room:
            yield _word(chunk)
            room, chunk = _payload(FOLD_AT - 1), b""
        chunk += data
    yield _word(chunk)


def _payload(width: int) -> int:
    """The bytes of text that an encoded word of `width` characters holds: 12 are its frame, 4 in base64 carry 3."""
    return max(3, (min(width, 75) - 12) // 4 * 3)


def _word(chunk: bytes) -> str:
    return f"=?utf-8?B?{base64.b64encode(chunk).decode()}?="


def _line(name: str, value: str) -> str:
    """One field, folded at single spaces so that unfolding (RFC 5322 2.2.3) gives `value` back."""
    if not value:
        return f"{name}:\r\n"
    if len(name) + 2 + len(value) <= FOLD_AT:
        return f"{name}: {value}\r\n"
    lines: list[str] = []
    current = f"{name}:"
    for position, word in enumerate(value.split(" ")):
        # The first word stays beside the name: a first line without a value is legal but misread by some.
        if position and len(current) + 1 + len(word) > FOLD_AT:
            lines.append(current)
            current = f" {word}"
        else:
            current += f" {word}"
    lines.append(current)
    if any(len(line) > LINE_LIMIT for line in lines):
        raise Unsendable(f"the header field {name} holds a word that is too long for a line")
    return "\r\n".join(lines) + "\r\n"
