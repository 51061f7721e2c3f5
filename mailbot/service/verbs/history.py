"""``/history``: who changed what, and when."""

import json
from typing import Any

from mailbot.mail.times import when
from mailbot.service.desk import Desk, Done
from mailbot.service.verbs.verb import Scope, Verb

_MOST = 200
"""Rows that are shown, the newest."""
_VALUE = 200
"""Characters of one value."""


def effect(desk: Desk, args: str) -> Done:
    issue = desk.find_or_about(args)
    rows = desk.unit.history(issue.number)
    lines = [f"({len(rows) - _MOST} earlier ones are left out)"] if len(rows) > _MOST else []
    for row in rows[-_MOST:]:
        what = "" if row.old is None and row.new is None else f": {_shown(row.old)} -> {_shown(row.new)}"
        lines.append(f"{when(row.at)}  {row.actor}  {row.action}{what}")
    return Done(lines=tuple(lines))


def _shown(value: Any) -> str:
    text = "none" if value is None else value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _VALUE else text[: _VALUE - 3] + "..."


VERB = Verb(
    name="history",
    arguments="[EX-42]",
    help="who changed what, and when; answered only to you",
    example="/history",
    effect=effect,
    scope=Scope.OTHER,
)
