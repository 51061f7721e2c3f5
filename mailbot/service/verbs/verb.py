"""What a verb is: a name, what it takes, what it does, in words and in fact."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from mailbot.service.desk import Desk, Done


class Scope(Enum):
    """What a verb is about."""

    ISSUE = "the issue of the mail, which the signed text must confirm"
    OTHER = "the issue that its argument names, or that of the mail"
    GROUP = "no issue"


@dataclass(frozen=True, slots=True)
class Verb:
    name: str
    """In lower case, without the ``/``."""
    arguments: str
    """As shown to people, such as ``[force]``; "" for none."""
    help: str
    """What it does, in one line."""
    example: str
    """A line that can be typed as it stands."""
    effect: Callable[[Desk, str], Done]
    scope: Scope = Scope.ISSUE
    message: bool = False
    """It does something with the text below the commands."""
    second: Callable[[Desk, str], bool] | None = None
    """Whether these arguments need another member's ``/confirm``. May refuse them right away."""
    tell: bool = False
    """The other members hear of it at once, though the mail has no message for them."""

    @property
    def usage(self) -> str:
        return f"/{self.name} {self.arguments}".rstrip()

    def needs_issue(self, args: str) -> bool:
        return self.scope is Scope.ISSUE or (self.scope is Scope.OTHER and not args)
