"""The value and parameters of Content-Type and Content-Disposition: RFC 2045 5.1, RFC 2231, and their wild forms.

Tolerated: a missing semicolon, unquoted spaces, encoded words, raw 8-bit text. Of a repeated parameter the first
counts, as in every common client, so that two readers do not see two boundaries.
"""

import re
from urllib.parse import unquote_to_bytes

from mailbot.mail import charset, header, limits, visible
from mailbot.mail.limits import OverLimit

_VALUE = re.compile(rb"([^\s;]*+)")
# An unterminated string matches to the end; otherwise every later quote would start the same search again.
_PARAMETER = re.compile(rb"""[;\s]\s*+([^\s=;"]++)\s*+=\s*+(?:"((?:[^"\\]++|\\.)*+)(?:"|\\?\Z)|([^;"]*+))""", re.DOTALL)
_ESCAPED = re.compile(rb"\\(.)", re.DOTALL)
# name*3*, name*3 or name*: at most three digits, or a segment number could be a memory bomb.
_SECTION = re.compile(rb"([^*]+)\*(?:(\d{1,3})(\*?))?")

# Encoded words are against RFC 2047 5 here, and common. Not in others: a boundary may look like one.
_NAMES = frozenset({"name", "filename"})


def split(value: bytes) -> tuple[str, tuple[tuple[str, str], ...]]:
    """The leading token in lower case, and the parameters decoded, each on one line, in order. Raises `OverLimit`."""
    value = header.unfolded(value)
    first = _VALUE.match(value)
    leading = first[1] if first else b""
    if len(value) == len(leading):
        return _token(leading), ()
    plain: dict[str, str] = {}
    extended: dict[str, list[tuple[int, bool, bytes]]] = {}
    for number, match in enumerate(_PARAMETER.finditer(value, len(leading))):
        if number >= limits.PARAMETERS:
            raise OverLimit("too many parameters")
        name, quoted, bare = match.groups()
        data = _ESCAPED.sub(rb"\1", quoted) if quoted is not None else bare.rstrip()
        section = _SECTION.fullmatch(name)
        if section:
            number = int(section[2] or 0)
            extended.setdefault(_token(section[1]), []).append((number, section[2] is None or bool(section[3]), data))
        else:
            key = _token(name)
            text = header.decoded_words(data) if key in _NAMES else charset.decode_header(data)
            plain.setdefault(key, visible.one_line(text))
    for key, sections in extended.items():
        # RFC 5987 3.2.1: where both are given, the extended form is the better one.
        plain[key] = _joined(sections)
    return _token(leading), tuple(plain.items())


def _token(data: bytes) -> str:
    return visible.one_line(data.decode("ascii", "replace").lower())


def _joined(sections: list[tuple[int, bool, bytes]]) -> str:
    sections.sort(key=lambda section: section[0])
    label = ""
    pieces: list[bytes] = []
    for position, (_, encoded, data) in enumerate(sections):
        if encoded and position == 0 and data.count(b"'") >= 2:
            name, _, data = data.split(b"'", 2)
            label = name.decode("ascii", "replace")
        pieces.append(unquote_to_bytes(data) if encoded else data)
    return visible.one_line(charset.decode_header(b"".join(pieces), label))
