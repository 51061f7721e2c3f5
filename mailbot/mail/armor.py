"""OpenPGP armor in texts (RFC 9580 6.2), as mail programs leave it, and what ciphertext looks like in a file.

In: text or bytes from anybody. Out: where blocks are, and blocks as gpg wants them. Nothing here fails, and everything
takes time that grows with the size of what is looked at: a text may hold thousands of first lines without a last one.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum

HEAD_BYTES = 4_000
"""Of a file, to see what it is: some programs put a few lines of their own before the armor."""
KEY_FROM = 4_000
"""Characters of a block by which it is recognised."""
LEAST_LINE = 20
"""Characters of base64 that make a line armor, where the last line of the block is missing."""


class Kind(StrEnum):
    """What a block holds; the value is its name in the armor's first line."""

    MESSAGE = "MESSAGE"
    SIGNED = "SIGNED MESSAGE"
    PUBLIC_KEY = "PUBLIC KEY BLOCK"
    PRIVATE_KEY = "PRIVATE KEY BLOCK"


_LAST = {
    Kind.MESSAGE: "-----END PGP MESSAGE",
    Kind.SIGNED: "-----END PGP SIGNATURE-----",
    Kind.PUBLIC_KEY: "-----END PGP PUBLIC KEY BLOCK-----",
    Kind.PRIVATE_KEY: "-----END PGP PRIVATE KEY BLOCK-----",
}
# At the beginning of a line only: a report on an OpenPGP program names these lines within its sentences. Parts of a
# message (RFC 4880 6.2) are read by nobody; they are found so that the sender is told.
_FIRST = re.compile(
    r"^[ \t\u00a0]*+-----BEGIN PGP (?P<kind>MESSAGE|SIGNED MESSAGE|PUBLIC KEY BLOCK|PRIVATE KEY BLOCK)"
    r"(?:, PART [0-9/]{1,9})?-----",
    re.MULTILINE,
)
_FIRST_OF_MESSAGE = re.compile(rb"(?:\A|\n)[ \t]*+-----BEGIN PGP MESSAGE(?:, PART [0-9/]{1,9})?-----")
_HEADER = re.compile(r"(?:Version|Comment|Hash|MessageID|Charset)(?::|$)|[A-Za-z-]{1,40}: ", re.IGNORECASE)
_CHARSET = re.compile(r"^[ \t]*+Charset: *+([A-Za-z0-9_-]{1,40})[ \t\r]*+$", re.MULTILINE | re.IGNORECASE)
_BASE64 = re.compile(r"[A-Za-z0-9+/]+={0,2}")


@dataclass(frozen=True, slots=True)
class Block:
    """``text[start:end]`` of the text that was searched, first and last line included."""

    kind: Kind
    start: int
    end: int
    text: str
    complete: bool
    """Its last line is there."""

    @property
    def key(self) -> str:
        """What recognises the block in another form of the same text: armor that no mail program changes."""
        if self.kind is Kind.MESSAGE:
            head = replace(self, text=self.text[:KEY_FROM], complete=len(self.text) <= KEY_FROM and self.complete)
            return head.armored()[:200].decode("ascii")
        return re.sub(r"\s+", "", self.text[-400:])[-120:]

    @property
    def charset(self) -> str:
        """What its armor says of the text inside, or ""."""
        match = _CHARSET.search(self.text, 0, 1000)
        return match[1] if match else ""

    def armored(self) -> bytes:
        """A message as gpg wants it, whatever spaces, lost line ends and lost blank lines it came with."""
        lines = [line.strip() for line in self.text.replace("\u00a0", " ").split("\n")]
        lines = [lines[0].partition("MESSAGE")[2].partition("-----")[2].strip(), *lines[1:]]
        if len(lines) == 1:
            # HTML without line breaks: all words on one line. A header's value is no base64 of that length.
            words = lines[0].partition("-----END")[0].split()
            long = next((at for at, word in enumerate(words) if len(word) >= LEAST_LINE and _is_base64(word)), 0)
            lines = words[long:]
        elif self.complete:
            lines = lines[:-1]
        while lines and (not lines[0] or _HEADER.match(lines[0])):
            del lines[0]
        body = "\n".join(line for line in lines if line)
        return f"-----BEGIN PGP MESSAGE-----\n\n{body}\n-----END PGP MESSAGE-----\n".encode("ascii", "replace")


def blocks(text: str) -> Iterator[Block]:
    """The blocks of armor in a text, in order. One without its last line ends where the next begins, or with the text,
    and is one only if it looks like armor at all."""
    ends: dict[Kind, int] = {}
    waiting: re.Match[str] | None = None
    for match in _FIRST.finditer(text):
        if waiting is not None:
            yield from _block(text, waiting, match.start(), ends)
        waiting = match
    if waiting is not None:
        yield from _block(text, waiting, len(text), ends)


def _block(text: str, first: re.Match[str], limit: int, ends: dict[Kind, int]) -> Iterator[Block]:
    kind = Kind(first["kind"])
    found = ends.get(kind, -1)
    if found < first.end():
        # Looked for once per kind where there is none, not once per first line.
        found = text.find(_LAST[kind], first.end())
        ends[kind] = found if found >= 0 else len(text)
        found = ends[kind]
    if found < limit:
        line_end = text.find("-----", found + len("-----END"), limit)
        end = line_end + len("-----") if line_end >= 0 else limit
        yield Block(kind, first.start(), end, text[first.start() : end], complete=True)
    elif _goes_on(text[first.end() : min(limit, first.end() + HEAD_BYTES)]):
        yield Block(kind, first.start(), limit, text[first.start() : limit], complete=False)


def _goes_on(text: str) -> bool:
    """Whether a line of armor follows the first line of a block (and its header)."""
    for word in text.split("\n"):
        line = word.strip()
        if line and not _HEADER.match(line):
            return len(line) >= LEAST_LINE and _is_base64(line)
    return False


def _is_base64(text: str) -> bool:
    return _BASE64.fullmatch(text) is not None


def has_message(head: bytes) -> bool:
    """Whether an armored message begins within the first bytes of a file."""
    return _FIRST_OF_MESSAGE.search(head[:HEAD_BYTES]) is not None


def is_ciphertext(head: bytes) -> bool:
    """Whether a file is an encrypted message, by its first bytes: armor, or the packet that every such message begins
    with (RFC 9580 5.1 and 5.3: a session key for a public key or for a passphrase)."""
    return has_message(head) or _begins_with_session_key(head)


def _begins_with_session_key(head: bytes) -> bool:
    if len(head) < 16:
        return False
    first, second = head[0], head[1]
    if first & 0xC0 == 0xC0:  # RFC 9580 4.2.1
        tag, version_at = first & 0x3F, 2 if second < 192 else 3 if second < 224 else 6
    elif first & 0xC0 == 0x80:  # RFC 9580 4.2.2
        tag, version_at = (first & 0x3F) >> 2, (2, 3, 5, 1)[first & 3]
    else:
        return False
    return (tag, head[version_at]) in ((1, 3), (1, 6), (3, 4), (3, 5), (3, 6))
