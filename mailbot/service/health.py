"""Does the bot do its work? Numbers in, what is wrong in words out. Nothing here names a mail, a person or an issue.

The same judgement stands behind `mailbot health`, the endpoint of ``[metrics]`` and the daily word to the operators.
"""

from collections.abc import Iterator
from dataclasses import dataclass

UNHANDLED_SECONDS = 300.0
"""Accepted mail that nobody has handled for so long: seconds are usual, and a gpg that hangs is ended after 30."""
UNSENT_SECONDS = 3600.0
"""Mail that nobody has taken for so long: greylisting takes a quarter of an hour."""
LAG_SECONDS = 60.0
"""A clock that is so much too late: two seconds are promised, 30 where another process has to take over."""
KEY_DAYS = 7.0
"""From when on an expiring key is wrong; that it will expire was said by then."""
FREE_BYTES = 500_000_000
"""A few large mails, and the copy that a migration makes."""


@dataclass(frozen=True, slots=True)
class Counts:
    """What the database and its disk say at one moment. Ages in seconds, 0 where there is nothing."""

    unhandled: int
    """Accepted mails that were not handled yet."""
    unhandled_age: float
    unwritten: int
    """Notices whose mails were not written yet."""
    unwritten_age: float
    unsent: int
    unsent_age: float
    held: int
    quarantined: int
    undelivered: int
    """Outgoing mails that failed or bounced, as long as nobody has dropped or retried them."""
    open_issues: int
    scheduler_lag: float
    """How late the clock is that has waited longest to fire."""
    free_bytes: int
    """On the disk that holds the database."""


@dataclass(frozen=True, slots=True)
class Vitals(Counts):
    """The state of one installation at one moment."""

    group_key_days: float | None
    """Until the group's key can no longer be used, negative if that is past; None if never."""
    members_key_days: float | None
    """The same for the first of the members' keys."""


@dataclass(frozen=True, slots=True)
class Problem:
    """`grave`: mail or promises are at risk now. The rest can wait for a working day."""

    what: str
    mend: str
    grave: bool


def problems(vitals: Vitals) -> Iterator[Problem]:
    """What is wrong, the worst first."""
    if vitals.unhandled_age > UNHANDLED_SECONDS:
        yield Problem(
            f"{_mails(vitals.unhandled)} accepted and not handled, the oldest for {_age(vitals.unhandled_age)}",
            "is the worker running? look into the log, and run mailbot check", True,
        )  # fmt: skip
    if vitals.unwritten_age > UNHANDLED_SECONDS:
        yield Problem(
            f"mail about {vitals.unwritten} events is not written, the oldest for {_age(vitals.unwritten_age)}",
            "is the worker running? look into the log, and run mailbot check", True,
        )  # fmt: skip
    if vitals.scheduler_lag > LAG_SECONDS:
        yield Problem(
            f"a clock should have fired {_age(vitals.scheduler_lag)} ago",
            "is the scheduler running? look into the log", True,
        )  # fmt: skip
    if vitals.unsent_age > UNSENT_SECONDS:
        yield Problem(
            f"{_mails(vitals.unsent)} not sent, the oldest for {_age(vitals.unsent_age)}",
            "mailbot queue list shows the smarthost's answers; mailbot check tries it", True,
        )  # fmt: skip
    if vitals.free_bytes < FREE_BYTES:
        yield Problem(
            f"the disk of the database has {vitals.free_bytes // 1_000_000} MB left", "make room", True
        )  # fmt: skip
    for whose, days, mend in (
        ("the group's key", vitals.group_key_days, "docs/operator.md says how to extend it"),
        ("a member's key", vitals.members_key_days, "mailbot member list shows which; ask for a refreshed copy"),
    ):
        if days is not None and days <= KEY_DAYS:
            ends = f"ends in {days:.0f} days" if days > 0 else "has ended"
            yield Problem(f"{whose} {ends}", mend, days <= 0 and whose == "the group's key")
    if vitals.quarantined:
        yield Problem(
            f"{_mails(vitals.quarantined)} quarantined",
            "members got them raw; mailbot queue list; please report them to this project", False,
        )  # fmt: skip
    if vitals.undelivered:
        yield Problem(
            f"{_mails(vitals.undelivered)} not delivered",
            "mailbot queue list; then mailbot queue retry ID or mailbot queue drop ID", False,
        )  # fmt: skip


def _mails(count: int) -> str:
    return "1 mail is" if count == 1 else f"{count} mails are"


def _age(seconds: float) -> str:
    if seconds < 7200:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.0f} h" if seconds < 172_800 else f"{seconds / 86_400:.0f} days"
