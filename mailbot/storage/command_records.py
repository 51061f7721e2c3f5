"""What a unit of work records about members' commands: a part of `unit_of_work.UnitOfWork`."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select, update
from sqlalchemy.dialects.sqlite import insert as insert_or

from mailbot.domain.issue import Role
from mailbot.service.command_records import Entry, IssueTexts, ListedIssue, Opinion, Parked
from mailbot.service.store import ReporterKey
from mailbot.storage import keys, views
from mailbot.storage.listings import Listings
from mailbot.storage.tables import audit, issue, message, notice, parked, participant, refusal, spent, verdict
from mailbot.storage.unseal import Box
from mailbot.storage.vault import Vault, row_id

LOOKED_AT = 500
"""Mails of one issue that are looked at, the newest first: each costs a decryption while the write lock is held."""
STRANGERS = 2_000_000
"""Characters that are looked at of what came from or went to people outside, besides the report: about a second's work,
while the write lock is held. Eight of the longest texts."""
_INTERNAL = ("note",)
_OUTSIDE = ("follow_up", "reply")
_SPEND = insert_or(spent).on_conflict_do_nothing()


class CommandRecords(ABC):
    """`service.store.Unit`, as far as it is about commands."""

    _connection: Connection
    _vault: Vault

    @abstractmethod
    def _box(self, number: int | None) -> Box:
        """The box for an issue's values, or for those that belong to none."""

    def spend(self, signer: str, signed_at: datetime, digest: bytes, now: datetime) -> bool:
        row = {"signer": signer, "signed_at": signed_at, "digest": digest, "at": now}
        return self._connection.execute(_SPEND, row).rowcount == 1

    def remove_participant(self, number: int, address: str) -> None:
        mine = (participant.c.issue_id == number) & (participant.c.address_hash == self._vault.address_hash(address))
        self._connection.execute(delete(participant).where(mine))

    def introduce(self, number: int, address: str, now: datetime) -> None:
        first = select(notice).where(notice.c.issue_id == number, notice.c.event.in_(["report", "unreadable"]))
        row = self._connection.execute(first.order_by(notice.c.id).limit(1)).first()
        if row is None:
            return
        box = self._box(number)
        params = {**box.open_json(row.sealed, "notice"), "to": address}
        again = {
            "event": "introduction", "issue_id": number, "created_at": now, "sealed": box.seal_json(params, "notice"),
            "blob_id": row.blob_id, "pieces_id": row.pieces_id,
        }  # fmt: skip
        self._connection.execute(insert(notice).values(**again))

    def keys_for(self, address: str) -> list[ReporterKey]:
        return keys.naming(self._connection, address)

    def duplicates_of(self, number: int) -> list[int]:
        return list(self._connection.scalars(select(issue.c.id).where(issue.c.duplicate_of == number)))

    def history(self, number: int) -> list[Entry]:
        box = self._box(number)
        rows = self._connection.execute(select(audit).where(audit.c.issue_id == number).order_by(audit.c.seq))
        opened = ((row, box.open_json(row.sealed, "audit")) for row in rows)
        return [Entry(row.at, row.actor, row.action, found["old"], found["new"]) for row, found in opened]

    def verdicts(self, number: int) -> list[Opinion]:
        return views.opinions(self._connection, self._box(number), number)

    def give_verdict(self, number: int, member: str, given: str, reason: str, now: datetime) -> None:
        mine = (verdict.c.issue_id == number) & (verdict.c.member_id == member)
        self._connection.execute(delete(verdict).where(mine))
        sealed = self._box(number).seal_json({"reason": reason}, "verdict")
        row = {"issue_id": number, "member_id": member, "verdict": given, "at": now, "sealed": sealed}
        self._connection.execute(insert(verdict).values(**row))

    def listed(self, word: str, actor: str, limit: int, now: datetime) -> list[ListedIssue]:
        rows = Listings(self._connection, self._vault, "").issues(word, limit, now, actor)
        fields = ("number", "status", "owner", "severity", "title", "encrypted")
        return [ListedIssue(**{name: row[name] for name in fields}) for row in rows]

    def has_key(self, fingerprint: str) -> bool:
        return keys.get(self._connection, fingerprint) is not None

    def put_key(self, fingerprint: str, armor: str, addresses: Sequence[str], now: datetime) -> None:
        keys.put(self._connection, fingerprint, armor, now, addresses)

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
        rows = select(notice.c.event, notice.c.sealed).where(notice.c.issue_id == number)
        notes = rows.where(notice.c.event.in_(_INTERNAL)).order_by(notice.c.id.desc()).limit(LOOKED_AT)
        report = rows.where(notice.c.event == "report").order_by(notice.c.id).limit(1)
        others = rows.where(notice.c.event.in_(_OUTSIDE)).order_by(notice.c.id.desc()).limit(LOOKED_AT)
        # Apart, and in full: however much strangers write on an issue, no note goes unseen because of that.
        found: dict[bool, list[str]] = {
            True: [box.open_json(row.sealed, "notice").get("text", "") for row in self._connection.execute(notes)],
            False: [],
        }
        left = STRANGERS
        for row in self._connection.execute(others):
            params = box.open_json(row.sealed, "notice")
            text = params.get("text", "")
            left -= len(text)
            if left < 0:
                break
            found[params.get("role") in (Role.EXPERT, "member")].append(text)
        found[False] += [
            box.open_json(row.sealed, "notice").get("text", "") for row in self._connection.execute(report)
        ]
        return IssueTexts(tuple(found[True]), tuple(found[False]))

    def park(self, number: int | None, member: str, content: Mapping[str, Any], now: datetime, *, second: bool) -> int:
        sealed = self._box(number).seal_json(content, "parked")
        row = {"issue_id": number, "member_id": member, "second": second, "at": now, "sealed": sealed}
        return row_id(self._connection.execute(insert(parked).values(**row)))

    def parked(self, parked_id: int) -> Parked | None:
        row = self._connection.execute(select(parked).where(parked.c.id == parked_id)).first()
        if row is None:
            return None
        content = self._box(row.issue_id).open_json(row.sealed, "parked")
        return Parked(row.id, row.member_id, row.issue_id, row.second, row.at, row.done_at is not None, content)

    def unpark(self, parked_id: int, now: datetime) -> bool:
        waiting = (parked.c.id == parked_id) & parked.c.done_at.is_(None)
        return self._connection.execute(update(parked).where(waiting).values(done_at=now)).rowcount == 1

    def may_refuse(self, member_id: str, now: datetime, period: timedelta, most: int) -> bool:
        recent = select(func.count()).where(
            refusal.c.member_id == member_id, refusal.c.at > now - period, refusal.c.at < now + period
        )
        if (self._connection.scalar(recent) or 0) >= most:
            return False
        self._connection.execute(insert(refusal).values(member_id=member_id, at=now))
        self._connection.execute(delete(refusal).where(refusal.c.at <= now - period))
        return True
