"""A mail of ours that could not be delivered: who is told.

Members hear of mail to the reporter, operators of mail to a member or to the list that stands for them, but of each at
most once a day. All other failures (and those of these very notices, so that nothing goes in circles) are for the log
and `mailbot check`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from mailbot.service.store import Unit

QUIET = timedelta(days=1)
"""After the operators were told of a member's mail. A busy issue sends a mail an hour, all of which fail alike."""

_TO_REPORTER = {
    "acknowledgement": "acknowledgement",
    "acknowledgement_unreadable": "acknowledgement",
    "reply": "answer",
    "escalation_reporter": "mail about the missing answer",
    "embargo_reporter": "mail about the date of disclosure",
}

TO_THE_GROUP = frozenset(
    {
        *("report", "unreadable", "reminder", "escalated", "undelivered_reporter", "digest", "deadline"),
        *("nobody_coordinates", "silence", "regulatory", "wait_over", "lift"),
    }
)
"""Kinds of mail that go to members and nobody else: without a member's name, to the list that stands for them."""


@dataclass(frozen=True, slots=True)
class Undelivered:
    """One outgoing mail that failed for good. `code` is the status, such as ``5.1.1`` or ``550``, "" if unknown."""

    kind: str
    member_id: str | None
    issue: int | None
    recipient: str
    code: str
    failed: tuple[datetime, ...]
    """When mails to that member, or to the list, failed so far, this one too, in order."""


def tell(unit: Unit, mail: Undelivered, now: datetime) -> None:
    """Queue the notice that is due, if one is."""
    if mail.member_id is not None or mail.kind in TO_THE_GROUP:
        if count := untold(mail.failed):
            params = {"member": mail.member_id or "", "address": mail.recipient, "code": mail.code, "count": count}
            unit.notify("undelivered_member", None, params, now)
    elif mail.kind in _TO_REPORTER and mail.issue is not None:
        params = {"what": _TO_REPORTER[mail.kind], "address": mail.recipient, "code": mail.code}
        unit.notify("undelivered_reporter", mail.issue, params, now)


def untold(failed: Sequence[datetime]) -> int:
    """How many of these failures the operators have not been told of, if they are told at the last one; 0 if they are
    not, because they were less than a day before. It follows from the rows alone, so that nothing else is kept."""
    told: datetime | None = None
    since = 0
    for at in failed:
        if told is not None and at - told < QUIET:
            since += 1
            continue
        count, told, since = since + 1, at, 0
    return 0 if since or not failed else count
