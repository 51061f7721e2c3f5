"""Header fields: where one block begins and ends in the bytes, and what a value says when decoded.

RFC 5322 2.2 and 4.5 (fields), RFC 2047 (encoded words), RFC 6532 (UTF-8), and the raw 8-bit text that RFCs forbid and
mail contains.
"""

import binascii
import re
from itertools import groupby
from operator import itemgetter

from mailbot.mail import charset, limits, visible
from mailbot.mail.limits import OverLimit

# Possessive and without alternatives that could both match: linear on any bytes. White space before the colon is
# RFC 5322 4.5.
_FIELD = re.compile(rb"([!-9;-~]++)[ \t]*+:([^\n]*+(?:\n[ \t][^\n]*+)*+)\n?+")
_WORD = re.compile(rb"=\?([!->@-~]{1,60})\?([bBqQ])\?([^?\r\n]*+)\?=")
# The last alternative makes an unterminated string match too: if it failed, every later quote would be tried again.
_QUOTED = re.compile(rb'("(?:[^"\\]++|\\.)*+(?:"|\\?\Z))', re.DOTALL)
_NEEDS_QUOTES = re.compile(r'[()<>\[\]:;@\\,."]')
_BEYOND_ASCII = re.compile(r"[^\x00-\x7f]+")
_TO_ESCAPE = re.compile(r'[\\"()]')

_PHRASES = frozenset(
    b"from sender reply-to to cc bcc resent-from resent-sender resent-to resent-cc x-original-from mail-followup-to "
    b"disposition-notification-to list-id".split()
)
"""In these a decoded word must not become syntax: ``=?utf-8?q?a=40b=2C?=`` would be read as another address."""
_VERBATIM = frozenset(
    b"authentication-results received-spf received return-path delivered-to x-original-to dkim-signature dkim-filter "
    b"arc-seal arc-message-signature arc-authentication-results message-id in-reply-to references date auto-submitted "
    b"precedence list-post list-help list-unsubscribe list-archive mime-version content-type content-disposition "
    b"content-transfer-encoding x-spam-status x-spam-score x-spam-flag x-spam-level".split()
)
"""In these nothing is encoded (RFC 2047 5), and decoding would turn what a stranger chose, such as the local part that
a mail server reports in Authentication-Results, into syntax."""


def scan(raw: bytes, start: int, end: int) -> tuple[list[tuple[bytes, bytes]], int, bool]:
    """The fields of the header block at `start`: (name, value as it stands there), the offset of the body, and whether
    the block ended at a line that is no field. Raises `OverLimit`."""
    fields: list[tuple[bytes, bytes]] = []
    position = start
    stop = min(end, start + limits.HEADER_BYTES + 1)
    while match := _FIELD.match(raw, position, stop):
        name, value = match.groups()
        fields.append((name, value))
        position = match.end()
        if len(fields) > limits.HEADER_FIELDS:
            raise OverLimit("too many header fields")
    if position - start > limits.HEADER_BYTES:
        raise OverLimit("header block too large")
    if raw.startswith(b"\r\n", position, end):
        return fields, position + 2, False
    if raw.startswith(b"\n", position, end):
        return fields, position + 1, False
    return fields, position, position < end


def unfolded(value: bytes) -> bytes:
    """A value on one line (RFC 5322 2.2.3): line ends dropped, the white space that follows them kept."""
    if b"\n" in value:
        # The first replacement only spares `one_line` the common fold with a tab.
        value = value.replace(b"\r\n\t", b" ").replace(b"\r\n", b"").replace(b"\n", b"")
    return value.strip(b" \t\r\n")


def decoded(name: bytes, value: bytes) -> str:
    """A value as people read it: one line, no control characters. In fields with addresses, what was encoded is
    quoted where it would otherwise become syntax; fields for machines are not decoded."""
    value = unfolded(value)
    if b"=?" in value:
        key = name.lower()
        if key in _VERBATIM:
            text = charset.decode_header(value)
        else:
            text = _decoded_phrases(value) if key in _PHRASES else decoded_words(value)
    elif value.isascii():
        text = value.decode("ascii")
    elif name.lower() in _PHRASES and not _is_utf8(value):
        text = _decoded_phrases(value)
    else:
        text = charset.decode_header(value)
    return text if text.isprintable() else visible.one_line(text)


def decoded_words(value: bytes, *, quote: bool = False) -> str:
    """RFC 2047. White space between two words belongs to the encoding; neighbours in the same charset are joined before
    decoding, because some senders cut a character in two. With `quote`, what the words said is quoted where needed."""
    texts: list[str] = []
    run: list[tuple[str, bytes]] = []
    done = 0
    for match in _WORD.finditer(value):
        payload = _payload(match[2], match[3])
        if payload is None:
            continue
        gap = value[done : match.start()]
        if run and gap.strip(b" \t"):
            texts.append(_said(run, quote))
            run = []
        if gap and not run:
            texts.append(_raw(gap, quote))
        run.append((match[1].decode("ascii").partition("*")[0].lower(), payload))
        done = match.end()
    if run:
        texts.append(_said(run, quote))
    if done < len(value):
        texts.append(_raw(value[done:], quote))
    return "".join(texts)


def _decoded_phrases(value: bytes) -> str:
    texts: list[str] = []
    for piece in _QUOTED.split(value):
        if not piece.startswith(b'"'):
            texts.append(decoded_words(piece, quote=True))
        elif b"=?" in piece and len(piece) > 1 and piece.endswith(b'"'):
            # Encoded words inside quotes are against RFC 2047 5, but common, and every client decodes them.
            texts.append(f'"{_TO_ESCAPE.sub(_escaped, decoded_words(piece[1:-1]))}"')
        else:
            texts.append(charset.decode_header(piece))
    return "".join(texts)


def _payload(encoding: bytes, data: bytes) -> bytes | None:
    if encoding in b"qQ":
        return binascii.a2b_qp(data, header=True)
    try:
        return binascii.a2b_base64(data + b"==")
    except binascii.Error:
        return None


def _said(run: list[tuple[str, bytes]], quote: bool) -> str:
    text = "".join(
        charset.decode_header(b"".join(data for _, data in same), label) for label, same in groupby(run, itemgetter(0))
    )
    if quote and (_NEEDS_QUOTES.search(text) or not text.isascii()):
        return f'"{_TO_ESCAPE.sub(_escaped, text)}"'
    return text


def _raw(data: bytes, quote: bool) -> str:
    """What is not encoded. A charset that had to be guessed may show letters in a name, but must not put an address
    together: with `quote` they are quoted."""
    text = charset.decode_header(data)
    return _BEYOND_ASCII.sub(r'"\g<0>"', text) if quote and not _is_utf8(data) else text


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def _escaped(match: re.Match[str]) -> str:
    return "\\" + match[0]
