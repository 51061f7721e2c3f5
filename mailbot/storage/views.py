"""Rows turned into the values that the use cases read: issues with their clocks."""

import json
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, bindparam, select

from mailbot.domain.clocks import Act, Firing, Plan
from mailbot.domain.issue import Role
from mailbot.service.store import ClockView, IssueView, Participant, ReporterKey
from mailbot.storage.tables import clock, issue, participant
from mailbot.storage.unseal import Box
from mailbot.storage.vault import Vault

_ISSUE = select(issue).where(issue.c.id == bindparam("issue_id"))
_PARTICIPANT = select(participant.c.sealed).where(
    participant.c.issue_id == bindparam("issue_id"), participant.c.address_hash == bindparam("address")
)
_PARTICIPANTS = select(participant).where(participant.c.issue_id == bindparam("issue_id"))
_CLOCKS = select(clock).order_by(clock.c.next_at, clock.c.id)
_CLOCKS_OF_ISSUE = _CLOCKS.where(clock.c.issue_id == bindparam("issue_id"))
_CLOCKS_DUE = _CLOCKS.where(clock.c.next_at <= bindparam("now")).limit(bindparam("limit"))


def issue_view(connection: Connection, vault: Vault, number: int) -> IssueView | None:
    """One issue, opened; None if there is none. Raises `SealBroken` after a purge."""
    row = connection.execute(_ISSUE, {"issue_id": number}).first()
    if row is None:
        return None
    box = vault.box(number, row.wrapped_key)
    content = box.open_json(row.sealed, "issue")
    participants = _participants(connection, box, number)
    reporter = content["reporter"].lower()
    return IssueView(
        number=row.id,
        status=row.status,
        title=content["title"],
        reporter=content["reporter"],
        reporter_name=content["reporter_name"],
        encrypted=row.encrypted,
        opened_at=row.opened_at,
        owner=row.owner,
        clocks=tuple(_clock_view(row) for row in connection.execute(_CLOCKS_OF_ISSUE, {"issue_id": number})),
        reporter_key=next((one.key for one in participants if one.address.lower() == reporter), None),
        answerable=content.get("answerable", True),
        appointed=row.appointed,
        severity=row.severity,
        severity_judged=content.get("severity_judged", False),
        category=row.category,
        outcome=row.outcome,
        drill=row.drill,
        duplicate_of=row.duplicate_of,
        closed_at=row.closed_at,
        published_at=row.published_at,
        embargo_until=row.embargo_until,
        tags=tuple(content.get("tags", ())),
        cvss=content.get("cvss"),
        cves=tuple(content.get("cves", ())),
        links=tuple(content.get("links", ())),
        credit=content.get("credit"),
        participants=participants,
    )


def _participants(connection: Connection, box: Box, number: int) -> tuple[Participant, ...]:
    found = []
    for row in connection.execute(_PARTICIPANTS, {"issue_id": number}):
        content = box.open_json(row.sealed, "participant")
        key = content.get("key")
        found.append(
            Participant(Role(row.role), content["address"], content["name"], ReporterKey(*key) if key else None)
        )
    return tuple(sorted(found, key=lambda one: one.address))


def _participant_key(connection: Connection, box: Box, number: int, address: bytes) -> ReporterKey | None:
    """The key of one participant of an issue, if one is known."""
    sealed = connection.scalar(_PARTICIPANT, {"issue_id": number, "address": address})
    if sealed is None:
        return None
    key = box.open_json(sealed, "participant").get("key")
    return ReporterKey(*key) if key else None


def keys_of(connection: Connection, vault: Vault, address: str) -> list[ReporterKey]:
    """The keys of a participant on every issue, each once."""
    hashed = vault.address_hash(address)
    numbers = connection.scalars(select(participant.c.issue_id).where(participant.c.address_hash == hashed)).all()
    found = (_participant_key(connection, vault.issue_box(connection, number), number, hashed) for number in numbers)
    return list({key.fingerprint: key for key in found if key is not None}.values())


def due_clocks(connection: Connection, now: datetime, limit: int) -> list[ClockView]:
    """Clocks whose next firing has come, the longest due first."""
    return [_clock_view(row) for row in connection.execute(_CLOCKS_DUE, {"now": now, "limit": limit})]


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
