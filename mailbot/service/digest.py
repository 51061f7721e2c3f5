"""The members' daily digest: one screen of what is open, each line with the command that helps."""

from dataclasses import replace

from mailbot.domain import clock_kinds, clocks, plans
from mailbot.domain.clocks import Clock, ClockState
from mailbot.service.occasion import Moment, calendar, tell
from mailbot.service.work import Work, WorkLine

LINES = 6
"""Issues under each heading: four headings fit a screen, and the lists have the rest."""

_HEADINGS = {"overdue": "Overdue", "due": "Due within 7 days", "unclaimed": "Unclaimed", "waiting": "Waiting"}
_LISTS = {"overdue": "/list overdue", "due": "/list due", "unclaimed": "/list unclaimed", "waiting": "/list open"}
_COMMANDS = {
    clocks.FIRST_RESPONSE: "/reply",
    clock_kinds.COORDINATOR: "/claim",
    clock_kinds.SILENCE: "/reply",
    clock_kinds.EMBARGO: "/publish or /embargo DATE",
    clock_kinds.PUBLISH_BY: "/publish",
    clock_kinds.REGULATORY_24H: "/filed 24h",
    clock_kinds.REGULATORY_72H: "/filed 72h",
    clock_kinds.REGULATORY_FINAL: "/filed final",
    clock_kinds.WAIT: "/resume",
    "unclaimed": "/claim",
    "waiting": "/resume",
}
_WHAT = {"unclaimed": "no coordinator", "waiting": "waiting for the reporter", clock_kinds.WAIT: "waiting until"}


def send(at: Moment, work: Work) -> None:
    """Queue the digest, if something is open. It holds numbers; titles are looked up when it is written, so that what
    was purged is in none."""
    if not work.open or at.settings.slo.digest_hour < 0:
        return
    parts = [
        {
            "heading": _HEADINGS[part.word], "lines": [_line(line) for line in part.lines],
            "more": part.total - len(part.lines), "listing": _LISTS[part.word],
        }
        for part in work.parts
        if part.total
    ]  # fmt: skip
    tell(at, "digest", None, {"count": work.open, "parts": parts})


def _line(line: WorkLine) -> dict[str, object]:
    what = _WHAT.get(line.what, clock_kinds.label(line.what))
    if line.what == "waiting" and line.at is not None:
        what = _WHAT[clock_kinds.WAIT]
    if line.what == "unclaimed" and line.appointed:
        what = f"{line.appointed} was asked to coordinate"
    return {
        "issue": line.issue, "what": what, "at": line.at.isoformat() if line.at else None, "owner": line.owner,
        "command": _COMMANDS[line.what], "drill": line.drill,
    }  # fmt: skip


def next_round(at: Moment, clock: Clock) -> Clock:
    """The same clock, for the next day; none where the config wants no digest any more."""
    hour = at.settings.slo.digest_hour
    if hour < 0:
        return clock
    due_at = calendar(at.settings).daily(hour, at.now)
    return replace(clock.move(plans.moment(due_at)), state=ClockState.RUNNING, ended_at=None, fired_at=None)
