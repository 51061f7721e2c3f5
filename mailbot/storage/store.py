"""`service.store.Store` on a database: the queues of mails and notices, and the transactions of their decisions."""

import hashlib
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Table, bindparam, func, insert, select, update

from mailbot import maillog
from mailbot.domain.clocks import Clock
from mailbot.mail.envelope import Envelope
from mailbot.service.store import (
    ClaimedMail,
    ClaimedNotice,
    Draft,
    IssueView,
    MailKeys,
    ReporterKey,
)
from mailbot.service.work import Work
from mailbot.storage import claims, inbox, keys, open_work, views
from mailbot.storage.database import Database
from mailbot.storage.leases import Owner
from mailbot.storage.tables import clock, message, notice, outbox
from mailbot.storage.tables import inbox as inbox_table
from mailbot.storage.unit_of_work import UnitOfWork, add_references
from mailbot.storage.unseal import SealBroken
from mailbot.storage.vault import Vault

_NEXT_NOTICE = select(notice).where(claims.free(notice)).order_by(notice.c.id).limit(1)
_FIRST_NOTICE = (
    select(notice.c.id)
    .where(notice.c.issue_id == bindparam("issue_id"), notice.c.event.in_(["report", "unreadable"]))
    .order_by(notice.c.id)
    .limit(1)
)
_ADD_OUTGOING = insert(outbox)
_ADD_MESSAGE = insert(message)


class Store:
    """One process's view of the database. Thread-safe."""

    def __init__(self, database: Database, vault: Vault) -> None:
        self.database = database
        self._vault = vault
        self._owner = Owner.current()
        self._held: set[tuple[Table, int, int]] = set()
        self._lock = threading.Lock()
        self._keys: tuple[int, list[str]] | None = None
        self.token_key = vault.token_key

    def digest(self, pieces: Iterable[bytes | memoryview]) -> bytes:
        hasher = hashlib.blake2b(key=self._vault.hash("digest", ""), digest_size=16)
        for piece in pieces:
            hasher.update(piece)
        return hasher.digest()

    # Claims

    @contextmanager
    def holding(self, *claims: ClaimedMail | ClaimedNotice) -> Iterator[None]:
        held = {(inbox_table if isinstance(one, ClaimedMail) else notice, one.id, one.token) for one in claims}
        with self._lock:
            self._held |= held
        try:
            yield
        finally:
            with self._lock:
                self._held -= held

    def renew(self) -> None:
        """Lengthen the leases of what is in hand."""
        with self._lock:
            held = list(self._held)
        if held:
            with self.database.write() as connection:
                claims.renew(connection, held)

    def free_dead(self) -> int:
        with self.database.write() as connection:
            return claims.free_dead(connection)

    # Mails

    def index_mails(self, read: Callable[[Envelope, bytes], MailKeys], limit: int = 50) -> int:
        return inbox.index(self.database, self._vault, read, limit)

    def claim_mail(self, now: datetime) -> ClaimedMail | None:
        return inbox.claim(self.database, self._vault, self._owner, now)

    @contextmanager
    def decide(self, claim: ClaimedMail) -> Iterator[UnitOfWork]:
        with self.database.write() as connection:
            yield UnitOfWork(connection, self._vault, claim, self._owner)

    def mail_failed(self, claim: ClaimedMail, now: datetime, delay: timedelta) -> None:
        inbox.give_back(self.database, claim, now, delay, failures=1)

    def release_mail(self, claim: ClaimedMail, now: datetime, delay: timedelta) -> None:
        inbox.give_back(self.database, claim, now, delay, failures=0)

    # Notices

    def claim_notice(self, now: datetime) -> ClaimedNotice | None:
        while True:
            with self.database.read() as connection:
                row = connection.execute(_NEXT_NOTICE, claims.at(now)).first()
            if row is None:
                return None
            with self.database.write() as connection:
                if not claims.take(connection, notice, row.id, row.claim_token, self._owner, now):
                    continue
            try:
                with self.database.read() as connection:
                    params = self._vault.issue_box(connection, row.issue_id).open_json(row.sealed, "notice")
            except SealBroken as error:
                maillog.step_failed("notice", row.id, row.failures + 1, error)
                with self.database.write() as connection:
                    claims.give_back(
                        connection, notice, row.id, row.claim_token + 1, not_before=now + claims.SEAL_RETRY,
                        failures=row.failures + 1,
                    )  # fmt: skip
                continue
            return ClaimedNotice(
                id=row.id,
                token=row.claim_token + 1,
                event=row.event,
                issue=row.issue_id,
                created_at=row.created_at,
                params=params,
                blob_id=row.blob_id,
                pieces_id=row.pieces_id,
                failures=row.failures,
            )

    def claim_new(self, event: str, params: Mapping[str, Any], now: datetime) -> ClaimedNotice:
        """Queue a notice about no issue and take it at once: whoever calls composes it, and nobody else."""
        with self.database.write() as connection:
            UnitOfWork(connection, self._vault).notify(event, None, params, now)
            number: int = connection.execute(select(func.max(notice.c.id))).scalar_one()
            claims.take(connection, notice, number, 0, self._owner, now)
        return ClaimedNotice(number, 1, event, None, now, params, None, None, 0)

    def finish_notice(self, claim: ClaimedNotice, drafts: Sequence[Draft], now: datetime) -> None:
        with self.database.write() as connection:
            claims.give_back(connection, notice, claim.id, claim.token, state="done", finished_at=now)
            if not drafts:
                return
            box = self._vault.issue_box(connection, claim.issue)
            blobs: dict[int, int] = {}
            rows = []
            for draft in drafts:
                if id(draft.body) not in blobs:
                    blobs[id(draft.body)] = self._vault.write_blob(connection, claim.issue, box, draft.body)
                content = {
                    "recipient": draft.recipient,
                    "sender": draft.sender,
                    "headers": draft.headers.decode("utf-8", "surrogateescape"),
                }
                rows.append(
                    {
                        "notice_id": claim.id, "seq": draft.seq, "kind": draft.kind, "issue_id": claim.issue,
                        "member_id": draft.member_id, "blob_id": blobs[id(draft.body)], "created_at": now,
                        "sealed": box.seal_json(content, "outbox"),
                    }
                )  # fmt: skip
            connection.execute(_ADD_OUTGOING, rows)
            maillog.step("finishing-notice")
            if claim.issue is None:
                return
            sent = [(draft.message_id, draft.recipient) for draft in drafts]
            add_references(connection, self._vault, claim.issue, sent, written=False)
            sealed = box.seal_json({"from": "", "message_id": drafts[0].message_id, "signed_by": ""}, "message")
            row = {
                "issue_id": claim.issue, "direction": "out", "kind": claim.event, "at": claim.created_at,
                "encrypted": all(draft.encrypted for draft in drafts), "notice_id": claim.id, "sealed": sealed,
            }  # fmt: skip
            connection.execute(_ADD_MESSAGE, row)

    def notice_failed(self, claim: ClaimedNotice, now: datetime, delay: timedelta, *, own: bool) -> None:
        with self.database.write() as connection:
            claims.give_back(
                connection, notice, claim.id, claim.token, not_before=now + delay, failures=claim.failures + own
            )

    # Reading

    def reading(self) -> AbstractContextManager[object]:
        return self.database.read()

    def read_blob(self, blob_id: int, issue: int | None) -> bytes:
        with self.database.read() as connection:
            return self._vault.read_body(connection, blob_id, issue)

    def raw_mail(self, inbox_id: int) -> bytes | None:
        """An accepted mail as it came; None if there is no such row."""
        with self.database.read() as connection:
            blob_id = connection.scalar(select(inbox_table.c.blob_id).where(inbox_table.c.id == inbox_id))
            return None if blob_id is None else self._vault.read_blob(connection, blob_id)[1]

    def view(self, number: int) -> IssueView | None:
        with self.database.read() as connection:
            return views.issue_view(connection, self._vault, number)

    def first_notice(self, number: int) -> int | None:
        with self.database.read() as connection:
            return connection.scalar(_FIRST_NOTICE, {"issue_id": number})

    def keys_of(self, address: str) -> list[ReporterKey]:
        with self.database.read() as connection:
            return views.keys_of(connection, self._vault, address)

    def keys(self) -> tuple[int, list[str]]:
        with self.database.read() as connection:
            revision = keys.revision(connection)
            if self._keys is None or self._keys[0] != revision:
                self._keys = revision, keys.armored(connection)
            return self._keys

    # Clocks

    def due_clocks(self, now: datetime, limit: int = 100) -> list[Clock]:
        with self.database.read() as connection:
            return views.due_clocks(connection, now, limit)

    def clocks_ahead(self, now: datetime, limit: int = 100) -> list[Clock]:
        with self.database.read() as connection:
            return views.clocks_ahead(connection, now, limit)

    @contextmanager
    def fire(self, seen: Clock) -> Iterator[UnitOfWork | None]:
        with self.as_seen(seen) as unit:
            yield unit if seen.next_at is not None else None

    @contextmanager
    def as_seen(self, seen: Clock) -> Iterator[UnitOfWork | None]:
        with self.database.write() as connection:
            # The row is checked again under the write lock: whoever was faster moved it on, paused it or ended it.
            still = connection.execute(
                update(clock)
                .where(
                    clock.c.id == seen.id,
                    clock.c.fired == seen.fired,
                    clock.c.next_at.is_not_distinct_from(seen.next_at),
                )
                .where(clock.c.state == seen.state, clock.c.ended_at.is_not_distinct_from(seen.ended_at))
                .where(clock.c.fired_at.is_not_distinct_from(seen.fired_at))
                .values(fired=clock.c.fired)
            )
            yield UnitOfWork(connection, self._vault) if still.rowcount else None

    def open_work(self, now: datetime, limit: int) -> Work:
        with self.database.read() as connection:
            return open_work.open_work(connection, now, limit)

    @contextmanager
    def operate(self) -> Iterator[UnitOfWork]:
        """A unit for an operator's command, which is about no mail."""
        with self.database.write() as connection:
            yield UnitOfWork(connection, self._vault)

    def retry(self, ids: Sequence[int]) -> list[int]:
        """Make outgoing mails due now, failed, bounced and held ones too. Returns those that are."""
        with self.database.write() as connection:
            return list(
                connection.scalars(
                    update(outbox)
                    .where(outbox.c.id.in_(ids), outbox.c.state.in_(["waiting", "failed", "bounced", "held"]))
                    .values(state="waiting", not_before=None, finished_at=None)
                    .returning(outbox.c.id)
                )
            )

    def drop(self, ids: Sequence[int]) -> list[int]:
        """Cancel outgoing mails that were not sent. Returns those that are."""
        return self._change(ids, ["waiting", "failed", "held"], state="cancelled", finished_at=datetime.now(UTC))

    def keep_back(self, ids: Sequence[int]) -> list[int]:
        """Hold outgoing mails that wait, until `retry`. Returns those that are held."""
        return self._change(ids, ["waiting"], state="held")

    def _change(self, ids: Sequence[int], states: Sequence[str], **values: Any) -> list[int]:
        # What is just being sent is left alone: what becomes of it is recorded, whatever we wrote meanwhile.
        mine = outbox.c.id.in_(ids) & outbox.c.state.in_(states) & outbox.c.claim_owner.is_(None)
        with self.database.write() as connection:
            return list(connection.scalars(update(outbox).where(mine).values(**values).returning(outbox.c.id)))
