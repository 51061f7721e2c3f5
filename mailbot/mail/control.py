"""The grammar of command mails: which lines at the top of a text are commands, and what is the message below them.

In: a member's text (LF line ends, flowed lines joined, no HTML) and the names of the verbs that there are. Out: a
`Block`. Nothing here knows what a verb does, and nothing fails: whatever is no command is message.

One command a line, each beginning with ``/``; blank lines and ``#`` comments may stand between. The first other line
ends the block, so that quoted text, a signature block and prose never run, nor anything below them. A line within the
block that begins with ``/`` and is no verb stops the whole mail: `Block.unknown`.
"""

import difflib
import re
from collections.abc import Collection
from dataclasses import dataclass

LINES = 50
"""Commands of one mail. Each may cost a few look-ups under the database's write lock; nobody types so many."""
LINE = 2_000
"""Characters of one command line that are read: a long title, a reason in a paragraph."""

# Phones and word processors put these for what stands on the keyboard.
_TYPOGRAPHIC = str.maketrans(
    {
        **dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe58\ufe63\uff0d", "-"),
        **dict.fromkeys("\u201c\u201d\u201e\u201f\u00ab\u00bb\u2033\uff02", '"'),
        **dict.fromkeys("\u2018\u2019\u201a\u201b\u2032\uff07", "'"),
        **dict.fromkeys("\u00a0\u2007\u202f", " "),
        "\u2026": "...",
    }
)
# What `mail.visible` makes of a byte order mark and the like, with which some mail programs begin a text.
_INVISIBLE = re.compile(r"(?:\[U\+(?:FEFF|200B|200E|2060)\])+")
_COMMAND = re.compile(r" ?/(\S*)(?:[ \t\u00a0]+(.*))?", re.DOTALL)
_ENDS_WORD = ".,:;!"


@dataclass(frozen=True, slots=True)
class Command:
    """One line of the block. `line` is what is echoed, `verb` in lower case and without its ``/``."""

    line: str
    verb: str
    args: str


@dataclass(frozen=True, slots=True)
class Block:
    commands: tuple[Command, ...] = ()
    unknown: Command | None = None
    """The first line that begins with ``/`` and is no verb, or is one too many: nothing of the mail may run."""
    nearest: str = ""
    """The verb that `unknown` resembles most; "" if it resembles none."""
    comments: tuple[str, ...] = ()
    message: str = ""
    """What stands below the block, as it was written."""

    def __bool__(self) -> bool:
        """Whether the mail begins with commands, right or wrong."""
        return bool(self.commands) or self.unknown is not None

    @property
    def lines(self) -> tuple[str, ...]:
        """Every line of the block that was meant as a command, as it was written."""
        return tuple(one.line for one in (*self.commands, *([self.unknown] if self.unknown else [])))


def read(text: str, verbs: Collection[str]) -> Block:
    """The command block at the top of `text`. `verbs` in lower case, without ``/``. Never raises."""
    commands: list[Command] = []
    comments: list[str] = []
    lines = text.split("\n")
    for number, line in enumerate(lines):
        bare = _INVISIBLE.sub("", line, count=1) if line.startswith("[U+") else line
        # What a reader of mail strips, and nothing else: "\x0b" and its like were made visible before.
        bare = bare.rstrip(" \t\r\u00a0")
        if not bare.strip(" \t\u00a0"):
            continue
        if bare.startswith("#"):
            comments.append(bare)
            continue
        found = _COMMAND.fullmatch(bare[:LINE])
        if found is None:
            return Block(tuple(commands), comments=tuple(comments), message="\n".join(lines[number:]))
        verb = plain(found[1]).lower().rstrip(_ENDS_WORD)
        command = Command(bare[:LINE].strip(), verb, (found[2] or "").strip())
        if verb not in verbs or len(bare) > LINE or len(commands) == LINES:
            near = difflib.get_close_matches(verb[:40], verbs, 1, 0.5)
            below = "\n".join(lines[number + 1 :])
            return Block(tuple(commands), command, near[0] if near else "", tuple(comments), below)
        commands.append(command)
    return Block(tuple(commands), comments=tuple(comments))


def plain(text: str) -> str:
    """Arguments that are words and not prose: dashes, quotes and spaces as on a keyboard, without quotes around it or
    a full stop at its end, as a phone adds them."""
    words = " ".join(text.translate(_TYPOGRAPHIC).split())
    if len(words) > 1 and words[0] == words[-1] and words[0] in "\"'":
        words = words[1:-1].strip()
    return words[:-1] if words.endswith(".") and not words.endswith("..") else words


def ids(text: str, prefix: str) -> list[int]:
    """The numbers of the issues that a text names as ``EX-42``, in order, with repeats."""
    found = re.finditer(rf"(?<![A-Za-z0-9_-]){re.escape(prefix)}-([1-9][0-9]{{0,8}})(?![A-Za-z0-9_])", text, re.I)
    return [int(match[1]) for match in found]
