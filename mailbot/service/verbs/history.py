"""``/history``: who changed what, and when."""

import re
from datetime import datetime
from typing import Any

from mailbot.domain.clock_kinds import label
from mailbot.domain.clocks import ClockState
from mailbot.mail.times import when
from mailbot.service.desk import Desk, Done
from mailbot.service.occasion import CLOCKS
from mailbot.service.verbs.verb import Scope, Verb

_MOST = 200
"""Rows that are shown, the newest."""
_VALUE = 200
"""Characters of one value."""
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?\+\d\d:\d\d")


def effect(desk: Desk, args: str) -> Done:
    issue = desk.find_or_about(args)
    rows = desk.unit.history(issue.number)
    lines = [f"({len(rows) - _MOST} earlier ones are left out)"] if len(rows) > _MOST else []
    for row in rows[-_MOST:]:
        lines.append(f"{when(row.at)}  {row.actor}  {row.action}{_what(row.action, row.old, row.new)}")
    return Done(lines=tuple(lines))


def _what(action: str, old: Any, new: Any) -> str:
    if action == CLOCKS and isinstance(new, dict):
        return f": {_short('; '.join(_clock(name, one) for name, found in new.items() for one in found))}"
    if old is None and (new is None or isinstance(new, dict)):
        words = _words(new or {})
        return f": {_short(words)}" if words else ""
    return f": {_short(_words(old))} -> {_short(_words(new))}"


def _clock(name: str, row: dict[str, Any]) -> str:
    due = f", due {_words(row['due_at'])}" if row["state"] in (ClockState.RUNNING, ClockState.PAUSED) else ""
    return f"{label(name)} {row['state']}{due}"


def _words(value: Any) -> str:
    """A value of the log as people read it."""
    if isinstance(value, dict):
        return ", ".join(f"{key}: {_words(one)}" for key, one in value.items() if one not in ("", None, []))
    if isinstance(value, list):
        return ", ".join(_words(one) for one in value) or "none"
    if isinstance(value, str) and _TIME.fullmatch(value):
        return when(datetime.fromisoformat(value))
    return "none" if value is None else str(value)


def _short(text: str) -> str:
    return text if len(text) <= _VALUE else text[: _VALUE - 3] + "..."


VERB = Verb(
    name="history",
    arguments="[EX-42]",
    help="who changed what, and when; answered only to you",
    example="/history",
    effect=effect,
    scope=Scope.OTHER,
)
