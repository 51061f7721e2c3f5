"""The outbox on a database: `service.outgoing.Outbox`, for the delivery process."""

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, and_, bindparam, select

from mailbot import maillog
from mailbot.service.outgoing import Outcome, OutgoingMail, Result
from mailbot.storage import claims
from mailbot.storage.database import Database
from mailbot.storage.leases import Owner
from mailbot.storage.tables import blob, outbox
from mailbot.storage.unit_of_work import UnitOfWork
from mailbot.storage.unseal import SealBroken
from mailbot.storage.vault import Vault

_STATES = {
    Outcome.SENT: "sent",
    Outcome.DEFERRED: "waiting",
    Outcome.POSTPONED: "waiting",
    Outcome.FAILED: "failed",
    Outcome.TOO_LARGE: "failed",
    Outcome.CANCELLED: "cancelled",
}

_DUE = (
    select(outbox, blob.c.size)
    # Of its own issue only: no row of the database may send one issue's mail in another's name.
    .join(blob, and_(blob.c.id == outbox.c.blob_id, blob.c.issue_id.is_not_distinct_from(outbox.c.issue_id)))
    .where(claims.free(outbox))
    .order_by(outbox.c.id)
    .limit(bindparam("limit"))
)
_ROW = select(outbox).where(outbox.c.id == bindparam("row_id"))


def _status(result: Result) -> str:
    """The enhanced status of the reply that ended it (RFC 2034), else its code, "" if there was none."""
    found = re.search(rf"\b{result.code}[ -]([245]\.\d{{1,3}}\.\d{{1,3}})\b", result.text or "")
    return found[1] if found else str(result.code or "")


class SqlOutbox:
    """One process's view of the outbox. Thread-safe."""

    def __init__(self, database: Database, vault: Vault) -> None:
        self._database = database
        self._vault = vault
        self._owner = Owner.current()

    def claim(self, limit: int, max_bytes: int, now: datetime) -> list[OutgoingMail]:
        with self._database.read() as connection:
            due = connection.execute(_DUE, {"limit": limit, **claims.at(now)}).all()
        rows: list[Row[Any]] = []
        blobs: set[int] = set()
        size = 0
        for row in due:
            if row.blob_id not in blobs:
                size += row.size
                if rows and size > max_bytes:
                    break
                blobs.add(row.blob_id)
            rows.append(row)
        if not rows:
            return []
        with self._database.write() as connection:
            rows = [
                row
                for row in rows
                if claims.take(connection, outbox, row.id, row.claim_token, self._owner, now, count=False)
            ]
        maillog.step("claimed-outgoing")
        mails: list[OutgoingMail] = []
        broken: list[Row[Any]] = []
        with self._database.read() as connection:
            bodies: dict[int, bytes] = {}
            for row in rows:
                try:
                    if row.blob_id not in bodies:
                        bodies[row.blob_id] = self._vault.read_blob(connection, row.blob_id)[1]
                    mails.append(self._mail(connection, row, bodies[row.blob_id]))
                except SealBroken as error:
                    maillog.step_failed("out", row.id, row.failures + 1, error)
                    broken.append(row)
        if broken:
            self._set_aside(broken, now)
        return mails

    def _mail(self, connection: Connection, row: Row[Any], body: bytes) -> OutgoingMail:
        content = self._vault.issue_box(connection, row.issue_id).open_json(row.sealed, "outbox")
        return OutgoingMail(
            id=row.id,
            token=row.claim_token + 1,
            sender=content["sender"],
            recipient=content["recipient"],
            headers=content["headers"].encode("utf-8", "surrogateescape"),
            body=body,
            member_id=row.member_id,
            attempts=row.attempts,
            created_at=row.created_at,
        )

    def _set_aside(self, rows: Sequence[Row[Any]], now: datetime) -> None:
        """What does not unseal must not take the others of each claim with it."""
        with self._database.write() as connection:
            for row in rows:
                claims.give_back(
                    connection, outbox, row.id, row.claim_token + 1, not_before=now + claims.SEAL_RETRY,
                    failures=row.failures + 1,
                )  # fmt: skip

    def finish(self, results: Sequence[Result], now: datetime) -> None:
        with self._database.write() as connection:
            for result in results:
                row = connection.execute(_ROW, {"row_id": result.mail.id}).one()
                box = self._vault.issue_box(connection, row.issue_id)
                values: dict[str, Any] = {}
                if result.text is not None:
                    error = {"text": result.text, "code": result.code}
                    values["sealed_error"] = box.seal_json(error, "error") if result.text else None
                done = claims.given_back(
                    connection, outbox, result.mail.id, result.mail.token,
                    state=_STATES[result.outcome], attempts=result.attempts, not_before=result.next_at,
                    finished_at=now if result.next_at is None else None, **values,
                )  # fmt: skip
                unit = UnitOfWork(connection, self._vault)
                if done and result.outcome is Outcome.TOO_LARGE and unit.write_anew(row, now):
                    continue
                if done and result.outcome in (Outcome.FAILED, Outcome.TOO_LARGE):
                    unit.undelivered(row, _status(result), now)
            maillog.step("finishing-outgoing")
        maillog.step("finished-outgoing")

    def renew(self, mails: Sequence[OutgoingMail]) -> frozenset[int]:
        with self._database.write() as connection:
            held = [(outbox, mail.id, mail.token) for mail in mails]
            return frozenset(row_id for _, row_id, _ in claims.renew(connection, held))
