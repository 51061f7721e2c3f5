"""Quoted-printable (RFC 2045 6.7) that survives every mail system.

Beyond the standard library's: a bare CR is encoded, no output line begins with ``From `` or a dot (RFC 2049 3), also
not after a soft line break, and no line ends in white space, as RFC 3156 5 demands of signed text.
"""

import re

# All bytes that cannot stand for themselves.
_UNSAFE = re.compile(rb"[^\t\n -<>-~]")
_SPACE_AT_END = re.compile(rb"[ \t](?=\n)")
_LONG = re.compile(rb"^[^\n]{74,}", re.MULTILINE)
_GUARDED = re.compile(rb"^(?=From |\.)(.)", re.MULTILINE)
_HEX = {byte: b"=%02X" % byte for byte in range(256)}
_PIECE = 73
"""76 less the soft break's ``=`` and the two characters by which a guarded first letter grows."""


def encode(text: str) -> bytes:
    """`text` (line ends LF or CRLF) as quoted-printable UTF-8 with CRLF line ends; ends with CRLF unless empty.

    What is no Unicode text (lone surrogates) becomes ``?``.
    """
    if not text:
        return b""
    data = text.replace("\r\n", "\n").encode("utf-8", "replace")
    if not data.endswith(b"\n"):
        data += b"\n"
    data = _UNSAFE.sub(lambda match: _HEX[match[0][0]], data)
    if b" \n" in data or b"\t\n" in data:
        data = _SPACE_AT_END.sub(lambda match: _HEX[match[0][0]], data)
    data = _LONG.sub(_softly_broken, data)
    if data.startswith((b".", b"From ")) or b"\n." in data or b"\nFrom " in data:
        data = _GUARDED.sub(lambda match: _HEX[match[1][0]], data)
    return data.replace(b"\n", b"\r\n")


def _softly_broken(match: re.Match[bytes]) -> bytes:
    """One line over `_PIECE` bytes, in pieces."""
    line = match[0]
    out: list[bytes] = []
    while len(line) > _PIECE:
        cut = _PIECE
        # Never inside an =XX.
        if line[cut - 1 : cut] == b"=":
            cut -= 1
        elif line[cut - 2 : cut - 1] == b"=":
            cut -= 2
        out.append(line[:cut])
        line = line[cut:]
    return b"=\n".join([*out, line])
