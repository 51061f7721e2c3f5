"""Public keys that an operator imported: rows, with a revision that tells every process when to rebuild its keyring."""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import Connection, bindparam, delete, insert, select

from mailbot.service.store import ReporterKey
from mailbot.storage.tables import public_key, setting

_REVISION = "keys.revision"
_READ_REVISION = select(setting.c.value).where(setting.c.name == bindparam("setting"))


def revision(connection: Connection) -> int:
    value = connection.scalar(_READ_REVISION, {"setting": _REVISION})
    return int(value) if value else 0


def armored(connection: Connection) -> list[str]:
    return list(connection.scalars(select(public_key.c.armor).order_by(public_key.c.fingerprint)))


def get(connection: Connection, fingerprint: str) -> str | None:
    return connection.scalar(select(public_key.c.armor).where(public_key.c.fingerprint == fingerprint))


def naming(connection: Connection, address: str) -> list[ReporterKey]:
    """The keys with a user id of this address."""
    rows = connection.execute(select(public_key).order_by(public_key.c.fingerprint))
    return [ReporterKey(row.fingerprint, row.armor) for row in rows if address.lower() in row.addresses.split("\n")]


def put(connection: Connection, fingerprint: str, armor: str, now: datetime, addresses: Iterable[str] = ()) -> None:
    """Store or replace a key, and move the revision. `addresses` are those of its user ids."""
    since = connection.scalar(select(public_key.c.since).where(public_key.c.fingerprint == fingerprint))
    connection.execute(delete(public_key).where(public_key.c.fingerprint == fingerprint))
    connection.execute(insert(public_key).values(
            fingerprint=fingerprint, armor=armor, since=since or now,
            addresses="\n".join(sorted({address.lower() for address in addresses})),
        )
    )  # fmt: skip
    touch(connection)


def touch(connection: Connection) -> None:
    """Have every process build its keyring anew, also from the group's own home."""
    new = revision(connection) + 1
    connection.execute(delete(setting).where(setting.c.name == _REVISION))
    connection.execute(insert(setting).values(name=_REVISION, value=str(new)))
