"""What the command line lists and shows: rows as JSON-ready values, with the names that operators' scripts rely on.

Instants are RFC 3339 in UTC. After a purge an issue's content reads as None.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, select

from mailbot.domain.clocks import Clock
from mailbot.storage import views
from mailbot.storage.open_work import OPEN, OVERDUE, due_soon
from mailbot.storage.tables import audit, clock, inbox, issue, message, outbox, participant
from mailbot.storage.unseal import Box, SealBroken
from mailbot.storage.vault import Vault
from mailbot.storage.views import opinions

FILTERS = ("open", "mine", "overdue", "due", "unclaimed")


def instant(value: datetime | None) -> str | None:
    """RFC 3339 with ``Z``, whole seconds."""
    return None if value is None else value.strftime("%Y-%m-%dT%H:%M:%SZ")


def clock_row(found: Clock) -> dict[str, Any]:
    return {
        "name": found.name, "started_at": instant(found.started_at), "due_at": instant(found.due_at),
        "next_at": instant(found.next_at), "state": str(found.state),
    }  # fmt: skip


class Listings:
    """Read-only views within one connection."""

    def __init__(self, connection: Connection, vault: Vault, prefix: str) -> None:
        self._connection = connection
        self._vault = vault
        self._prefix = prefix

    def issues(self, word: str | None, limit: int, now: datetime, actor: str = "operator") -> list[dict[str, Any]]:
        """The newest issues first; `limit` 0 means all. `word` is one of `FILTERS`; ``mine`` are `actor`'s."""
        query = select(issue).order_by(issue.c.id.desc())
        if word == "open":
            query = query.where(OPEN)
        elif word == "unclaimed":
            query = query.where(OPEN, issue.c.owner.is_(None))
        elif word == "mine":
            query = query.where(OPEN, issue.c.owner == actor)
        elif word == "overdue":
            query = query.where(OPEN, issue.c.id.in_(select(clock.c.issue_id).where(OVERDUE)))
        elif word == "due":
            soon = select(clock.c.issue_id).where(due_soon(now))
            query = query.where(OPEN, issue.c.id.in_(soon))
        if limit:
            query = query.limit(limit)
        return [self._issue(row) for row in self._connection.execute(query)]

    def issue(self, number: int) -> dict[str, Any] | None:
        """Everything about one issue; None if there is none."""
        row = self._connection.execute(select(issue).where(issue.c.id == number)).first()
        if row is None:
            return None
        box = self._box(row.id)
        return {
            **self._issue(row),
            "clocks": self._clocks(row.id),
            "messages": self._messages(row.id, box),
            "history": self.history(row.id),
            "verdicts": self._verdicts(row.id, box),
            "participants": self._participants(row.id, box),
        }

    def clocks(self, limit: int) -> list[dict[str, Any]]:
        """Every clock whose duty stands, the next to fire first; `limit` 0 means all."""
        query = select(clock).where(clock.c.ended_at.is_(None)).order_by(clock.c.next_at.is_(None), clock.c.next_at)
        query = query.order_by(clock.c.due_at, clock.c.id)
        found = [views.clock_view(row) for row in self._connection.execute(query.limit(limit) if limit else query)]
        return [{"issue": self._id(one.issue), "subject": one.subject, **clock_row(one)} for one in found]

    def history(self, number: int) -> list[dict[str, Any]]:
        box = self._box(number)
        query = select(audit).where(audit.c.issue_id == number).order_by(audit.c.seq)
        rows = []
        for row in self._connection.execute(query):
            content = self._open(box, row.sealed, "audit") or {}
            rows.append(
                {
                    "at": instant(row.at), "actor": row.actor, "action": row.action,
                    "old": content.get("old"), "new": content.get("new"),
                }
            )  # fmt: skip
        return rows

    def inbox(self, limit: int) -> list[dict[str, Any]]:
        query = select(inbox).order_by(inbox.c.id.desc())
        return [self.inbox_row(row) for row in self._connection.execute(query.limit(limit) if limit else query)]

    def outbox(self, limit: int) -> list[dict[str, Any]]:
        query = select(outbox).order_by(outbox.c.id.desc())
        return [self.outbox_row(row) for row in self._connection.execute(query.limit(limit) if limit else query)]

    def inbox_row(self, row: Row[Any]) -> dict[str, Any]:
        return {
            "id": row.id,
            "received_at": instant(row.received_at),
            "state": row.state,
            "disposition": row.disposition,
            "issue": self._id(row.issue_id),
            "size": row.size,
            "failures": row.failures,
            "cause": row.cause,
        }

    def outbox_row(self, row: Row[Any]) -> dict[str, Any]:
        box = self._box(row.issue_id)
        content = self._open(box, row.sealed, "outbox") or {}
        error = self._open(box, row.sealed_error, "error") if row.sealed_error else None
        return {
            "id": row.id,
            "kind": row.kind,
            "recipient": content.get("recipient"),
            "state": row.state,
            "attempts": row.attempts,
            "last_error": error["text"] if error else None,
            "issue": self._id(row.issue_id),
            "created_at": instant(row.created_at),
            "next_at": instant(row.not_before),
        }

    def _issue(self, row: Row[Any]) -> dict[str, Any]:
        content = self._open(self._box(row.id), row.sealed, "issue") or {}
        reporter = {"address": content.get("reporter"), "name": content.get("reporter_name")}
        return {
            "id": self._id(row.id),
            "number": row.id,
            "title": content.get("title"),
            "status": row.status,
            "owner": row.owner,
            "severity": row.severity,
            "category": row.category,
            "outcome": row.outcome,
            "opened_at": instant(row.opened_at),
            "closed_at": instant(row.closed_at),
            "published_at": instant(row.published_at),
            "tags": content.get("tags", []),
            "cvss": content.get("cvss"),
            "cves": content.get("cves", []),
            "links": content.get("links", []),
            "reporter": reporter,
            "encrypted": row.encrypted,
            "drill": row.drill,
            "duplicate_of": self._id(row.duplicate_of),
            "embargo_until": instant(row.embargo_until),
            "appointed": row.appointed,
        }

    def _clocks(self, number: int) -> list[dict[str, Any]]:
        """The last round of each clock."""
        return [clock_row(found) for found in views.clocks_of(self._connection, number)]

    def _messages(self, number: int, box: Box | None) -> list[dict[str, Any]]:
        rows = []
        for row in self._connection.execute(select(message).where(message.c.issue_id == number).order_by(message.c.id)):
            content = self._open(box, row.sealed, "message") or {}
            rows.append(
                {
                    "direction": row.direction, "kind": row.kind, "from": content.get("from"), "at": instant(row.at),
                    "message_id": content.get("message_id"), "signed_by": content.get("signed_by") or None,
                    "encrypted": row.encrypted,
                }
            )  # fmt: skip
        return rows

    def _verdicts(self, number: int, box: Box | None) -> list[dict[str, Any]]:
        if box is None:
            return []
        return [
            {"member": one.member, "verdict": one.verdict, "reason": one.reason or None, "at": instant(one.at)}
            for one in opinions(self._connection, box, number)
        ]

    def _participants(self, number: int, box: Box | None) -> list[dict[str, Any]]:
        query = select(participant).where(participant.c.issue_id == number)
        opened: Iterable[tuple[Row[Any], Any]] = (
            (row, self._open(box, row.sealed, "participant") or {}) for row in self._connection.execute(query)
        )
        return [
            {"role": row.role, "address": content.get("address"), "name": content.get("name")}
            for row, content in opened
        ]

    def _box(self, number: int | None) -> Box | None:
        try:
            return self._vault.issue_box(self._connection, number)
        except SealBroken:
            return None

    @staticmethod
    def _open(box: Box | None, sealed: bytes, context: str) -> Any:
        return None if box is None else box.open_json(sealed, context)

    def _id(self, number: int | None) -> str | None:
        return None if number is None else f"{self._prefix}-{number}"
