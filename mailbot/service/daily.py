"""Words that are said once a day, and only if there is something to say."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import date, datetime
from typing import Protocol

from mailbot.config import Settings
from mailbot.service.health import Vitals, problems
from mailbot.service.store import HeldMail, Unit

HOUR = 8
"""From which hour of the group's day on they are said: before the day's work, and not in the night."""
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
        self._looked: date | None = None
        """The day on which the vitals were last looked at: once, and not each minute of the day."""

    def say(self) -> None:
        """Say what is to be said today and was not said yet. Cheap if there is nothing."""
        now = self._now()
        local = now.astimezone(self._settings().group.timezone)
        if local.hour < HOUR:
            return
        found = []
        if self._looked != local.date():
            found = list(problems(self._vitals()))
            self._looked = local.date()
        with self._store.operate() as unit:
            if found and unit.first_on(local.date(), "trouble"):
                params = {"problems": [[problem.what, problem.mend, problem.grave] for problem in found]}
                unit.notify("trouble", None, params, now)
            held = unit.held()
            if held and unit.first_on(local.date(), "held"):
                unit.notify("held", None, {"count": len(held), "mails": list(map(_shown, held[:HELD_SHOWN]))}, now)


def _shown(mail: HeldMail) -> dict[str, object]:
    return {
        "number": mail.number, "received_at": mail.received_at.isoformat(), "size": mail.size, "cause": mail.cause,
        "from": mail.author[:SHOWN], "name": mail.author_name[:SHOWN], "subject": mail.subject[:SHOWN],
    }  # fmt: skip
