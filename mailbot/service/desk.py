"""What a verb works with: who asks, about which issue, and the unit of work that records what changes.

A verb's effect is ``effect(desk, args) -> Done``. It looks at everything first, and then either changes what it is to
change or raises `Refused` without having changed anything: the lines of one mail stand alone. The members' mails and
the operator's command line use the same effects.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from mailbot.config import Member, Settings
from mailbot.domain.issue import Status
from mailbot.errors import UsageError
from mailbot.mail.control import ids, plain, read
from mailbot.mail.quoting import own_text
from mailbot.service.carried_keys import CarriedKey
from mailbot.service.store import IssueView, Unit

OPERATOR = "operator"
REASON = 1_000
"""Characters of a reason that are told on."""


class Refused(UsageError):
    """A command that is not carried out. The text says why, and `accepted` what would be."""

    def __init__(self, why: str, accepted: Sequence[str] = ()) -> None:
        super().__init__(why)
        self.accepted = tuple(accepted)

    def words(self) -> str:
        """One line for people."""
        return f"{self}. Accepted: {', '.join(self.accepted)}" if self.accepted else str(self)


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that has another value now; None for none."""

    name: str
    old: str | None
    new: str | None

    def words(self) -> str:
        """As the transcript shows it: ``owner: nobody -> alice``."""
        if self.name == "reason":
            return f"reason: {self.new}"
        nothing = "nobody" if self.name in ("owner", "appointed") else "none"
        return f"{self.name}: {self.old or nothing} -> {self.new or nothing}"


@dataclass(frozen=True, slots=True)
class Done:
    """What a command did, for the transcript: what changed, and what else there is to say, in lines."""

    changes: tuple[Change, ...] = ()
    lines: tuple[str, ...] = ()


@dataclass
class Desk:
    """One mail's or one operator's commands, carried out one after the other."""

    unit: Unit
    settings: Settings
    now: datetime
    member: Member | None
    """None is an operator on the machine."""
    issue: IssueView | None
    """The one that the commands are about, as it stands now; ``/on`` selects another."""
    message: str = ""
    """What stands below the commands, as it was written."""
    keys: tuple[CarriedKey, ...] = ()
    """Public keys that came along."""
    proved: bool = True
    """By a signature, or by whoever has the machine; a DMARC pass alone may not do everything."""
    seconded: bool = False
    """Another member has confirmed them."""
    opened: str = ""
    """What became of the encryption of the mail that they came in; what tells of them is told no weaker."""
    discarded: bool = False
    """A held mail was discarded already."""
    used_message: bool = False
    """A command has taken the message; without one it is an internal note."""
    verbs: Collection[str] = ()
    """The names of all verbs: a line of the message that is a command goes to nobody."""
    left_out: tuple[str, ...] = ()
    """Such lines."""
    shown: int | None = None
    """The issue that the command at hand tells of."""
    secret: bool = False
    """Some command told of an issue that came encrypted."""
    changed: dict[int, list[str]] = field(default_factory=dict)
    """What the other members are told: lines of changes, by issue."""

    @property
    def actor(self) -> str:
        return self.member.id if self.member else OPERATOR

    @property
    def about(self) -> IssueView:
        """The issue; `Refused` if none is selected."""
        if self.issue is None:
            raise Refused("it is about an issue, and none is named", [f"/on {self.settings.issue_id(42)} above it"])
        return self.show(self.issue)

    @property
    def open_issue(self) -> IssueView:
        """The issue, if it is not closed."""
        self.refuse_closed()
        return self.about

    def refuse_closed(self) -> None:
        if self.about.status == Status.CLOSED:
            raise Refused(f"{self.id} is closed; /reopen comes first")

    @property
    def id(self) -> str:
        return self.settings.issue_id(self.about.number)

    def find(self, args: str) -> IssueView:
        """The issue that an argument names."""
        words = plain(args)
        named = ids(words, self.settings.group.id_prefix)
        if len(named) != 1 or words.upper() != self.settings.issue_id(named[0]):
            example = f"an id of this group, such as {self.settings.issue_id(42)}"
            raise Refused(f'"{words}" is no issue' if words else "it names no issue", [example])
        found = self.unit.issue(named[0])
        if found is None:
            raise Refused(f"there is no {self.settings.issue_id(named[0])}")
        return self.show(found)

    def show(self, issue: IssueView) -> IssueView:
        """The issue, of which the answer may tell from now on."""
        self.shown = issue.number
        self.secret |= issue.encrypted
        return issue

    def find_or_about(self, args: str) -> IssueView:
        """The same, or the selected issue if there is no argument."""
        return self.find(args) if args else self.about

    def text(self) -> str:
        """The member's own words in the message; `Refused` if there are none, or if another command took them."""
        if self.used_message:
            raise Refused("another command of this mail took the text below")
        lines = own_text(self.message).split("\n")
        # Below prose it does not run, and it is for nobody's eyes.
        self.left_out = tuple(line for line in lines if read(line, self.verbs).commands)
        words = "\n".join(line for line in lines if line not in self.left_out).strip("\n")
        if not words:
            raise Refused("there is no text of your own below the commands")
        return words

    def take_message(self) -> None:
        self.used_message = True

    def set(self, column: str, new: Any, action: str = "", shown: Callable[[Any], str | None] | None = None) -> Change:
        """Give one field of the issue another value, and put it into the log of changes under the verb's name."""
        number, old = self.about.number, getattr(self.about, column)
        self.unit.change_issue(number, {column: new})
        self.unit.audit(number, self.actor, action or column, self.now, old=old, new=new)
        self.refresh()
        show = shown or (lambda value: None if value is None else str(value))
        return Change(column, show(old), show(new))

    @staticmethod
    def reason(text: str) -> tuple[Change, ...]:
        """What a member said about why, to be told with what changed."""
        words = " ".join(text.split())
        return (Change("reason", None, words[:REASON]),) if words else ()

    def refresh(self) -> None:
        """See the issue as it stands after a change."""
        self.issue = self.unit.issue(self.about.number)

    def name_of(self, number: int) -> str:
        return self.settings.issue_id(number)

    def named(self, number: int | None) -> str | None:
        return None if number is None else self.name_of(number)

    def select(self, issue: IssueView) -> None:
        self.issue = issue

    def member_named(self, word: str) -> Member:
        found = self.settings.member_by_id(word.lower()) or self.settings.member_by_address(word)
        if found is None:
            raise Refused(f'"{word}" is no member', [member.id for member in self.settings.member])
        return found


def added_and_removed(args: str, *, bare: bool = False) -> tuple[list[str], list[str]]:
    """The words with ``+`` and those with ``-``; with `bare` a word with neither is added. Raises `Refused`."""
    added: list[str] = []
    removed: list[str] = []
    for word in plain(args).replace(",", " ").split():
        if word.startswith("-"):
            removed.append(word[1:])
        elif word.startswith("+") or bare:
            added.append(word.removeprefix("+"))
        else:
            raise Refused(f'"{word[:80]}" says neither to add nor to take away', [f"+{word[:80]}", f"-{word[:80]}"])
    return added, removed


def none(args: str, what: str = "") -> None:
    """Refuse arguments where there are to be none."""
    if plain(args):
        raise Refused(f"it takes no argument{f'; {what}' if what else ''}")
