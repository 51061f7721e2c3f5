"""Take one mail apart: bytes in, a `Structure` out, or `OverLimit`, and never anything else on any bytes.

The walk over offsets is in `mime`, header decoding in `header` and `parameters`, the text for people in `text`; here
they are put together. CPython's email package is not used: it gives no offsets, recurses, and takes 0.7 s and ten
times the memory for a 25 MB mail.
"""

from mailbot.mail import header, limits, mime, text, transfer
from mailbot.mail.limits import OverLimit
from mailbot.mail.mime import Node
from mailbot.mail.structure import Part, Structure

__all__ = ["OverLimit", "beginning", "content", "headers", "parse"]


def parse(raw: bytes) -> Structure:
    """Raises `OverLimit` and nothing else. Line ends may be CRLF or LF."""
    defects: dict[str, None] = {}
    nodes = mime.walk(raw, defects)
    choice = text.choose(raw, nodes[0])
    shown = set(map(id, choice.shown))
    hidden = set(map(id, choice.left_out))
    digests: dict[int, tuple[int, str]] = {}
    beginnings: dict[int, bytes] = {}
    for node in nodes:
        if node.children and (node.content_type.startswith("multipart/") or node.inside_attached_mail):
            # An attached mail is digested once, not again for each mail inside it.
            digests[id(node)] = node.end - node.body, ""
            continue
        keep = text.wanted(node) if id(node) in shown else 0
        size, sha256, beginning = transfer.digest(raw, node.body, node.end, node.encoding, keep)
        digests[id(node)] = size, sha256
        if keep:
            beginnings[id(node)] = beginning
    parts: dict[int, Part] = {}
    for node in reversed(nodes):
        parts[id(node)] = _part(node, *digests[id(node)], tuple(parts[id(child)] for child in node.children))
    return Structure(
        headers=_decoded(nodes[0].fields),
        root=parts[id(nodes[0])],
        text=_text(choice.shown, digests, beginnings),
        html_only=bool(choice.shown) and all(map(text.is_html, choice.shown)),
        attachments=tuple(
            parts[id(node)]
            for node in nodes
            if not node.inside_attached_mail
            and (not node.children or not node.content_type.startswith("multipart/"))
            and id(node) not in shown
            and id(node) not in hidden
        ),
        defects=tuple(defects),
    )


def headers(raw: bytes) -> tuple[tuple[str, str], ...]:
    """Only the header fields of a mail, decoded as in `Structure.headers`. Raises `OverLimit`."""
    found, _, _ = header.scan(raw, mime.beginning(raw), len(raw))
    return _decoded(found)


def content(raw: bytes, part: Part) -> bytes:
    """The decoded bytes of a leaf of ``parse(raw)``."""
    return transfer.decoded(raw, part.body, part.end, part.encoding)


def beginning(raw: bytes, part: Part, most: int) -> bytes:
    """The first decoded bytes of a leaf, at most `most`."""
    pieces: list[bytes] = []
    for piece in transfer.pieces(raw, part.body, part.end, part.encoding):
        pieces.append(bytes(piece[:most]))
        most -= len(pieces[-1])
        if most <= 0:
            break
    return b"".join(pieces)


def _decoded(found: list[tuple[bytes, bytes]]) -> tuple[tuple[str, str], ...]:
    return tuple([(name.decode("ascii"), header.decoded(name, value)) for name, value in found])


def _part(node: Node, size: int, sha256: str, children: tuple[Part, ...]) -> Part:
    return Part(
        content_type=node.content_type,
        params=node.params,
        disposition=node.disposition,
        filename=node.filename,
        encoding=node.encoding,
        start=node.start,
        body=node.body,
        end=node.end,
        size=size,
        sha256=sha256,
        children=children,
    )


def _text(shown: list[Node], digests: dict[int, tuple[int, str]], beginnings: dict[int, bytes]) -> str:
    budget = limits.TEXT_BYTES
    left_out = 0
    texts: list[str] = []
    for node in shown:
        size = digests[id(node)][0]
        if budget <= 0:
            left_out += size
            continue
        rendered, missing = text.rendered(node, beginnings[id(node)], size, budget)
        if texts and not texts[-1].endswith("\n"):
            texts.append("\n")
        texts.append(rendered)
        budget -= len(rendered)
        left_out += missing
    if left_out:
        texts.append(f"\n[... {left_out:,} more bytes, see the attached original]\n")
    return "".join(texts)
