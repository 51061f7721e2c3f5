"""A new seal key: everything that was sealed to the old public key is sealed to the new one.

That is little: the store's three secrets, one key per issue, and the keys of mails that belong to no issue. What those
keys close stays as it is, and so do all addresses and tokens that were given out. All of it is one transaction: it is
done, or nothing is.
"""

from collections.abc import Iterator

from sqlalchemy import Column, Connection, Table, select, update

from mailbot.storage.seal import Sealer
from mailbot.storage.tables import blob, issue, secret
from mailbot.storage.unseal import SealBroken, Unsealer

BATCH = 1000
"""Rows in memory at a time; there is one for each issue."""


def opens(connection: Connection, unsealer: Unsealer) -> bool:
    """Whether this is the seal key of the database."""
    wrapped = connection.scalars(select(secret.c.wrapped)).all()
    try:
        return bool(wrapped) and all(unsealer.unwrap(one) for one in wrapped)
    except SealBroken:
        return False


def rewrap(connection: Connection, old: Unsealer, new: Sealer) -> tuple[int, int]:
    """Seal every key anew within the caller's write transaction. Returns how many were, and how many do not open with
    the old key either and stay as they are: those were lost before."""
    done = lost = 0
    for table, key, column in (
        (secret, secret.c.name, secret.c.wrapped),
        (issue, issue.c.id, issue.c.wrapped_key),
        (blob, blob.c.id, blob.c.wrapped_key),
    ):
        for row_key, wrapped in _rows(connection, table, key, column):
            try:
                again = new.wrap(old.unwrap(wrapped))
            except SealBroken:
                lost += 1
                continue
            connection.execute(update(table).where(key == row_key).values({column.name: again}))
            done += 1
    return done, lost


def _rows(
    connection: Connection, table: Table, key: "Column[object]", column: "Column[bytes]"
) -> Iterator[tuple[object, bytes]]:
    """(primary key, wrapped key) of every row that is sealed to the store's public key."""
    query = select(key, column).where(column.is_not(None)).order_by(key).limit(BATCH)
    if table is blob:
        query = query.where(blob.c.issue_id.is_(None))  # the others' keys are under their issue's
    last = None
    while rows := connection.execute(query if last is None else query.where(key > last)).all():
        yield from ((row[0], row[1]) for row in rows)
        last = rows[-1][0]
