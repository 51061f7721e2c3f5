"""The shape of one parsed mail: decoded headers, a tree of parts as offsets into the raw bytes, and text for people.

Values only: `mail.parse` makes them, the cage carries them over a pipe as JSON, everybody else reads them. Offsets
count bytes in the raw mail that was parsed, so ``raw[part.body:part.end]`` is a part's body exactly as it arrived.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Part:
    """One MIME part. `start` is the offset of its header block, `body` of its body, `end` one past its last byte
    (the CRLF before a boundary belongs to the boundary, RFC 2046 5.1.1)."""

    content_type: str
    """Lower case; ``text/plain`` where absent or broken (RFC 2045 5.2)."""
    params: tuple[tuple[str, str], ...]
    """Parameters of Content-Type, names in lower case, values decoded."""
    disposition: str
    """``inline``, ``attachment`` or empty."""
    filename: str
    """Made safe to show: no path, no control or bidi characters, at most 120 characters; empty if the part has none."""
    encoding: str
    """Content-Transfer-Encoding in lower case; ``7bit`` where absent."""
    start: int
    body: int
    end: int
    size: int
    """Decoded size in bytes; of a multipart, of its raw body."""
    sha256: str
    """Hex digest of the decoded bytes of a leaf; empty for multiparts."""
    children: tuple["Part", ...] = ()

    def param(self, name: str) -> str:
        return next((value for key, value in self.params if key == name), "")

    def walk(self) -> Iterator["Part"]:
        yield self
        for child in self.children:
            yield from child.walk()


@dataclass(frozen=True, slots=True)
class Structure:
    """One parsed mail."""

    headers: tuple[tuple[str, str], ...]
    """All header fields in order, unfolded and decoded (RFC 2047, RFC 6532, 8-bit guessed), control characters gone."""
    root: Part
    text: str
    """What a person reads: the text parts, else the HTML turned into text. LF line ends, control and bidi characters
    made visible. Attachments are not in it."""
    html_only: bool
    """True if `text` was made from HTML because there was no plain text."""
    attachments: tuple[Part, ...]
    """The leaves that are not part of `text`, in order."""
    defects: tuple[str, ...] = ()
    """What was wrong with the mail, in plain words, each once."""

    def header(self, name: str) -> str:
        """The first value of a field, or "". Names are compared without case."""
        return next(iter(self.header_all(name)), "")

    def header_all(self, name: str) -> list[str]:
        wanted = name.lower()
        return [value for key, value in self.headers if key.lower() == wanted]

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "Structure":
        return cls(
            headers=tuple((name, value) for name, value in data["headers"]),
            root=_part(data["root"]),
            text=data["text"],
            html_only=data["html_only"],
            attachments=tuple(_part(item) for item in data["attachments"]),
            defects=tuple(data["defects"]),
        )


def _part(data: dict[str, Any]) -> Part:
    fields = dict(data)
    fields["params"] = tuple((name, value) for name, value in data["params"])
    fields["children"] = tuple(_part(child) for child in data["children"])
    return Part(**fields)
