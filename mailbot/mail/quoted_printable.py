"""Quoted-printable (RFC 2045 6.7) that survives every mail system.

Beyond the standard library's: a bare CR is encoded, no output line begins with ``From `` or a dot (RFC 2049 3), also
not after a soft line break, and no line ends in white space, as RFC 3156 5 demands of signed text.
"""

import re

_UNSAFE = re.compile(rb"[^\t -<>-~]")
_TRAILING = re.compile(rb"[ \t]\Z")
_PIECE = 73
"""76 less the soft break's ``=`` and the two characters by which a guarded first letter grows."""


def encode(text: str) -> bytes:
    """`text` (line ends LF or CRLF) as quoted-printable UTF-8 with CRLF line ends; ends with CRLF unless empty.

    What is no Unicode text (lone surrogates) becomes ``?``.
    """
    lines = text.replace("\r\n", "\n").encode("utf-8", "replace").split(b"\n")
    if lines[-1] == b"":
        lines.pop()
    return b"".join(_encode_line(line) for line in lines)


def _encode_line(line: bytes) -> bytes:
    line = _TRAILING.sub(_hex, _UNSAFE.sub(_hex, line))
    out: list[bytes] = []
    while len(line) > _PIECE:
        cut = _PIECE
        # Never inside an =XX.
        if line[cut - 1 : cut] == b"=":
            cut -= 1
        elif line[cut - 2 : cut - 1] == b"=":
            cut -= 2
        out.append(_guard(line[:cut]) + b"=\r\n")
        line = line[cut:]
    out.append(_guard(line) + b"\r\n")
    return b"".join(out)


def _hex(match: re.Match[bytes]) -> bytes:
    return b"=%02X" % match[0][0]


def _guard(line: bytes) -> bytes:
    if line.startswith((b"From ", b".")):
        return b"=%02X" % line[0] + line[1:]
    return line
