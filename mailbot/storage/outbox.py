"""The outbox on a database: `service.outgoing.Outbox`, for the delivery process."""

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, and_, bindparam, select, update

from mailbot import maillog
from mailbot.service.outgoing import Outcome, OutgoingMail, Result
from mailbot.storage import claims
from mailbot.storage.database import Database
from mailbot.storage.leases import LEASE_SECONDS, Owner, boot_seconds
from mailbot.storage.tables import blob, outbox
from mailbot.storage.unit_of_work import UnitOfWork
from mailbot.storage.unseal import SealBroken
from mailbot.storage.vault import Vault

_STATES = {
    Outcome.SENT: "sent",
    Outcome.DEFERRED: "waiting",
    Outcome.POSTPONED: "waiting",
    Outcome.FAILED: "failed",
    Outcome.CANCELLED: "cancelled",
}


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
        query = (
            select(outbox, blob.c.size)
            # Of its own issue only: no row of the database may send one issue's mail in another's name.
            .join(blob, and_(blob.c.id == outbox.c.blob_id, blob.c.issue_id.is_not_distinct_from(outbox.c.issue_id)))
            .where(outbox.c.state == "waiting", claims.free(outbox, now))
            .order_by(outbox.c.id)
            .limit(limit)
        )
        with self._database.read() as connection:
            if connection.execute(query).first() is None:
                return []
        with self._database.write() as connection:
            rows: list[Row[Any]] = []
            blobs: set[int] = set()
            size = 0
            for row in connection.execute(query):
                size += 0 if row.blob_id in blobs else row.size
                if rows and size > max_bytes:
                    break
                blobs.add(row.blob_id)
                rows.append(row)
            claims.take(connection, outbox, [row.id for row in rows], self._owner, count=False)
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
                row = connection.execute(select(outbox).where(outbox.c.id == result.mail.id)).one()
                box = self._vault.issue_box(connection, row.issue_id)
                final = result.next_at is None
                values: dict[str, Any] = {}
                if result.text is not None:
                    error = {"text": result.text, "code": result.code}
                    values["sealed_error"] = box.seal_json(error, "error") if result.text else None
                done = connection.execute(
                    update(outbox)
                    .where(
                        outbox.c.id == result.mail.id,
                        outbox.c.claim_token == result.mail.token,
                        outbox.c.claim_owner.is_not(None),
                    )
                    .values(
                        state=_STATES[result.outcome],
                        attempts=result.attempts,
                        not_before=result.next_at,
                        finished_at=now if final else None,
                        claim_owner=None,
                        claim_until=None,
                        **values,
                    )
                )
                if done.rowcount and result.outcome is Outcome.FAILED:
                    unit = UnitOfWork(connection, self._vault)
                    unit.undelivered(row, _status(result), now)
            maillog.step("finishing-outgoing")
        maillog.step("finished-outgoing")

    def renew(self, mails: Sequence[OutgoingMail]) -> frozenset[int]:
        lost = set()
        statement = (
            update(outbox)
            .where(
                outbox.c.id == bindparam("row_id"),
                outbox.c.claim_token == bindparam("token"),
                outbox.c.claim_owner.is_not(None),
            )
            .values(claim_until=bindparam("until"))
        )
        with self._database.write() as connection:
            for mail in mails:
                until = boot_seconds() + LEASE_SECONDS
                result = connection.execute(statement, {"row_id": mail.id, "token": mail.token, "until": until})
                if result.rowcount != 1:
                    lost.add(mail.id)
        return frozenset(lost)
