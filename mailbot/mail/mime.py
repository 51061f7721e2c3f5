"""Where the parts of a mail are: a walk over offsets, without recursion and without copying a body.

A multipart's own boundary is looked for only between the boundaries of what contains it, from outside to inside, so
all searches together read each byte at most once per level of nesting. A line is a boundary only if it holds nothing
else (RFC 2046 5.1.1 would allow any line that begins with one; CPython, GnuPG's front ends and most clients do not).
"""

import re
from dataclasses import dataclass, field

from mailbot.mail import header, limits, parameters, visible
from mailbot.mail.limits import OverLimit

_DELIMITER_END = re.compile(rb"(--)?[ \t]*+\r?(?:\n|\Z)")
_TYPE = re.compile(r"[!#$%&'*+.^_`{|}~0-9a-z-]+/[!#$%&'*+.^_`{|}~0-9a-z-]+")
_MBOX_LINE = re.compile(rb"From (?![ \t]*:)[^\n]*+\n")
_SOMETHING = re.compile(rb"\S")
_ATTACHED_MAIL = frozenset({"message/rfc822", "message/global"})
_BOUNDARY = 1_000
"""Characters of a boundary; RFC 2046 allows 70, and some senders write 100."""
_IDENTITY = frozenset({"7bit", "8bit", "binary"})


@dataclass(slots=True, eq=False)
class Node:
    """One part while the tree grows; offsets as in `structure.Part`."""

    start: int
    end: int
    depth: int
    default_type: str
    inside_attached_mail: bool
    payload_fields: list[tuple[bytes, bytes]] = field(default_factory=list)
    """The header of the nearest part around this one that says that its fields are protected."""
    content_type: str = ""
    params: tuple[tuple[str, str], ...] = ()
    disposition: str = ""
    filename: str = ""
    encoding: str = "7bit"
    body: int = 0
    fields: list[tuple[bytes, bytes]] = field(default_factory=list)
    children: list["Node"] = field(default_factory=list)

    def param(self, name: str) -> str:
        return next((value for key, value in self.params if key == name), "")

    @property
    def protected_fields(self) -> list[tuple[bytes, bytes]]:
        return self.fields if self.param("hp") or self.param("protected-headers") else self.payload_fields


def beginning(raw: bytes) -> int:
    """Where the header starts: behind the "From " line that mbox tools leave."""
    match = _MBOX_LINE.match(raw)
    return match.end() if match else 0


def walk(raw: bytes, defects: dict[str, None]) -> list[Node]:
    """Every part, each before its children; the first is the root. What is wrong is added to `defects`.

    Raises `OverLimit`.
    """
    nodes: list[Node] = []
    waiting = [Node(beginning(raw), len(raw), 1, "text/plain", False)]
    known = 1
    header_bytes = 0
    while waiting:
        node = waiting.pop()
        nodes.append(node)
        _read_header(raw, node, defects)
        header_bytes += node.body - node.start
        if header_bytes > limits.ALL_HEADER_BYTES:
            raise OverLimit("headers too large")
        if node.content_type.startswith("multipart/"):
            node.children = _split(raw, node, defects)
        elif node.content_type in _ATTACHED_MAIL and node.encoding in _IDENTITY:
            node.children = [Node(node.body, node.end, node.depth + 1, "text/plain", True)]
        if not node.children:
            continue
        if node.depth >= limits.DEPTH:
            raise OverLimit("parts nested too deep")
        known += len(node.children)
        if known > limits.PARTS:
            raise OverLimit("too many parts")
        waiting.extend(reversed(node.children))
    return nodes


def _read_header(raw: bytes, node: Node, defects: dict[str, None]) -> None:
    node.fields, node.body, broken = header.scan(raw, node.start, node.end)
    if broken and node.fields:
        defects["a header block ends in a line that is no header field"] = None
    content_type: bytes | None = None
    disposition: bytes | None = None
    encoding: bytes | None = None
    for name, value in node.fields:
        # Nearly all fields are none of these: look at the length and first letter before lowering.
        if len(name) < 12 or name[0] not in b"Cc":
            continue
        match name.lower():
            case b"content-type":
                if content_type is not None:
                    defects["a part has two Content-Type fields; the first counts"] = None
                else:
                    content_type = value
            case b"content-disposition" if disposition is None:
                disposition = value
            case b"content-transfer-encoding" if encoding is None:
                encoding = value
    node.content_type = node.default_type
    if content_type is not None:
        value_type, node.params = parameters.split(content_type)
        if _TYPE.fullmatch(value_type):
            node.content_type = value_type
        else:
            node.content_type = "text/plain"
            defects["a Content-Type cannot be read; taken as text"] = None
    filename = ""
    if disposition is not None:
        kind, disposition_params = parameters.split(disposition)
        if kind:
            # RFC 2183 2.8: an unknown disposition is an attachment.
            node.disposition = "inline" if kind == "inline" else "attachment"
        filename = next((value for key, value in disposition_params if key == "filename"), "")
    node.filename = visible.file_name(filename or node.param("name"))
    if encoding is not None:
        node.encoding = parameters.split(encoding)[0] or "7bit"


def _split(raw: bytes, node: Node, defects: dict[str, None]) -> list[Node]:
    """The children of a multipart; empty if it has none, and then it is read as text."""
    boundary = _boundary(node)
    if not boundary:
        defects["a multipart without a boundary; taken as text"] = None
        return []
    needle = b"\n--" + boundary
    default = "message/rfc822" if node.content_type == "multipart/digest" else "text/plain"
    children: list[Node] = []
    false_ones = 0
    # The byte before the body is the line end of the blank line, so a delimiter on its first line is found too.
    position = max(node.body - 1, 0)
    opened = -1
    closed = False
    while (found := raw.find(needle, position, node.end)) >= 0:
        match = _DELIMITER_END.match(raw, found + len(needle), node.end)
        if match is None:
            false_ones += 1
            if false_ones > limits.FALSE_DELIMITERS:
                raise OverLimit("too many lines like a boundary")
            position = found + len(needle)
            continue
        if opened >= 0:
            children.append(_child(raw, node, opened, found, default))
            if len(children) > limits.PARTS:
                raise OverLimit("too many parts")
        # The delimiter's own line end may begin the next delimiter: a part without even a header.
        position = max(match.end() - 1, found + 1)
        opened = match.end()
        if match[1]:
            closed = True
            break
    if opened < 0:
        defects["a multipart without its boundary; taken as text"] = None
    elif not closed:
        defects["a multipart has no end"] = None
        children.append(_child(raw, node, opened, node.end, default))
    elif _SOMETHING.search(raw, opened, node.end):
        defects["there is something after the last part"] = None
    return children


def _child(raw: bytes, node: Node, start: int, line_end: int, default: str) -> Node:
    end = line_end
    if end < node.end and raw[end - 1 : end] == b"\r":
        end -= 1
    return Node(start, max(start, end), node.depth + 1, default, node.inside_attached_mail, node.protected_fields)


def _boundary(node: Node) -> bytes:
    # RFC 2046 5.1.1: a boundary does not end in white space. Longer ones than the 70 characters there exist.
    boundary = node.param("boundary").rstrip()
    return boundary.encode() if len(boundary) <= _BOUNDARY else b""
