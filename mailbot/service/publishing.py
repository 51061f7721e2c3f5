"""Making an issue public: when it may be, and the announcement.

Advisory files are no part of it yet. A drill goes through all of this and is announced to nobody.
"""

from datetime import datetime

from mailbot.mail.times import left, when
from mailbot.service import clockwork
from mailbot.service.clockwork import Lines, Occasion
from mailbot.service.occasion import issue_of, tell
from mailbot.service.store import IssueView


def too_early(issue: IssueView, now: datetime) -> str:
    """Why an issue cannot be published now, as half a sentence; "" if it can."""
    if issue.published_at is not None:
        return f"it was published on {when(issue.published_at)}"
    if issue.embargo_until is not None and issue.embargo_until > now:
        until = f"{when(issue.embargo_until)} ({left(issue.embargo_until, now)})"
        return f"its embargo ends on {until}; /lift proposes to end it before, /embargo moves it"
    return ""


def publish(at: Occasion, number: int) -> Lines:
    """End the embargo, announce, tell the reporter. Notes between members stay internal, before and after."""
    issue = issue_of(at, number)
    lines = clockwork.published(at, number)
    contacts = at.settings.disclosure.announce_to
    if issue.drill:
        return (*lines, "announced to nobody: it is a drill")
    if not contacts:
        return (*lines, "announced to nobody: no address for announcements is configured")
    params = {
        "to": list(contacts), "title": issue.title, "severity": issue.severity or "", "cvss": issue.cvss or "",
        "cves": list(issue.cves), "links": list(issue.links), "credit": issue.credit or "",
        "version": issue.version or "",
    }  # fmt: skip
    tell(at, "announcement", number, params)
    return (*lines, f"announced to {', '.join(contacts)}")
