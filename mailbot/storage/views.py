"""Rows turned into the values that the use cases read: issues with their clocks."""

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, bindparam, select

from mailbot.domain.clocks import AHEAD, Act, Clock, Firing
from mailbot.domain.issue import Role
from mailbot.service.command_records import Opinion
from mailbot.service.store import IssueView, Participant, ReporterKey
from mailbot.storage.tables import clock, issue, participant, verdict
from mailbot.storage.unseal import Box
from mailbot.storage.vault import Vault

_ISSUE = select(issue).where(issue.c.id == bindparam("issue_id"))
_PARTICIPANT = select(participant.c.sealed).where(
    participant.c.issue_id == bindparam("issue_id"), participant.c.address_hash == bindparam("address")
)
_PARTICIPANTS = select(participant).where(participant.c.issue_id == bindparam("issue_id"))
_CLOCKS_OF_ISSUE = select(clock).where(clock.c.issue_id == bindparam("issue_id")).order_by(clock.c.id)
_CLOCKS_DUE = (
    select(clock)
    .where(clock.c.next_at <= bindparam("now"))
    .order_by(clock.c.next_at, clock.c.id)
    .limit(bindparam("limit"))
)
_FIRED_AHEAD = select(clock).where(clock.c.fired_at > bindparam("now")).limit(bindparam("limit"))


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
        clocks=clocks_of(connection, number),
        reporter_key=next((one.key for one in participants if one.address.lower() == reporter), None),
        answerable=content.get("answerable", True),
        answering=content.get("answering", False),
        relayed_as=tuple(content.get("relayed_as", ())),
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
        lifted_at=row.lifted_at,
        exploited_at=row.exploited_at,
        fixed_at=row.fixed_at,
        released_at=row.released_at,
        fix=content.get("fix"),
        version=content.get("version"),
    )


def clocks_of(connection: Connection, number: int) -> tuple[Clock, ...]:
    """The clocks of an issue, the last round of each, in the order in which they first started."""
    found: dict[str, Clock] = {}
    for row in connection.execute(_CLOCKS_OF_ISSUE, {"issue_id": number}):
        found[row.name] = clock_view(row)
    return tuple(found.values())


def opinions(connection: Connection, box: Box, number: int) -> list[Opinion]:
    """Each member's last verdict on an issue, the oldest first."""
    rows = connection.execute(select(verdict).where(verdict.c.issue_id == number).order_by(verdict.c.at))
    return [Opinion(row.member_id, row.verdict, box.open_json(row.sealed, "verdict")["reason"], row.at) for row in rows]


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


def due_clocks(connection: Connection, now: datetime, limit: int) -> list[Clock]:
    """Clocks whose next firing has come, the longest due first."""
    return [clock_view(row) for row in connection.execute(_CLOCKS_DUE, {"now": now, "limit": limit})]


def clocks_ahead(connection: Connection, now: datetime, limit: int) -> list[Clock]:
    """Clocks that fired while the wall clock was ahead of what it says now."""
    return [clock_view(row) for row in connection.execute(_FIRED_AHEAD, {"now": now + AHEAD, "limit": limit})]


def clock_view(row: Row[Any]) -> Clock:
    return Clock(
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
        business=row.business,
        paused_at=row.paused_at,
        paused=timedelta(microseconds=row.paused),
        ended_at=row.ended_at,
        fired_at=row.fired_at,
        subject=row.subject,
        data=json.loads(row.data),
    )


def plan_json(firings: Sequence[Firing]) -> str:
    return json.dumps([[firing.at.isoformat(), firing.act.value, firing.step, firing.to] for firing in firings])
