"""The shape of one parsed mail: decoded headers, a tree of parts as offsets into the raw bytes, and text for people.

Values only: `mail.parse` makes them, the cage carries them over a pipe as JSON, everybody else reads them. Offsets
count bytes in the raw mail that was parsed, so ``raw[part.body:part.end]`` is a part's body exactly as it arrived.
"""

from collections.abc import Iterator
from dataclasses import dataclass
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
        """As plain JSON values. An attachment is its number in ``root.walk()``, so that nothing is carried twice."""
        numbers = {id(part): number for number, part in enumerate(self.root.walk())}
        return {
            "headers": self.headers,
            "root": _plain(self.root),
            "text": self.text,
            "html_only": self.html_only,
            "attachments": [numbers[id(part)] for part in self.attachments],
            "defects": self.defects,
        }

    @classmethod
    def from_json(cls, data: dict[str, Any], size: int) -> "Structure":
        """The opposite, for a mail of `size` bytes. Raises ValueError for anything that `to_json` cannot have made:
        the data comes from the process that handles hostile mail."""
        try:
            root = _part(data["root"], size)
            parts = list(root.walk())
            return cls(
                headers=tuple([(_line(name), _line(value)) for name, value in data["headers"]]),
                root=root,
                text=_text(data["text"]),
                html_only=data["html_only"] is True,
                attachments=tuple([parts[number] for number in data["attachments"]]),
                defects=tuple([_line(defect) for defect in data["defects"]]),
            )
        except (LookupError, TypeError, AttributeError, RecursionError) as error:
            raise ValueError("not a structure") from error


def _plain(part: Part) -> list[Any]:
    return [
        *(part.content_type, part.params, part.disposition, part.filename, part.encoding),
        *(part.start, part.body, part.end, part.size, part.sha256),
        [_plain(child) for child in part.children],
    ]


def _part(data: list[Any], size: int) -> Part:
    content_type, params, disposition, filename, encoding, start, body, end, decoded, sha256, children = data
    if not (type(start) is type(body) is type(end) is type(decoded) is int and 0 <= start <= body <= end <= size):
        raise ValueError("offsets outside the mail")
    return Part(
        content_type=_line(content_type),
        params=tuple([(_line(name), _line(value)) for name, value in params]),
        disposition=_line(disposition),
        filename=_line(filename),
        encoding=_line(encoding),
        start=start,
        body=body,
        end=end,
        size=decoded,
        sha256=_line(sha256),
        children=tuple([_part(child, size) for child in children]),
    )


def _text(value: Any) -> str:
    if type(value) is not str:
        raise ValueError("no text")
    return value


def _line(value: Any) -> str:
    if type(value) is not str or "\n" in value or "\r" in value or "\0" in value:
        raise ValueError("no line of text")
    return value
