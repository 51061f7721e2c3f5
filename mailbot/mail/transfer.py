"""Content-Transfer-Encoding (RFC 2045 6), decoded piece by piece, so that 25 MB cost one pass and no copy.

Never raises on any bytes. What follows the end of base64 data is not decoded, as in CPython and most clients.
"""

import binascii
import hashlib
from collections.abc import Iterator

CHUNK = 1 << 18
"""Bytes decoded at a time: big enough that the loop costs nothing, small enough to stay in the processor's cache."""

_BASE64 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/="
_NOT_BASE64 = bytes(set(range(256)) - set(_BASE64))


def pieces(raw: bytes, start: int, end: int, encoding: str) -> Iterator[bytes | memoryview]:
    """The decoded bytes of ``raw[start:end]`` in order. An unknown encoding is taken as it stands."""
    if encoding == "base64":
        return _base64(raw, start, end)
    if encoding == "quoted-printable":
        return _quoted_printable(raw, start, end)
    return _as_it_stands(raw, start, end)


def decoded(raw: bytes, start: int, end: int, encoding: str) -> bytes:
    """All of it at once."""
    if encoding not in ("base64", "quoted-printable"):
        return raw[start:end]
    return b"".join(pieces(raw, start, end, encoding))


def digest(raw: bytes, start: int, end: int, encoding: str, keep: int = 0) -> tuple[int, str, bytes]:
    """Decoded size, SHA-256 in hex, and the first `keep` decoded bytes."""
    if encoding not in ("base64", "quoted-printable"):
        with memoryview(raw) as view:
            return end - start, hashlib.sha256(view[start:end]).hexdigest(), raw[start : min(end, start + keep)]
    size = 0
    sha256 = hashlib.sha256()
    kept: list[bytes] = []
    for piece in pieces(raw, start, end, encoding):
        sha256.update(piece)
        if size < keep:
            kept.append(bytes(piece[: keep - size]))
        size += len(piece)
    return size, sha256.hexdigest(), b"".join(kept)


def _as_it_stands(raw: bytes, start: int, end: int) -> Iterator[memoryview]:
    with memoryview(raw) as view:
        for position in range(start, end, CHUNK):
            yield view[position : min(end, position + CHUNK)]


def _base64(raw: bytes, start: int, end: int) -> Iterator[bytes]:
    rest = b""
    for position in range(start, end, CHUNK):
        data = rest + raw[position : min(end, position + CHUNK)].translate(None, _NOT_BASE64)
        padding = data.find(b"=")
        if padding >= 0:
            yield _quads(data[:padding])
            return
        whole = len(data) & ~3
        yield binascii.a2b_base64(data[:whole])
        rest = data[whole:]
    yield _quads(rest)


def _quads(data: bytes) -> bytes:
    """The last characters, whether or not the padding is right; a single one left over holds no whole byte."""
    if len(data) % 4 == 1:
        data = data[:-1]
    return binascii.a2b_base64(data + b"==")


def _quoted_printable(raw: bytes, start: int, end: int) -> Iterator[bytes]:
    position = start
    while position < end:
        stop = min(end, position + CHUNK)
        if stop < end:
            # Cut behind a line end; in a line without one, not within "=XX".
            line_end = raw.rfind(b"\n", position, stop)
            if line_end >= 0:
                stop = line_end + 1
            else:
                escape = raw.rfind(b"=", stop - 2, stop)
                stop = escape if escape > position else stop
        yield binascii.a2b_qp(raw[position:stop])
        position = stop
