"""Text that a person or a terminal can be shown: what would be invisible, reorder or act becomes ``[U+202E]``.

Square brackets, because angle brackets would make new syntax inside an address header.
"""

import re

from mailbot.mail import limits

# C0 without LF and TAB, DEL and C1 (terminals act on them); line and paragraph separator (a second kind of line end);
# every bidi control (CVE-2021-42574); zero width space, word joiner and the invisible operators; byte order mark;
# interlinear annotation; tag characters; lone surrogates, which cannot be encoded. Joiners and the soft hyphen stay:
# several languages need them.
_FORBIDDEN = (
    "\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff"
    "\ufeff\ufff9-\ufffb\U000e0000-\U000e007f"
)
_IN_TEXT = re.compile(f"[{_FORBIDDEN}]")
_IN_LINE = re.compile(f"[{_FORBIDDEN}\n\t]")
_LINE_ENDS = re.compile("[\r\n\t\x0b\x0c\x1c-\x1e\x85\u2028\u2029]+")

_HARMLESS_BYTES = bytes([0x09, 0x0A, *range(0x20, 0x7F)])


def lines(data: bytes) -> bytes:
    """`data` with CRLF made LF. (Splitting and joining is faster than replacing.)"""
    return b"\n".join(data.split(b"\r\n")) if b"\r" in data else data


def unproblematic(data: bytes) -> str | None:
    """The text of `data` if it is UTF-8 with nothing to make visible, else None.

    This is the usual case, and it is fast because only what is not plain ASCII is looked at more closely: bytes below
    128 can be taken out of UTF-8 without breaking it.
    """
    odd = data.translate(None, _HARMLESS_BYTES)
    try:
        if odd and _IN_TEXT.search(odd.decode("utf-8")):
            return None
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return None


def visible(text: str) -> str:
    """`text` with LF as its only line end and control, bidi and invisible characters written out."""
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    return _IN_TEXT.sub(_written_out, text)


def one_line(text: str) -> str:
    """The same on a single line: line ends and tabs become one space. No encoded newline survives (CVE-2024-6923)."""
    if text.isprintable():
        return text
    return _IN_LINE.sub(_written_out, _LINE_ENDS.sub(" ", text))


def file_name(name: str) -> str:
    """An attachment's name, safe to show and to save: no path, not hidden, one line, at most `limits.FILE_NAME`
    characters with the extension kept. Empty if nothing is left."""
    if not name:
        return ""
    # Cut first: one character can become ten.
    base = re.split(r"[/\\]", name[-4 * limits.FILE_NAME :])[-1]
    shown = one_line(base).replace("/", "_").strip(" .")
    if len(shown) <= limits.FILE_NAME:
        return shown
    stem, dot, extension = shown.rpartition(".")
    if not dot or len(extension) > 10:
        return shown[: limits.FILE_NAME - 3] + "..."
    return f"{stem[: limits.FILE_NAME - len(extension) - 4]}....{extension}"


def _written_out(match: re.Match[str]) -> str:
    return f"[U+{ord(match[0]):04X}]"
