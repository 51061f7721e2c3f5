"""A mail of ours that could not be delivered: who is told.

Members hear of mail to the reporter, operators of mail to a member. All other failures (and those of these very
notices, so that nothing goes in circles) are for the log and `mailbot check`.
"""

from dataclasses import dataclass
from datetime import datetime

from mailbot.service.store import Unit

_TO_REPORTER = {
    "acknowledgement": "acknowledgement",
    "acknowledgement_unreadable": "acknowledgement",
    "reply": "answer",
    "escalation_reporter": "mail about the missing answer",
}


@dataclass(frozen=True, slots=True)
class Undelivered:
    """One outgoing mail that failed for good. `code` is the status, such as ``5.1.1`` or ``550``, "" if unknown."""

    kind: str
    member_id: str | None
    issue: int | None
    recipient: str
    code: str
    failed_to_member: int
    """How many mails to that member failed so far."""


def tell(unit: Unit, mail: Undelivered, now: datetime) -> None:
    """Queue the notice that is due, if one is."""
    if mail.member_id is not None:
        params = {
            "member": mail.member_id, "address": mail.recipient, "code": mail.code, "count": mail.failed_to_member,
        }  # fmt: skip
        unit.notify("undelivered_member", None, params, now)
    elif mail.kind in _TO_REPORTER and mail.issue is not None:
        params = {"what": _TO_REPORTER[mail.kind], "address": mail.recipient, "code": mail.code}
        unit.notify("undelivered_reporter", mail.issue, params, now)
