"""One decision, recorded in one short write transaction."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, and_, bindparam, func, insert, or_, select, update
from sqlalchemy.dialects.sqlite import insert as insert_or

from mailbot import maillog
from mailbot.domain.issue import Disposition, Outcome, Role, Status
from mailbot.service.store import ClaimedMail, ClaimedNotice, HeldMail, IssueView, NewIssue, ReporterKey
from mailbot.service.undelivered import TO_THE_GROUP, Undelivered, tell
from mailbot.storage import audit, claims, holding, inbox, said, views
from mailbot.storage.command_records import CommandRecords
from mailbot.storage.duties import DutyRecords
from mailbot.storage.leases import Owner
from mailbot.storage.tables import acknowledged, issue, message, notice, outbox, participant, thread_ref
from mailbot.storage.tables import inbox as inbox_table
from mailbot.storage.unseal import Box
from mailbot.storage.vault import Vault, row_id

_REDELIVERED = select(inbox_table.c.id).where(inbox_table.c.digest == bindparam("digest")).limit(1)
_REFERENCES = select(thread_ref).where(
    thread_ref.c.mid_hash.in_(bindparam("mids", expanding=True)),
    or_(thread_ref.c.written, thread_ref.c.party_hash == bindparam("party")),
)
_ADD_REFERENCES = insert_or(thread_ref).on_conflict_do_nothing()
_ADD_ISSUE = insert(issue)
_ADD_PARTICIPANT = insert(participant)
_ADD_MESSAGE = insert(message)
_ADD_NOTICE = insert(notice)
_ADD_ACKNOWLEDGED = insert(acknowledged)
# Not simply "later than": what was sent while the clock was a year ahead must not silence us for a year.
_ACKNOWLEDGED = select(
    select(func.count())
    .where(acknowledged.c.at > bindparam("since"), acknowledged.c.at < bindparam("until"))
    .where(acknowledged.c.sender_hash == bindparam("sender"))
    .scalar_subquery()
    .label("to_sender"),
    select(func.count())
    .where(acknowledged.c.at > bindparam("hour_ago"), acknowledged.c.at < bindparam("in_an_hour"))
    .scalar_subquery()
    .label("to_all"),
)

_TOO_LARGE = ("5.3.4", "5.2.3")
"""For the mail system, and for the mailbox (RFC 3463 3.4 and 3.3)."""
_SENT = 500
"""Mails of one issue among which one that came back is looked for: a bounce comes within days."""


class UnitOfWork(CommandRecords, DutyRecords):
    """`service.store.Unit`. Lives as long as its transaction; `mail` is the claimed mail, if it is about one."""

    def __init__(
        self, connection: Connection, vault: Vault, mail: ClaimedMail | None = None, owner: Owner | None = None
    ) -> None:
        """`owner` claims the notices that the unit queues."""
        self._connection = connection
        self._vault = vault
        self._mail = mail
        self._owner = owner
        self._caused: list[ClaimedNotice] = []
        self._boxes: dict[int | None, Box] = {None: vault.store}

    # Looking

    def redelivered(self, digest: bytes) -> bool:
        return self._connection.execute(_REDELIVERED, {"digest": digest}).first() is not None

    def find_reference(self, message_ids: Sequence[str], sender: str) -> int | None:
        if not message_ids:
            return None
        party = self._vault.address_hash(sender)
        distance = {self._vault.hash("message-id", one): number for number, one in enumerate(message_ids)}
        rows = self._connection.execute(_REFERENCES, {"mids": list(distance), "party": party}).all()
        nearest = min(
            rows, key=lambda row: (row.party_hash != party, distance[row.mid_hash], row.issue_id), default=None
        )
        return None if nearest is None else int(nearest.issue_id)

    def named_by(self, message_ids: Sequence[str]) -> set[int]:
        if not message_ids:
            return set()
        hashes = [self._vault.hash("message-id", one) for one in message_ids]
        return set(self._connection.scalars(select(thread_ref.c.issue_id).where(thread_ref.c.mid_hash.in_(hashes))))

    def issue(self, number: int) -> IssueView | None:
        return views.issue_view(self._connection, self._vault, number)

    def role(self, number: int, address: str) -> Role | None:
        found = self._connection.scalar(
            select(participant.c.role).where(
                participant.c.issue_id == number, participant.c.address_hash == self._vault.address_hash(address)
            )
        )
        return Role(found) if found else None

    def silent_members(self, number: int, members: Iterable[str]) -> list[str]:
        spoken = set(
            self._connection.scalars(
                select(message.c.member_id).where(message.c.issue_id == number, message.c.member_id.is_not(None))
            )
        )
        return [member for member in members if member not in spoken]

    # Recording

    def open_issue(self, new: NewIssue) -> int:
        box, wrapped = self._vault.new_issue_key()
        content = {
            "title": new.title, "reporter": new.reporter, "reporter_name": new.reporter_name,
            "answerable": new.answerable, "answering": new.answering, "relayed_as": new.relayed_as,
        }  # fmt: skip
        result = self._connection.execute(
            _ADD_ISSUE,
            {
                "wrapped_key": wrapped, "status": Status.OPEN, "encrypted": new.encrypted, "drill": new.drill,
                "opened_at": new.opened_at, "sealed": box.seal_json(content, "issue"),
            },
        )  # fmt: skip
        number = row_id(result)
        self._boxes[number] = box
        maillog.step("opened-issue")
        return number

    def close_issue(self, number: int, outcome: Outcome, now: datetime) -> None:
        self._connection.execute(
            update(issue).where(issue.c.id == number).values(status=Status.CLOSED, outcome=outcome, closed_at=now)
        )

    def change_issue(self, number: int, changes: Mapping[str, Any]) -> None:
        mine = issue.c.id == number
        columns = {name: value for name, value in changes.items() if name in issue.c}
        if sealed := {name: value for name, value in changes.items() if name not in issue.c}:
            box = self._box(number)
            content = box.open_json(self._connection.execute(select(issue.c.sealed).where(mine)).scalar_one(), "issue")
            columns["sealed"] = box.seal_json({**content, **sealed}, "issue")
        self._connection.execute(update(issue).where(mine).values(**columns))

    def add_participant(self, number: int, role: Role, address: str, name: str) -> None:
        sealed = self._box(number).seal_json({"address": address, "name": name}, "participant")
        row = {"issue_id": number, "address_hash": self._vault.address_hash(address), "role": role, "sealed": sealed}
        self._connection.execute(_ADD_PARTICIPANT, row)

    def set_key(self, number: int, address: str, key: ReporterKey) -> None:
        box = self._box(number)
        mine = (participant.c.issue_id == number) & (participant.c.address_hash == self._vault.address_hash(address))
        content = box.open_json(
            self._connection.execute(select(participant.c.sealed).where(mine)).scalar_one(), "participant"
        )
        content["key"] = [key.fingerprint, key.armor]
        sealed = box.seal_json(content, "participant")
        self._connection.execute(update(participant).where(mine).values(sealed=sealed))

    def add_message(
        self, number: int, kind: str, at: datetime, author: str, message_id: str, *,
        encrypted: bool, signed_by: str = "", member_id: str | None = None, participant: bool = True,
    ) -> None:  # fmt: skip
        sealed = self._box(number).seal_json(
            {"from": author, "message_id": message_id, "signed_by": signed_by}, "message"
        )
        self._connection.execute(
            _ADD_MESSAGE,
            {
                "issue_id": number, "direction": "in", "kind": kind, "at": at, "encrypted": encrypted,
                "member_id": member_id, "inbox_id": self._mail.id if self._mail else None, "sealed": sealed,
            },
        )  # fmt: skip
        if message_id and author:
            add_references(self._connection, self._vault, number, [(message_id, author)], written=participant)

    def may_acknowledge(
        self, sender: str, now: datetime, per_sender: timedelta, per_hour: int, *, kind: str = "acknowledgement"
    ) -> bool:
        party = self._vault.hash(kind, sender.lower())
        hour = timedelta(hours=1)
        found = self._connection.execute(
            _ACKNOWLEDGED,
            {
                "sender": party, "since": now - per_sender, "until": now + per_sender,
                "hour_ago": now - hour, "in_an_hour": now + hour,
            },
        ).one()  # fmt: skip
        if found.to_sender or found.to_all >= per_hour:
            return False
        self._connection.execute(_ADD_ACKNOWLEDGED, {"sender_hash": party, "at": now})
        return True

    def bounced(self, notice_id: int, seq: int, code: str, now: datetime) -> int | None:
        row = self._connection.execute(
            select(outbox).where(outbox.c.notice_id == notice_id, outbox.c.seq == seq)
        ).first()
        if row is None:
            return None
        error = {"text": "a mail system reported that it could not be delivered", "code": code}
        result = self._connection.execute(
            update(outbox)
            .where(outbox.c.id == row.id, outbox.c.state == "sent")
            .values(state="bounced", finished_at=now, sealed_error=self._box(row.issue_id).seal_json(error, "error"))
        )
        if result.rowcount == 1 and not (code in _TOO_LARGE and self.write_anew(row, now)):
            self.undelivered(row, code, now)
        return int(row.issue_id) if row.issue_id is not None else None

    def about(self, notice_id: int, seq: int) -> int | None:
        return self._connection.scalar(
            select(outbox.c.issue_id).where(outbox.c.notice_id == notice_id, outbox.c.seq == seq)
        )

    def sent(self, number: int) -> list[tuple[int, int, str]]:
        rows = self._connection.execute(
            select(outbox.c.notice_id, outbox.c.seq, outbox.c.sealed)
            .where(outbox.c.issue_id == number, outbox.c.state == "sent")
            .order_by(outbox.c.id.desc())
            .limit(_SENT)
        ).all()
        box = self._box(number)
        return [(row.notice_id, row.seq, box.open_json(row.sealed, "outbox")["recipient"]) for row in rows]

    def undelivered(self, row: Row[Any], code: str, now: datetime) -> None:
        """An outbox row failed for good: tell who should know."""
        content = self._box(row.issue_id).open_json(row.sealed, "outbox")
        same = and_(outbox.c.member_id.is_not_distinct_from(row.member_id), outbox.c.kind.in_(TO_THE_GROUP))
        if row.member_id is not None:
            same = outbox.c.member_id == row.member_id
        failed = self._connection.scalars(
            select(outbox.c.finished_at).where(same, outbox.c.state.in_(["failed", "bounced"]))
        )
        mail = Undelivered(row.kind, row.member_id, row.issue_id, content["recipient"], code, tuple(sorted(failed)))
        tell(self, mail, now)

    def write_anew(self, row: Row[Any], now: datetime) -> bool:
        """An outbox row is too large to be sent: have its notice written again for its recipient, without the original
        mail. False if that is no way out."""
        told = self._connection.execute(select(notice).where(notice.c.id == row.notice_id)).one()
        if told.blob_id is None:
            return False
        box = self._box(row.issue_id)
        params = box.open_json(told.sealed, "notice")
        if "left_out" in params:
            return False
        recipient = box.open_json(row.sealed, "outbox")["recipient"]
        original = self._connection.scalar(select(inbox_table.c.id).where(inbox_table.c.blob_id == told.blob_id))
        # `inbox`: by which number an operator finds the original.
        params["left_out"] = {"recipient": recipient, "inbox": original}
        again = {
            "event": told.event, "issue_id": told.issue_id, "created_at": now, "blob_id": told.blob_id,
            "pieces_id": None, "sealed": box.seal_json(params, "notice"),
        }  # fmt: skip
        self._connection.execute(_ADD_NOTICE, again)
        # Not one that failed: its recipient is told all the same, and nobody else need hear of it.
        self._connection.execute(update(outbox).where(outbox.c.id == row.id).values(state="cancelled"))
        return True

    def notify(
        self, event: str, number: int | None, params: Mapping[str, Any], now: datetime, *,
        original: bool = False, pieces: bytes = b"",
    ) -> None:  # fmt: skip
        box = self._box(number)
        sealed = box.seal_json(params, "notice")
        blob_id = self._mail.blob_id if original and self._mail else None
        pieces_id = self._vault.write_blob(self._connection, number, box, [pieces]) if pieces else None
        row = {
            "event": event, "issue_id": number, "created_at": now, "sealed": sealed, "blob_id": blob_id,
            "pieces_id": pieces_id,
        }  # fmt: skip
        if self._owner is None:
            self._connection.execute(_ADD_NOTICE, row)
            return
        made = self._connection.execute(_ADD_NOTICE, {**row, **claims.claimed(self._owner)})
        # As it would be read back.
        self._caused.append(
            ClaimedNotice(
                id=row_id(made), token=1, event=event, issue=number, created_at=now,
                params=box.open_json(sealed, "notice"),
                blob_id=blob_id, pieces_id=pieces_id, failures=0,
            )
        )  # fmt: skip

    @property
    def caused(self) -> Sequence[ClaimedNotice]:
        return self._caused

    def audit(
        self, number: int | None, actor: str, action: str, now: datetime, old: Any = None, new: Any = None
    ) -> None:
        audit.append(self._connection, self._vault.audit_key, self._box(number), number, actor, action, now, old, new)

    def finish(
        self, disposition: Disposition, number: int | None, now: datetime, *, digest: bytes | None = None,
        quarantine: str = "",
    ) -> None:  # fmt: skip
        if self._mail is None:
            raise ValueError("this unit is not about a mail")
        claims.give_back(
            self._connection, inbox_table, self._mail.id, self._mail.token,
            state="quarantined" if quarantine else "done", cause=quarantine or None, disposition=disposition,
            issue_id=number, digest=digest, finished_at=now,
        )  # fmt: skip
        inbox.forget_hashes(self._connection, self._mail.id)
        if number is not None:
            self._vault.move_blob(self._connection, self._mail.blob_id, number, self._box(number))

    # Held mail

    def reports_of_sender(self, since: datetime, until: datetime) -> int:
        return holding.reports_of_sender(self._connection, self._claimed(), since, until)

    def hold(self, cause: str, shown: Mapping[str, str], *, digest: bytes) -> None:
        holding.hold(self._connection, self._vault, self._claimed(), cause, shown, digest)

    def count_held(self) -> int:
        return holding.count(self._connection)

    def held(self, limit: int | None = None) -> list[HeldMail]:
        return holding.held(self._connection, self._vault, limit)

    def held_mail(self, number: int) -> HeldMail | None:
        return holding.held_mail(self._connection, self._vault, number)

    def let_through(self, number: int, actor: str) -> None:
        holding.let_through(self._connection, number, actor)

    def drop_held(self, number: int, now: datetime) -> None:
        holding.drop(self._connection, number, now)

    def came_back(self, message_id: str) -> None:
        said.came_back(self._connection, self._vault, message_id)

    def first_on(self, day: date, what: str) -> bool:
        return said.first_on(self._connection, day, what)

    def _claimed(self) -> ClaimedMail:
        if self._mail is None:
            raise ValueError("this unit is not about a mail")
        return self._mail

    def _box(self, number: int | None) -> Box:
        if number not in self._boxes:
            self._boxes[number] = self._vault.issue_box(self._connection, number)
        return self._boxes[number]


def add_references(
    connection: Connection, vault: Vault, number: int, found: Iterable[tuple[str, str]], *, written: bool
) -> None:
    """Remember who wrote or received Message-IDs in an issue, so that answers thread.

    `found` holds pairs of Message-ID and address.
    """
    rows = [
        {
            "mid_hash": vault.hash("message-id", message_id), "party_hash": vault.address_hash(party),
            "issue_id": number, "written": written,
        }
        for message_id, party in found
    ]  # fmt: skip
    connection.execute(_ADD_REFERENCES, rows)
