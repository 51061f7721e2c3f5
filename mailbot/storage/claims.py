"""Claims on rows: the same few statements for inbox, notices and outbox.

A row is free if nobody claims it or its lease ran out, and its `not_before` has passed. Taking it raises its token;
giving a result back names the token, so that whoever lost the row in the meantime changes nothing.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, and_, or_, select, update

from mailbot.errors import ClaimLost
from mailbot.service.outgoing import LONGEST_WAIT
from mailbot.storage.leases import LEASE_SECONDS, Owner, boot_seconds, is_dead
from mailbot.storage.tables import inbox, notice, outbox

CLAIMED_TABLES = (inbox, notice, outbox)

SEAL_RETRY = timedelta(minutes=15)
"""When a row whose content does not unseal is tried again: nothing that comes in is given up, but only an operator can
mend this (restore the seal key or the database), and meanwhile it must not stand before all others."""


def free(table: Table, now: datetime) -> ColumnElement[bool]:
    """The rows of a table that may be claimed now.

    Nothing is ever made to wait longer than `LONGEST_WAIT`: a row that seems to was planned before the wall clock was
    set back, and is due.
    """
    return and_(
        or_(table.c.claim_owner.is_(None), table.c.claim_until < boot_seconds()),
        or_(table.c.not_before.is_(None), table.c.not_before <= now, table.c.not_before > now + LONGEST_WAIT),
    )


def take(connection: Connection, table: Table, ids: Iterable[int], owner: Owner, *, count: bool = True) -> None:
    """Claim rows within the caller's write transaction; `count` makes it an attempt."""
    connection.execute(
        update(table)
        .where(table.c.id.in_(list(ids)))
        .values(
            claim_owner=owner.name,
            claim_until=boot_seconds() + LEASE_SECONDS,
            claim_token=table.c.claim_token + 1,
            attempts=table.c.attempts + (1 if count else 0),
        )
    )


def give_back(connection: Connection, table: Table, row_id: int, token: int, **values: Any) -> None:
    """Record a result and end the claim. Raises `ClaimLost` if the row is no longer ours."""
    result = connection.execute(
        update(table)
        .where(table.c.id == row_id, table.c.claim_token == token, table.c.claim_owner.is_not(None))
        .values(claim_owner=None, claim_until=None, **values)
    )
    if result.rowcount != 1:
        raise ClaimLost(f"{table.name} {row_id} was taken over")


def renew(connection: Connection, held: Iterable[tuple[Table, int, int]]) -> None:
    """Lengthen the leases of rows, given as (table, id, token). One that somebody else took over is left alone.

    Never all rows of a process: of one that it has dropped, because even giving it back failed, the lease must end.
    """
    for table, row_id, token in held:
        connection.execute(
            update(table)
            .where(table.c.id == row_id, table.c.claim_token == token, table.c.claim_owner.is_not(None))
            .values(claim_until=boot_seconds() + LEASE_SECONDS)
        )


def free_dead(connection: Connection) -> int:
    """Free what processes of this machine had claimed that are gone. Returns how many rows that were."""
    freed = 0
    for table in CLAIMED_TABLES:
        owners = connection.scalars(select(table.c.claim_owner).where(table.c.claim_owner.is_not(None)).distinct())
        for owner in [name for name in owners if is_dead(name)]:
            result = connection.execute(
                update(table).where(table.c.claim_owner == owner).values(claim_owner=None, claim_until=None)
            )
            freed += result.rowcount
    return freed
