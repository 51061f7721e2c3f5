"""What an operator should look at: rows that stay where no row should stay."""

from collections.abc import Iterator
from datetime import datetime

from sqlalchemy import Connection, func, select

from mailbot.storage.tables import audit, inbox, notice, outbox


def troubles(connection: Connection) -> Iterator[tuple[str, int, str]]:
    """(what, how many, the mend) for everything that is stuck or failed."""
    checks = (
        ("mails are quarantined", inbox.c.state == "quarantined", "mailbot queue list; they were relayed raw"),
        ("mails fail and are tried again", (inbox.c.state == "new") & (inbox.c.failures > 0), "look into the log"),
        ("notices cannot be written yet", (notice.c.state == "new") & (notice.c.failures > 0), "look into the log"),
        (
            "outgoing mails cannot be opened",
            (outbox.c.state == "waiting") & (outbox.c.failures > 0),
            "restore the seal key that belongs to this database, or the database",
        ),
        (
            "outgoing mails failed",
            outbox.c.state.in_(["failed", "bounced"]),
            "mailbot queue list; mailbot queue retry ID",
        ),
    )
    for what, condition, mend in checks:
        count = connection.scalar(select(func.count()).where(condition)) or 0
        if count:
            yield what, count, mend


def newest_instant(connection: Connection) -> datetime | None:
    """The latest time that any process wrote."""
    times = (connection.scalar(select(func.max(column))) for column in (inbox.c.received_at, audit.c.at))
    return max((time for time in times if time is not None), default=None)
