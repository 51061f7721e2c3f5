"""What is open, as the daily digest and lists of work show it: rows, the most urgent first."""

from dataclasses import dataclass
from datetime import datetime, timedelta

SOON = timedelta(days=7)
"""A deadline that is nearer is "due"."""


@dataclass(frozen=True, slots=True)
class WorkLine:
    """One issue, for one reason. `what` is a clock's name, ``unclaimed`` or ``waiting``."""

    issue: int
    owner: str | None
    appointed: str | None
    drill: bool
    what: str
    at: datetime | None


@dataclass(frozen=True, slots=True)
class WorkPart:
    word: str
    """``overdue``, ``due``, ``unclaimed`` or ``waiting``."""
    total: int
    lines: tuple[WorkLine, ...]
    """The most urgent of them, up to a limit."""


@dataclass(frozen=True, slots=True)
class Work:
    open: int
    """Issues that are not closed."""
    parts: tuple[WorkPart, ...]
