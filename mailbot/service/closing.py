"""Closing an issue: its state, its clocks, and the audit row."""

from datetime import datetime

from mailbot.domain.issue import Outcome
from mailbot.errors import UsageError
from mailbot.service.occasion import stop_all
from mailbot.service.store import Unit


def close(unit: Unit, number: int, outcome: str, actor: str, now: datetime) -> str | None:
    """Close an issue. Returns the status it had, or None if there is no such issue.

    Raises `UsageError` if it is closed already.
    """
    issue = unit.issue(number)
    if issue is None:
        return None
    if issue.status == "closed":
        raise UsageError("that issue is closed already")
    unit.close_issue(number, Outcome(outcome), now)
    stop_all(unit, number, actor, now)
    unit.change_issue(number, {"appointed": None})
    unit.forget_stances(number)
    unit.audit(number, actor, "close", now, old=issue.status, new=outcome)
    return issue.status
