"""Words that are said once a day, and only if there is something to say."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from typing import Protocol

from mailbot.config import Settings
from mailbot.service.health import Vitals, problems
from mailbot.service.store import HeldMail, Unit

HOUR = 8
"""From which hour of the group's day on they are said: before the day's work, and not in the night."""
LOOK_EVERY = timedelta(minutes=5)
"""Between two looks at what may be wrong."""
HELD_SHOWN = 50
"""Held mails that one digest lists; a flood would make it longer than anybody reads."""
SHOWN = 100
"""Characters of what a held mail says of itself."""


class Operating(Protocol):
    """What the words need of the store."""

    def operate(self) -> AbstractContextManager[Unit]: ...


class Daily:
    def __init__(
        self, settings: Callable[[], Settings], store: Operating, now: Callable[[], datetime],
        vitals: Callable[[], Vitals],
    ) -> None:  # fmt: skip
        self._settings = settings
        self._store = store
        self._now = now
        self._vitals = vitals
        self._looked: datetime | None = None
        self._was_grave = False

    def say(self) -> None:
        """Say what is to be said today and was not said yet. Cheap if there is nothing."""
        now = self._now()
        local = now.astimezone(self._settings().group.timezone)
        if self._looked is None or abs(now - self._looked) >= LOOK_EVERY:
            self._looked = now
            self._say_trouble(now, local)
        if local.hour < HOUR:
            return
        with self._store.operate() as unit:
            count = unit.count_held()
            if count and unit.first_on(local.date(), "held"):
                shown = [_shown(mail) for mail in unit.held(HELD_SHOWN)]
                unit.notify("held", None, {"count": count, "mails": shown}, now)

    def _say_trouble(self, now: datetime, local: datetime) -> None:
        """What is grave is said at any hour, but only if it was so at the look before too: after a start, everything
        that waited is late for a moment."""
        found = list(problems(self._vitals()))
        grave = any(problem.grave for problem in found)
        urgent, self._was_grave = grave and self._was_grave, grave
        told = found if urgent else [problem for problem in found if not problem.grave]
        if not told or (not urgent and local.hour < HOUR):
            return
        params = {"problems": [[problem.what, problem.mend, problem.grave] for problem in told]}
        with self._store.operate() as unit:
            first = unit.first_on(local.date(), "trouble")
            if unit.first_on(local.date(), "grave trouble") if urgent else first:
                unit.notify("trouble", None, params, now)


def _shown(mail: HeldMail) -> dict[str, object]:
    return {
        "number": mail.number, "received_at": mail.received_at.isoformat(), "size": mail.size, "cause": mail.cause,
        "from": mail.author[:SHOWN], "name": mail.author_name[:SHOWN], "subject": mail.subject[:SHOWN],
    }  # fmt: skip
