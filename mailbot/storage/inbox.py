"""The workers' side of the inbox: the first pass, and claims in an order that is fair and keeps threads together."""

from collections.abc import Callable
from datetime import datetime, timedelta

from sqlalchemy import Connection, Select, bindparam, delete, exists, func, insert, select, update

from mailbot import maillog
from mailbot.mail.envelope import Envelope
from mailbot.service.store import ClaimedMail, MailKeys
from mailbot.storage import claims
from mailbot.storage.database import Database
from mailbot.storage.leases import Owner
from mailbot.storage.tables import inbox, inbox_hash
from mailbot.storage.unseal import SealBroken
from mailbot.storage.vault import Vault

_UNSEEN = (
    select(inbox.c.id, inbox.c.blob_id)
    .where(inbox.c.state == "new", inbox.c.turn.is_(None))
    .order_by(inbox.c.id)
    .limit(bindparam("limit"))
)
_WAITING = inbox.c.state == "new"
_TURNS = select(
    select(func.max(inbox.c.turn)).where(inbox.c.sender_hash == bindparam("sender"), _WAITING).scalar_subquery(),
    select(func.min(inbox.c.turn)).where(_WAITING).scalar_subquery(),
)
_SET_TURN = update(inbox).where(inbox.c.id == bindparam("row_id"), inbox.c.turn.is_(None))
_ADD_HASHES = insert(inbox_hash)
_FORGET_HASHES = delete(inbox_hash).where(inbox_hash.c.inbox_id == bindparam("row_id"))


def _next_free() -> Select[tuple[int, int, int, int, str | None]]:
    older = inbox_hash.alias("older")
    mine = inbox_hash.alias("mine")
    blocked = exists().where(
        mine.c.inbox_id == inbox.c.id, older.c.hash == mine.c.hash, older.c.inbox_id < inbox.c.id
    )  # fmt: skip
    unseen = select(func.min(inbox.c.id)).where(_WAITING, inbox.c.turn.is_(None)).scalar_subquery()
    return (
        select(inbox.c.id, inbox.c.claim_token, inbox.c.blob_id, inbox.c.failures, inbox.c.released_by)
        .where(inbox.c.turn.is_not(None), claims.free(inbox), ~blocked)
        # A mail is only claimed once all before it have their hashes: an older one might belong to its thread.
        .where(inbox.c.id < func.coalesce(unseen, inbox.c.id + 1))
        .order_by(inbox.c.turn, inbox.c.id)
        .limit(1)
    )


_NEXT_FREE = _next_free()


def index(database: Database, vault: Vault, read: Callable[[Envelope, bytes], MailKeys], limit: int) -> int:
    """Write keyed hashes of sender, Message-ID and references beside new mails. Returns how many were seen.

    A mail gets its turn so that senders alternate: one later than the sender's last waiting mail, and never earlier
    than the mail that is next (start-time fair queueing). A flood from one sender so waits behind everybody else's.
    """
    with database.read() as connection:
        rows = connection.execute(_UNSEEN, {"limit": limit}).all()
        heads = [(row.id, _head(connection, vault, row.blob_id)) for row in rows]
    if not heads:
        return 0
    # A mail that does not unseal shares nothing with any other, so that it holds up none.
    keys = [
        (row_id, read(*head) if head is not None else MailKeys(f"sealed {row_id}", ())) for row_id, head in heads
    ]  # fmt: skip
    with database.write() as connection:
        for row_id, found in keys:
            _index_one(connection, vault, row_id, found)
        maillog.step("indexing-mails")
    maillog.step("indexed-mails")
    return len(keys)


def _head(connection: Connection, vault: Vault, blob_id: int) -> tuple[Envelope, bytes] | None:
    try:
        first, head = vault.read_blob(connection, blob_id, head_only=True)
    except SealBroken:
        return None
    return Envelope.from_bytes(first), head


def _index_one(connection: Connection, vault: Vault, row_id: int, keys: MailKeys) -> None:
    sender = vault.hash("sender", keys.sender.lower())
    own_last, first = connection.execute(_TURNS, {"sender": sender}).one()
    turn = max(first or 0, (own_last or 0) + 1)
    indexed = connection.execute(_SET_TURN, {"row_id": row_id, "turn": turn, "sender_hash": sender})
    if indexed.rowcount:  # else another worker's pass was here first
        hashes = {sender} | {vault.hash("thread", value) for value in keys.shared}
        connection.execute(_ADD_HASHES, [{"hash": value, "inbox_id": row_id} for value in hashes])


def claim(database: Database, vault: Vault, owner: Owner, now: datetime) -> ClaimedMail | None:
    """Take the next mail that is free and whose thread and sender have no older mail unfinished."""
    while True:
        with database.read() as connection:
            row = connection.execute(_NEXT_FREE, claims.at(now)).first()
        if row is None:
            return None
        with database.write() as connection:
            # No older mail can come to stand before it meanwhile: all had their hashes, and can only lose them.
            if not claims.take(connection, inbox, row.id, row.claim_token, owner, now):
                continue
        try:
            with database.read() as connection:
                first, raw = vault.read_blob(connection, row.blob_id)
        except SealBroken as error:
            maillog.step_failed("in", row.id, row.failures + 1, error)
            with database.write() as connection:
                forget_hashes(connection, row.id)
                claims.give_back(
                    connection, inbox, row.id, row.claim_token + 1, not_before=now + claims.SEAL_RETRY,
                    failures=row.failures + 1,
                )  # fmt: skip
            continue
        return ClaimedMail(
            row.id, row.claim_token + 1, row.blob_id, Envelope.from_bytes(first), raw, row.failures,
            released=row.released_by is not None,
        )  # fmt: skip


def give_back(database: Database, claimed: ClaimedMail, now: datetime, delay: timedelta, failures: int) -> None:
    with database.write() as connection:
        claims.give_back(
            connection, inbox, claimed.id, claimed.token, not_before=now + delay, failures=claimed.failures + failures
        )


def forget_hashes(connection: Connection, inbox_id: int) -> None:
    """The mail is finished: nothing waits for it any more."""
    connection.execute(_FORGET_HASHES, {"row_id": inbox_id})
