"""One holder at a time: the lease row under which the scheduler's ticks run."""

from sqlalchemy import insert, or_, select, update

from mailbot.storage.database import Database
from mailbot.storage.leases import LEASE_SECONDS, Owner, boot_seconds, is_dead
from mailbot.storage.tables import lease


class Leadership:
    """Tries to hold one named lease. A process that died is replaced at once, one that hangs after its lease."""

    def __init__(self, database: Database, name: str) -> None:
        self._database = database
        self._name = name
        self._owner = Owner.current()

    def hold(self) -> bool:
        """Take or lengthen the lease. True while it is ours."""
        until = boot_seconds() + LEASE_SECONDS
        with self._database.write() as connection:
            row = connection.execute(select(lease).where(lease.c.name == self._name)).first()
            if row is None:
                values = {"name": self._name, "claim_token": 1, "claim_owner": self._owner.name, "claim_until": until}
                connection.execute(insert(lease).values(**values))
                return True
            gone = row.claim_owner is not None and row.claim_owner != self._owner.name and is_dead(row.claim_owner)
            free = or_(
                lease.c.claim_owner.is_(None),
                lease.c.claim_owner == self._owner.name,
                lease.c.claim_until < boot_seconds(),
                lease.c.claim_owner == (row.claim_owner if gone else None),
            )
            taken = connection.execute(
                update(lease)
                .where(lease.c.name == self._name, free)
                .values(claim_owner=self._owner.name, claim_until=until, claim_token=lease.c.claim_token + 1)
            )
            return taken.rowcount == 1

    def release(self) -> None:
        with self._database.write() as connection:
            connection.execute(
                update(lease)
                .where(lease.c.name == self._name, lease.c.claim_owner == self._owner.name)
                .values(claim_owner=None, claim_until=None)
            )
