"""What a unit of work records about members' commands: a part of `unit_of_work.UnitOfWork`."""

from datetime import datetime, timedelta

from sqlalchemy import Connection, func, insert, select
from sqlalchemy.dialects.sqlite import insert as insert_or

from mailbot.domain.issue import Role
from mailbot.service.store import IssueTexts
from mailbot.storage.tables import message, notice, refusal, spent
from mailbot.storage.unseal import Box
from mailbot.storage.vault import Vault

LOOKED_AT = 500
"""Mails of one issue that are looked at, the newest first: each costs a decryption while the write lock is held."""
_INTERNAL = ("note",)
_OUTSIDE = ("report", "follow_up", "reply")
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

    def last_word(self, number: int, address: str) -> str:
        box = self._box(number)
        rows = select(message.c.sealed).where(message.c.issue_id == number, message.c.direction == "in")
        for sealed in self._connection.scalars(rows.order_by(message.c.id.desc()).limit(LOOKED_AT)):
            content = box.open_json(sealed, "message")
            if content["from"].lower() == address.lower():
                return str(content["message_id"])
        return ""

    def texts(self, number: int) -> IssueTexts:
        box = self._box(number)
        rows = select(notice.c.event, notice.c.sealed).where(
            notice.c.issue_id == number, notice.c.event.in_([*_INTERNAL, *_OUTSIDE])
        )
        found: dict[bool, list[str]] = {True: [], False: []}
        for row in self._connection.execute(rows.order_by(notice.c.id.desc()).limit(LOOKED_AT)):
            params = box.open_json(row.sealed, "notice")
            internal = row.event in _INTERNAL or params.get("role") in (Role.EXPERT, "member")
            found[internal].append(params.get("text", ""))
        return IssueTexts(tuple(found[True]), tuple(found[False]))

    def may_refuse(self, member_id: str, now: datetime, period: timedelta, most: int) -> bool:
        recent = select(func.count()).where(
            refusal.c.member_id == member_id, refusal.c.at > now - period, refusal.c.at < now + period
        )
        if (self._connection.scalar(recent) or 0) >= most:
            return False
        self._connection.execute(insert(refusal).values(member_id=member_id, at=now))
        return True
