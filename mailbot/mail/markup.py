"""HTML as text that people can read: links as ``text <url>``, nothing fetched, nothing run, hidden text marked.

Our own scanner, not `html.parser`: that one searches to the end again for every unclosed construct (CVE-2025-6069), so
1 MB of ``<!--`` takes it hours. Here every search either moves forward or is never tried again, so the time grows
with the length of the input. Without recursion, for the same reason.
"""

import html
import re

OPEN_ELEMENTS = 256
"""Nested elements that are kept track of; what is deeper is still read, as part of the last one."""

_URL = 2_000
"""Characters of a link's target that are shown; browsers take about as many."""

# Each alternative ends at its own end or at the end of the input, so that no start is tried twice.
_TAG = re.compile(r"""<(/?)([a-zA-Z][^\s/>]*+)((?:[^>"']++|"[^"]*+(?:"|\Z)|'[^']*+(?:'|\Z))*+)(>|\Z)""")
_DECLARATION = re.compile(r"<[!?/][^>]*+(?:>|\Z)")
_ATTRIBUTE = re.compile(r"""([^\s=/>"']++)(?:\s*+=\s*+(?:"([^"]*+)"|'([^']*+)'|([^\s>]*+)))?""")
_SPACE = re.compile(r"[ \t\n\r\f]+")
_NOTHING = re.compile(r"[\s\u00a0\u00ad\u034f\u200b-\u200f\u2060-\u2064\ufeff]*+")
_INTERESTING = re.compile(r"style|hidden", re.IGNORECASE)
_HIDING_STYLE = re.compile(
    r"(?:^|;)(?:display:none|visibility:(?:hidden|collapse)|mso-hide:all|color:transparent|opacity:0*(?:\.0+)?(?=;|!|$)"
    r"|font-size:(?:0*(?:\.0*)?(?:px|pt|em|rem|ex|%|vw|vh)?|(?:0*\.\d+|0*1(?:\.0+)?)(?:px|pt))(?=;|!|$)"
    r"|(?:text-indent|left|top|margin-left|margin-top):-\d{3}"
    r"|(?:max-)?(?:height|width):0*(?:px|pt|em)?(?=;|!|$).*?overflow:hidden"
    r"|overflow:hidden.*?;(?:max-)?(?:height|width):0*(?:px|pt|em)?(?=;|!|$))"
)

# Their content is for machines.
_DROPPED = frozenset({"script", "style", "title"})
_EMPTY = frozenset(
    {"br", "hr", "img", "meta", "link", "input", "wbr", "area", "base", "col", "embed", "source", "track"}
)
_PARAGRAPHS = frozenset({"p", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "dl", "table", "blockquote", "pre"})
_LINES = frozenset(
    {"div", "li", "tr", "dt", "dd", "section", "article", "header", "footer", "main", "nav", "aside", "form", "address"}
    | {"fieldset", "figure", "figcaption", "details", "summary", "center", "body", "html", "head", "option", "caption"}
)
# A new one ends the one before it.
_ENDED_BY_NEXT = frozenset({"p", "li", "td", "th", "tr", "dt", "dd", "option"})


def text(markup: str, budget: int) -> tuple[str, bool]:
    """What a person would read in `markup`, about `budget` characters at most, and whether that is all of it."""
    page = _Page(budget)
    _scan(markup, page)
    return page.finished(), page.budget > 0


def _scan(markup: str, page: "_Page") -> None:
    position = 0
    unclosed: set[str] = set()
    while page.budget > 0:
        start = markup.find("<", position)
        if start < 0:
            page.words(_unescaped(markup[position:]))
            return
        if start > position:
            page.words(_unescaped(markup[position:start]))
        if markup.startswith("<!--", start) and "<!--" not in unclosed:
            end = markup.find("-->", start + 4)
            if end >= 0:
                position = end + 3
                continue
            unclosed.add("<!--")
            position = start + 4
            continue
        if tag := _TAG.match(markup, start):
            closing, name, attributes, end_mark = tag.groups()
            name = name.lower()
            position = tag.end()
            if not end_mark:
                # A tag that never ends swallows the rest in a browser; here it is shown.
                page.words(markup[start:])
                return
            if closing:
                page.close(name)
            else:
                page.open(name, attributes)
                if name in _DROPPED and name not in unclosed:
                    end_tag = re.compile(rf"</{name}[\s/>]", re.IGNORECASE).search(markup, position)
                    if end_tag:
                        position = end_tag.start()
                    else:
                        unclosed.add(name)
        elif declaration := _DECLARATION.match(markup, start):
            position = declaration.end()
        else:
            page.words("<")
            position = start + 1


class _Element:
    __slots__ = ("hidden", "name")

    def __init__(self, name: str, hidden: bool) -> None:
        self.name = name
        self.hidden = hidden


class _Page:
    """The text so far, and the elements that are open."""

    def __init__(self, budget: int) -> None:
        self.budget = budget
        self._lines: list[str] = []
        self._line: list[str] = []
        self._at_space = True
        self._open: list[_Element] = []
        self._open_by_name: dict[str, int] = {}
        # For each open list the number of its last item, or -1 if its items have none.
        self._lists: list[int] = []
        self._quotes = 0
        self._pre = 0
        self._hidden = 0
        self._hidden_words: list[str] = []
        self._href = ""
        self._link_words: list[str] = []

    def words(self, words: str) -> None:
        words = words[: max(self.budget, 0)]
        self.budget -= len(words)
        if self._hidden:
            self._hidden_words.append(words)
            return
        if self._href:
            self._link_words.append(words)
        if self._pre:
            first, *others = words.split("\n")
            self._line.append(first)
            for other in others:
                self._end_line()
                self._line.append(other)
            self._at_space = False
            return
        words = _SPACE.sub(" ", words)
        if self._at_space:
            words = words.lstrip(" ")
        if words:
            self._line.append(words)
            self._at_space = words.endswith(" ")

    def open(self, name: str, attributes: str) -> None:
        if name in _ENDED_BY_NEXT and self._open and self._open[-1].name == name:
            self.close(name)
        match name:
            case "br":
                self._break()
            case "hr":
                self._paragraph()
                self.words("* * *")
                self._paragraph()
            case "img":
                if alternative := _attributes(attributes).get("alt", "").strip():
                    self.words(f"[image: {alternative[:200]}]")
            case "a":
                self._end_link()
                self._href = _target(_attributes(attributes).get("href", ""))
            case "td" | "th":
                if not self._at_space or (self._line and "".join(self._line).strip()):
                    self.words(" | ")
            case _ if name in _PARAGRAPHS:
                self._paragraph()
            case _ if name in _LINES:
                self._break_if_needed()
        if name in _EMPTY:
            return
        if name == "li":
            self._item()
        if len(self._open) < OPEN_ELEMENTS:
            hidden = bool(_INTERESTING.search(attributes)) and _hides(_attributes(attributes))
            self._open.append(_Element(name, hidden))
            self._open_by_name[name] = self._open_by_name.get(name, 0) + 1
            self._hidden += hidden
            self._quotes += name == "blockquote"
            self._pre += name == "pre"
            if name in ("ul", "ol"):
                self._lists.append(0 if name == "ol" else -1)

    def close(self, name: str) -> None:
        if name == "a":
            self._end_link()
        if not self._open_by_name.get(name):
            return
        if name in _PARAGRAPHS or name in _LINES:
            self._break_if_needed()
        self._pop_to(name)
        if name in _PARAGRAPHS:
            self._paragraph()

    def finished(self) -> str:
        self._hidden = 0
        self._end_hidden()
        self._end_link()
        self._paragraph()
        text = "\n".join(self._lines).strip("\n")
        return text + "\n" if text else ""

    def _pop_to(self, name: str) -> None:
        while self._open:
            element = self._open.pop()
            self._open_by_name[element.name] -= 1
            self._quotes -= element.name == "blockquote"
            self._pre -= element.name == "pre"
            if element.name in ("ul", "ol"):
                self._lists.pop()
            if element.hidden:
                self._hidden -= 1
                self._end_hidden()
            if element.name == name:
                return

    def _break(self) -> None:
        if self._hidden:
            self._hidden_words.append(" ")
        else:
            self._end_line()

    def _break_if_needed(self) -> None:
        if self._hidden:
            self._hidden_words.append(" ")
        elif self._line:
            self._end_line()

    def _paragraph(self) -> None:
        self._break_if_needed()
        if self._hidden or not self._lines:
            return
        blank = self._quote_marks().rstrip()
        if self._lines[-1].strip("> "):
            self._lines.append(blank)
        else:
            self._lines[-1] = blank

    def _end_line(self) -> None:
        line = (self._quote_marks() + "".join(self._line).replace("\u00a0", " ")).rstrip()
        self.budget -= 1 + len(line) // 10
        self._lines.append(line)
        self._line = []
        self._at_space = True

    def _quote_marks(self) -> str:
        return "> " * min(self._quotes, 10)

    def _item(self) -> None:
        marker = "- "
        if self._lists and self._lists[-1] >= 0:
            self._lists[-1] += 1
            marker = f"{self._lists[-1]}. "
        if not self._hidden:
            self._line.append("  " * min(max(len(self._lists) - 1, 0), 10) + marker)

    def _end_link(self) -> None:
        href, words = self._href, "".join(self._link_words).strip()
        self._href, self._link_words = "", []
        if href and not _same(href, words):
            self.words(f" <{href}>" if words else f"<{href}>")

    def _end_hidden(self) -> None:
        if self._hidden or not self._hidden_words:
            return
        collected = "".join(self._hidden_words)
        self._hidden_words = []
        # They were charged when they were collected.
        self.budget += len(collected)
        words = _SPACE.sub(" ", collected).strip()
        if not _NOTHING.fullmatch(words):
            self.words(f"[hidden: {words}]")


def _attributes(source: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for match in _ATTRIBUTE.finditer(source):
        name, *values = match.groups()
        found.setdefault(name.lower(), _unescaped(next((value for value in values if value is not None), "")))
    return found


def _hides(attributes: dict[str, str]) -> bool:
    if "hidden" in attributes:
        return True
    style = re.sub(r"/\*.*?\*/|\s", "", attributes.get("style", "")[:4_000].lower(), flags=re.DOTALL)
    return bool(_HIDING_STYLE.search(style))


def _target(href: str) -> str:
    """A link's target in one word; empty for a place in the page itself."""
    href = re.sub(r"[\s<>]+", "", href)
    if href.startswith("#"):
        return ""
    return href if len(href) <= _URL else href[:_URL] + "..."


def _same(href: str, words: str) -> bool:
    """True if the words of a link already are its target."""

    def bare(url: str) -> str:
        return re.sub(r"^(?:mailto:|https?://)", "", url.strip().lower()).rstrip("/")

    return bare(href) == bare(words)


def _unescaped(source: str) -> str:
    if "&" not in source:
        return source
    try:
        return html.unescape(source)
    except ValueError:
        # A numeric reference with more digits than int() takes (CVE-2020-10735).
        return source
