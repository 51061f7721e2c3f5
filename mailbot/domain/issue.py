"""The words for an issue's state, and how it may end."""

from enum import StrEnum


class Status(StrEnum):
    OPEN = "open"
    WAITING = "waiting"
    CLOSED = "closed"


class Outcome(StrEnum):
    """How an issue was closed."""

    FIXED = "fixed"
    NOT_SECURITY = "not-security"
    PUBLIC_BUG = "public-bug"
    DUPLICATE = "duplicate"
    INVALID = "invalid"
    SPAM = "spam"


CATEGORIES = ("coordinated", "supply-chain", "no-coordination", "invalid")
"""As what a report is counted."""


class Role(StrEnum):
    """What a participant from outside the group is to an issue."""

    REPORTER = "reporter"
    CC = "cc"
    EXPERT = "expert"


class Disposition(StrEnum):
    """What became of one accepted mail."""

    REPORT = "report"
    FOLLOW_UP = "follow-up"
    MEMBER = "member"
    KEY_REQUEST = "key-request"
    BOUNCE = "bounce"
    AUTOMATIC = "automatic"
    OWN = "own"
    DUPLICATE = "duplicate"
    UNREADABLE = "unreadable"
    DISCARDED = "discarded"
    """It was held, and somebody decided that it is nothing."""
    HELD = "held"
    """Nobody has decided yet; the row says so by its state, and has no disposition."""


NO_TITLE = "(no subject)"
TITLE_LENGTH = 200
"""Characters of a subject that become the title; longer ones are cut, the original keeps them."""


def title_from(subject: str) -> str:
    """An issue's title from a report's subject."""
    title = " ".join(subject.split())
    if len(title) > TITLE_LENGTH:
        title = title[: TITLE_LENGTH - 1] + "…"
    return title or NO_TITLE
