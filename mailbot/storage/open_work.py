"""`service.work.Work` from the tables."""

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, func, literal, null, select

from mailbot.domain.clock_kinds import WAIT
from mailbot.domain.clocks import ClockState
from mailbot.domain.issue import Status
from mailbot.service.work import SOON, Work, WorkLine, WorkPart
from mailbot.storage.tables import clock, issue

# Not "!= closed", for which no index is used.
OPEN = issue.c.status.in_([Status.OPEN, Status.WAITING])
OVERDUE = (clock.c.state == ClockState.MISSED) & clock.c.ended_at.is_(None) & clock.c.paused_at.is_(None)


def due_soon(now: datetime) -> ColumnElement[bool]:
    return (clock.c.state == ClockState.RUNNING) & (clock.c.due_at > now) & (clock.c.due_at <= now + SOON)


def open_work(connection: Connection, now: datetime, limit: int) -> Work:
    """What is open; of each part the first `limit` rows."""
    with_clock = select(*_COLUMNS, clock.c.name.label("what"), clock.c.due_at.label("at")).join(
        clock, clock.c.issue_id == issue.c.id
    )
    wait = (clock.c.issue_id == issue.c.id) & (clock.c.name == WAIT) & clock.c.ended_at.is_(None)
    parts = (
        ("overdue", with_clock.where(OPEN, OVERDUE).order_by(clock.c.due_at, clock.c.id)),
        ("due", with_clock.where(OPEN, due_soon(now)).order_by(clock.c.due_at, clock.c.id)),
        ("unclaimed", _plain("unclaimed").where(OPEN, issue.c.owner.is_(None), issue.c.duplicate_of.is_(None))),
        (
            "waiting",
            _plain("waiting", clock.c.due_at).outerjoin(clock, wait).where(issue.c.status == Status.WAITING),
        ),
    )
    found = connection.scalar(select(func.count()).select_from(issue).where(OPEN)) or 0
    return Work(found, tuple(_part(connection, word, query, limit) for word, query in parts))


_COLUMNS = (issue.c.id, issue.c.owner, issue.c.appointed, issue.c.drill)


def _plain(what: str, at: ColumnElement[Any] | None = None) -> Select[Any]:
    label = null().label("at") if at is None else at.label("at")
    return select(*_COLUMNS, literal(what).label("what"), label).select_from(issue).order_by(issue.c.id)


def _part(connection: Connection, word: str, query: Select[Any], limit: int) -> WorkPart:
    total = connection.scalar(select(func.count()).select_from(query.order_by(None).subquery())) or 0
    rows = connection.execute(query.limit(limit)).all() if total else []
    lines = (WorkLine(row.id, row.owner, row.appointed, row.drill, row.what, row.at) for row in rows)
    return WorkPart(word, total, tuple(lines))
