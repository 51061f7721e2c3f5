"""Rows turned into the values that the use cases read: issues with their clocks."""

import json
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, select

from mailbot.domain.clocks import Act, Firing, Plan
from mailbot.service.store import ClockView, IssueView, ReporterKey
from mailbot.storage.tables import clock, issue, participant
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
        reporter_key=participant_key(connection, vault, number, content["reporter"]),
        answerable=content.get("answerable", True),
    )


def participant_key(connection: Connection, vault: Vault, number: int, address: str) -> ReporterKey | None:
    """The key of one participant of an issue, if one is known."""
    sealed = connection.scalar(
        select(participant.c.sealed).where(
            participant.c.issue_id == number, participant.c.address_hash == vault.address_hash(address)
        )
    )
    if sealed is None:
        return None
    key = vault.issue_box(connection, number).open_json(sealed, "participant").get("key")
    return ReporterKey(*key) if key else None


def keys_of(connection: Connection, vault: Vault, address: str) -> list[ReporterKey]:
    """The keys of a participant on every issue, each once."""
    numbers = connection.scalars(
        select(participant.c.issue_id).where(participant.c.address_hash == vault.address_hash(address))
    ).all()
    found = (participant_key(connection, vault, number, address) for number in numbers)
    return list({key.fingerprint: key for key in found if key is not None}.values())


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
