"""Rows turned into the values that the use cases read: issues with their clocks."""

import json
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, select

from mailbot.domain.clocks import Act, Firing, Plan
from mailbot.service.store import ClockView, IssueView
from mailbot.storage.tables import clock, issue
from mailbot.storage.vault import Vault


def issue_view(connection: Connection, vault: Vault, number: int) -> IssueView | None:
    """One issue, opened; None if there is none. Raises `SealBroken` after a purge."""
    row = connection.execute(select(issue).where(issue.c.id == number)).first()
    if row is None:
        return None
    content = vault.issue_box(connection, number).open_json(row.sealed, "issue")
    return IssueView(
        number=row.id,
        status=row.status,
        title=content["title"],
        reporter=content["reporter"],
        reporter_name=content["reporter_name"],
        encrypted=row.encrypted,
        opened_at=row.opened_at,
        owner=row.owner,
        clocks=tuple(clock_views(connection, clock.c.issue_id == number)),
        answerable=content.get("answerable", True),
    )


def clock_views(connection: Connection, condition: Any, limit: int | None = None) -> list[ClockView]:
    query = select(clock).where(condition).order_by(clock.c.next_at, clock.c.id).limit(limit)
    return [_clock_view(row) for row in connection.execute(query)]


def _clock_view(row: Row[Any]) -> ClockView:
    return ClockView(
        id=row.id,
        issue=row.issue_id,
        name=row.name,
        state=row.state,
        started_at=row.started_at,
        due_at=row.due_at,
        next_at=row.next_at,
        firings=tuple(
            Firing(datetime.fromisoformat(at), Act(act), step, tuple(to)) for at, act, step, to in json.loads(row.plan)
        ),
        fired=row.fired,
    )


def plan_json(plan: Plan) -> str:
    return json.dumps([[firing.at.isoformat(), firing.act.value, firing.step, firing.to] for firing in plan.firings])
