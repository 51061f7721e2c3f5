"""What a unit of work records about members' commands: a part of `unit_of_work.UnitOfWork`."""

from datetime import datetime, timedelta

from sqlalchemy import Connection, func, insert, select
from sqlalchemy.dialects.sqlite import insert as insert_or

from mailbot.storage.tables import refusal, spent
from mailbot.storage.unseal import Box
from mailbot.storage.vault import Vault

_SPEND = insert_or(spent).on_conflict_do_nothing()


class CommandRecords:
    """`service.store.Unit`, as far as it is about commands."""

    _connection: Connection
    _vault: Vault

    def _box(self, number: int | None) -> Box:
        raise NotImplementedError

    def spend(self, signer: str, signed_at: datetime, digest: bytes, now: datetime) -> bool:
        row = {"signer": signer, "signed_at": signed_at, "digest": digest, "at": now}
        return self._connection.execute(_SPEND, row).rowcount == 1

    def may_refuse(self, member_id: str, now: datetime, period: timedelta, most: int) -> bool:
        recent = select(func.count()).where(
            refusal.c.member_id == member_id, refusal.c.at > now - period, refusal.c.at < now + period
        )
        if (self._connection.scalar(recent) or 0) >= most:
            return False
        self._connection.execute(insert(refusal).values(member_id=member_id, at=now))
        return True
