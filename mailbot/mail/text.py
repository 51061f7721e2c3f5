"""Which parts of a mail a person reads as its text, and that text: decoded, unwrapped, capped, with nothing invisible.

RFC 2046 5.1.4 (alternative), RFC 2387 (related), RFC 2183 (disposition). Plain text wins over HTML. Attached mails
are never merged in.
"""

import re
from dataclasses import dataclass

from mailbot.mail import charset, flowed, legacy_display, limits, markup, transfer, visible
from mailbot.mail.mime import Node

# Text by type, data by nature: listed as attachments.
_DATA = frozenset(
    {"text/rfc822-headers", "text/calendar", "text/vcard", "text/x-vcard", "text/directory", "text/csv", "text/css"}
    | {"text/javascript", "text/xml", "text/x-amp-html", "text/watch-html", "text/tab-separated-values"}
)
# The same words once more, for clients that run scripts or sit on a wrist.
_OTHER_FORMS = frozenset({"text/x-amp-html", "text/watch-html"})
_SOMETHING = re.compile(rb"\S")


@dataclass(slots=True)
class Choice:
    """What is shown, in order, and what is left out because it is another form of what is shown."""

    shown: list[Node]
    left_out: list[Node]


def choose(raw: bytes, root: Node) -> Choice:
    """Which leaves are the mail's text."""
    choice = _choose(raw, root)
    if not choice.shown:
        # A sender that names its only text ("message.txt") without saying what it is.
        named = (node for node in _leaves(root) if node.content_type == "text/plain" and not node.disposition)
        choice.shown.extend([node for node in named if not node.inside_attached_mail][:1])
    return choice


def is_html(node: Node) -> bool:
    return node.content_type == "text/html"


def wanted(node: Node) -> int:
    """How many decoded bytes of a shown leaf are worth keeping."""
    return limits.HTML_BYTES if is_html(node) else limits.TEXT_BYTES


def rendered(node: Node, data: bytes, size: int, budget: int) -> tuple[str, int]:
    """The text of one leaf, at most `budget` characters of it, and how many bytes of its `size` it leaves out.

    `data` is the beginning of the decoded bytes.
    """
    label = node.param("charset")
    if is_html(node):
        source = charset.decode(_cut(data, size, limits.HTML_BYTES), label)
        if _has_copies(node):
            source = legacy_display.without_in_html(source, node.protected_fields)
        read, complete = markup.text(source, budget)
        text = visible.visible(read)
        missing = size - len(data) if complete else max(size - budget, 1)
    else:
        data = _cut(data, size, budget)
        missing = size - len(data)
        usual = visible.unproblematic(visible.lines(data)) if charset.usually_utf8(label) else None
        text = visible.visible(charset.decode(data, label)) if usual is None else usual
        if node.param("format").lower() == "flowed":
            text = flowed.unwrapped(text, delete_space=node.param("delsp").lower() == "yes")
        if _has_copies(node):
            text = legacy_display.without(text, node.protected_fields)
    if len(text) > budget:
        # What is written out takes more room than it did.
        missing += max(len(data) * (len(text) - budget) // len(text), 1)
        text = text[:budget]
    return text, missing


def _choose(raw: bytes, node: Node) -> Choice:
    """Recursive, but never deeper than `limits.DEPTH`, which the walk has checked."""
    if not node.children:
        return Choice([node] if _is_text(node) else [], [])
    if not node.content_type.startswith("multipart/"):
        return Choice([], [])
    choices = [_choose(raw, child) for child in node.children]
    if _is_display_part(raw, node):
        choices[0] = Choice([], choices[0].shown or [node.children[0]])
    if node.content_type == "multipart/alternative":
        best = _best(raw, choices)
        not_shown = [other for number, choice in enumerate(choices) if number != best for other in choice.shown]
        # A second plain text is no other form of the first: it is listed, so that nothing can hide there.
        left_out = [other for other in not_shown if is_html(other) or not _SOMETHING.search(raw, other.body, other.end)]
        left_out += [child for child in node.children if child.content_type in _OTHER_FORMS]
        return Choice(choices[best].shown, left_out + [other for choice in choices for other in choice.left_out])
    if node.content_type == "multipart/related":
        # The first part is the root, and the rest are its pictures (RFC 2387; `start` is hardly ever another).
        return choices[0]
    return Choice(
        [shown for choice in choices for shown in choice.shown],
        [other for choice in choices for other in choice.left_out],
    )


def _best(raw: bytes, choices: list[Choice]) -> int:
    """The alternative to show: the first with plain text in it that is not empty, else the last with any text."""
    best = 0
    for number, choice in enumerate(choices):
        filled = [node for node in choice.shown if _SOMETHING.search(raw, node.body, node.end)]
        if filled and not all(map(is_html, filled)):
            return number
        if filled:
            best = number
    return best


def _has_copies(node: Node) -> bool:
    return node.param("hp-legacy-display") == "1"


def _is_display_part(raw: bytes, node: Node) -> bool:
    """True if the first child of `node` is the draft's part for copies of protected fields, and nothing but that."""
    first = node.children[0]
    return (
        node.content_type == "multipart/mixed"
        and node.param("protected-headers").lower() == first.param("protected-headers").lower() == "v1"
        and first.content_type in ("text/plain", "text/rfc822-headers")
        and first.end - first.body <= legacy_display.PART_BYTES
        and legacy_display.repeats(
            visible.visible(
                charset.decode(transfer.decoded(raw, first.body, first.end, first.encoding), first.param("charset"))
            ),
            node.fields,
        )
    )


def _is_text(node: Node) -> bool:
    if node.disposition == "attachment":
        return False
    if node.content_type.startswith("multipart/"):
        # It turned out to have no parts: whatever it holds is shown rather than lost.
        return True
    if node.content_type == "application/pgp":
        # What mutt and others called text with armor in it, before RFC 3156.
        return not node.filename
    if not node.content_type.startswith("text/") or node.content_type in _DATA:
        return False
    return not node.filename or node.disposition == "inline" or node.depth == 1


def _leaves(root: Node) -> list[Node]:
    leaves: list[Node] = []
    waiting = [root]
    while waiting:
        node = waiting.pop()
        waiting.extend(reversed(node.children))
        if not node.children:
            leaves.append(node)
    return leaves


def _cut(data: bytes, size: int, most: int) -> bytes:
    """The beginning of `data` that fits, cut at a line end if one is near, so that no character is cut in two."""
    if len(data) <= most and len(data) >= size:
        return data
    data = data[:most]
    line_end = data.rfind(b"\n", max(0, len(data) - 4096))
    return data[: line_end + 1] if line_end >= 0 else data
