"""Claims on rows: the same few statements for inbox, notices and outbox.

A row is free if nobody claims it or its lease ran out, and its `not_before` has passed. Taking it raises its token;
giving a result back names the token, so that whoever lost the row in the meantime changes nothing.

Statements are built once, here and in the modules around: to build one anew for each use costs twice its execution.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, and_, bindparam, or_, select, update

from mailbot.errors import ClaimLost
from mailbot.service.outgoing import LONGEST_WAIT
from mailbot.storage.leases import LEASE_SECONDS, Owner, boot_seconds, is_dead
from mailbot.storage.tables import inbox, notice, outbox

CLAIMED_TABLES = {inbox: "new", notice: "new", outbox: "waiting"}
"""With the state in which a row may be claimed."""

SEAL_RETRY = timedelta(minutes=15)
"""When a row whose content does not unseal is tried again: nothing that comes in is given up, but only an operator can
mend this (restore the seal key or the database), and meanwhile it must not stand before all others."""


def free(table: Table) -> ColumnElement[bool]:
    """The rows of a table that may be claimed at the time that the parameters `at` say.

    Nothing is ever made to wait longer than `LONGEST_WAIT`: a row that seems to was planned before the wall clock was
    set back, and is due.
    """
    return and_(
        table.c.state == CLAIMED_TABLES[table],
        or_(table.c.claim_owner.is_(None), table.c.claim_until < bindparam("boot")),
        or_(
            table.c.not_before.is_(None),
            table.c.not_before <= bindparam("now"),
            table.c.not_before > bindparam("latest"),
        ),
    )


def at(now: datetime) -> dict[str, Any]:
    """The parameters of `free`."""
    return {"boot": boot_seconds(), "now": now, "latest": now + LONGEST_WAIT}


_TAKE = {
    table: update(table)
    .where(table.c.id == bindparam("row_id"), table.c.claim_token == bindparam("row_token"), free(table))
    .values(claim_token=table.c.claim_token + 1, attempts=table.c.attempts + bindparam("counted"))
    for table in CLAIMED_TABLES
}
_CLAIMED = {
    table: update(table).where(
        table.c.id == bindparam("row_id"),
        table.c.claim_token == bindparam("row_token"),
        table.c.claim_owner.is_not(None),
    )
    for table in CLAIMED_TABLES
}
_OWNERS = {
    table: select(table.c.claim_owner).where(table.c.claim_owner.is_not(None)).distinct() for table in CLAIMED_TABLES
}


def take(
    connection: Connection, table: Table, row_id: int, token: int, owner: Owner, now: datetime, *, count: bool = True
) -> bool:
    """Claim a row that was seen to be free with this token; False if somebody was faster. `count` makes it an attempt.

    Only here, under the write lock, it is certain to be free; so looking for it needs no lock.
    """
    row = {"row_id": row_id, "row_token": token, "counted": int(count), "claim_owner": owner.name}
    until = boot_seconds() + LEASE_SECONDS
    return connection.execute(_TAKE[table], {**row, "claim_until": until, **at(now)}).rowcount == 1


def claimed(owner: Owner) -> dict[str, Any]:
    """The columns of a new row that is claimed from the start, with token 1."""
    return {
        "claim_token": 1, "claim_owner": owner.name, "claim_until": boot_seconds() + LEASE_SECONDS, "attempts": 1,
    }  # fmt: skip


def given_back(connection: Connection, table: Table, row_id: int, token: int, **values: Any) -> bool:
    """Record a result and end the claim; False, and nothing recorded, if the row is no longer ours."""
    row = {"row_id": row_id, "row_token": token, "claim_owner": None, "claim_until": None, **values}
    return connection.execute(_CLAIMED[table], row).rowcount == 1


def give_back(connection: Connection, table: Table, row_id: int, token: int, **values: Any) -> None:
    """As `given_back`, but raises `ClaimLost` if the row is no longer ours."""
    if not given_back(connection, table, row_id, token, **values):
        raise ClaimLost(f"{table.name} {row_id} was taken over")


def renew(connection: Connection, held: Iterable[tuple[Table, int, int]]) -> list[tuple[Table, int, int]]:
    """Lengthen the leases of rows, given as (table, id, token). Returns those that somebody else took over.

    Never all rows of a process: of one that it has dropped, because even giving it back failed, the lease must end.
    """
    until = boot_seconds() + LEASE_SECONDS
    lost = []
    for table, row_id, token in held:
        row = {"row_id": row_id, "row_token": token, "claim_until": until}
        if connection.execute(_CLAIMED[table], row).rowcount != 1:
            lost.append((table, row_id, token))
    return lost


def free_dead(connection: Connection) -> int:
    """Free what processes of this machine had claimed that are gone. Returns how many rows that were."""
    freed = 0
    for table in CLAIMED_TABLES:
        for owner in [name for name in connection.scalars(_OWNERS[table]) if is_dead(name)]:
            result = connection.execute(
                update(table).where(table.c.claim_owner == owner).values(claim_owner=None, claim_until=None)
            )
            freed += result.rowcount
    return freed
