"""The numbers of an installation, read from its rows: counts and ages, nothing sealed."""

import shutil
from datetime import datetime

from sqlalchemy import Column, ColumnElement, Connection, func, select

from mailbot.domain.issue import Status
from mailbot.service.health import Counts
from mailbot.storage.database import Database
from mailbot.storage.tables import clock, inbox, issue, notice, outbox


def read(database: Database, now: datetime) -> Counts:
    """One consistent look. Every query goes by an index over rows that wait, or over few."""
    with database.read() as connection:
        unhandled, unhandled_age = _waiting(connection, inbox.c.state == "new", inbox.c.received_at, now)
        unwritten, unwritten_age = _waiting(connection, notice.c.state == "new", notice.c.created_at, now)
        unsent, unsent_age = _waiting(connection, outbox.c.state == "waiting", outbox.c.created_at, now)
        due = connection.scalar(select(func.min(clock.c.next_at)).where(clock.c.next_at <= now))
        return Counts(
            unhandled=unhandled, unhandled_age=unhandled_age, unwritten=unwritten, unwritten_age=unwritten_age,
            unsent=unsent, unsent_age=unsent_age,
            held=_count(connection, inbox.c.state == "held"),
            quarantined=_count(connection, inbox.c.state == "quarantined"),
            undelivered=_count(connection, outbox.c.state.in_(["failed", "bounced"])),
            open_issues=_count(connection, issue.c.status != Status.CLOSED),
            scheduler_lag=(now - due).total_seconds() if due is not None else 0.0,
            free_bytes=shutil.disk_usage(database.path.parent).free,
        )  # fmt: skip


def _waiting(
    connection: Connection, condition: ColumnElement[bool], since: Column[datetime], now: datetime
) -> tuple[int, float]:
    """How many wait, and how long the oldest has."""
    count, oldest = connection.execute(select(func.count(), func.min(since)).where(condition)).one()
    return count, max(0.0, (now - oldest).total_seconds()) if oldest is not None else 0.0


def _count(connection: Connection, condition: ColumnElement[bool]) -> int:
    return connection.scalar(select(func.count()).where(condition)) or 0
