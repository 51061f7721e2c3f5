"""The bot's side: whether its tables, and what came out at the smarthost, are what the ledger says they must be."""

import re
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

from sqlalchemy import Connection, Row, func, or_, select, text

from mailbot.app import open_database, open_vault
from mailbot.domain.clocks import FIRST_RESPONSE
from mailbot.storage import audit as audit_log
from mailbot.storage.database import Database
from mailbot.storage.tables import audit, blob, blob_chunk, clock, inbox, inbox_hash, issue, message, notice, outbox
from mailbot.storage.vault import Vault
from tests.bot import PATIENCE, Bot
from tests.faults.ledger import Entry, Ledger

_MESSAGE_ID = re.compile(rb"(?im)^message-id:\s*(<[^>]*>)")


class Books:
    """Everything in a bot's tables, read once nothing moves any more."""

    def __init__(self, bot: Bot, ledger: Ledger) -> None:
        self._bot = bot
        self._ledger = ledger
        self._settings = bot.installation.settings
        self._members = [member.email for member in self._settings.member]

    def unsettled(self) -> str:
        """What is still to be done, in words; "" if nothing is."""
        with closing(open_database(self._settings)) as database, database.read() as connection:
            return _unsettled(connection)

    def complaints(self) -> list[str]:
        """Everything that is not as it must be, in words."""
        with closing(open_database(self._settings)) as database:
            return list(self._complaints(database))

    @property
    def firings(self) -> int:
        """How many planned acts of clocks are over."""
        with closing(open_database(self._settings)) as database, database.read() as connection:
            return connection.scalar(select(func.coalesce(func.sum(clock.c.fired), 0))) or 0

    @property
    def repeats(self) -> int:
        """How many deliveries were repeats of an earlier one."""
        return len(self._bot.smarthost.mails) - len({mail.sender for mail in self._bot.smarthost.mails})

    def _complaints(self, database: Database) -> Iterator[str]:
        vault = open_vault(self._settings, database)
        with database.read() as connection:
            if waiting := _unsettled(connection):
                yield f"not settled: {waiting}"
            yield from _database_wrong(connection, vault.audit_key)
            rows = self._inbox(connection, vault)
            yield from self._mails_wrong(connection, rows)
            yield from self._acknowledgements_wrong(connection, vault, rows)
            yield from _issues_wrong(connection)
            yield from self._outgoing_wrong(connection, vault)
            yield from _clocks_wrong(connection)

    def _inbox(self, connection: Connection, vault: Vault) -> dict[str, list[Row[Any]]]:
        """The inbox by Message-ID."""
        found = defaultdict(list)
        for row in connection.execute(select(inbox).order_by(inbox.c.id)):
            raw = vault.read_blob(connection, row.blob_id)[1]
            match = _MESSAGE_ID.search(raw)
            message_id = match[1].decode() if match else ""
            entry = self._ledger.entries.get(message_id)
            found[message_id if entry is None or entry.raw == raw else f"other bytes as {message_id}"].append(row)
        return found

    def _mails_wrong(self, connection: Connection, rows: dict[str, list[Row[Any]]]) -> Iterator[str]:
        handled: dict[str, Row[Any]] = {}
        for message_id in rows.keys() - self._ledger.entries.keys():
            yield f"{message_id} was never handed in"
        for message_id, entry in self._ledger.entries.items():
            found = rows.get(message_id, [])
            if not entry.accepted <= len(found) <= entry.attempts:
                yield f"{message_id}: {entry.accepted} times 250, {len(found)} times stored, {entry.attempts} attempts"
            first = [row for row in found if row.disposition != "duplicate"]
            if len(first) != (1 if found else 0):
                yield f"{message_id} was handled {len(first)} times"
            if any(row.state != "done" for row in found if row.disposition == "duplicate"):
                yield f"{message_id}: a repeat is not done"
            if first:
                handled[message_id] = first[0]
                if (first[0].state, first[0].disposition) != (entry.state, entry.disposition):
                    yield f"{message_id} became {first[0].state}, {first[0].disposition}, not {entry.disposition}"
        for message_id, row in handled.items():
            yield from self._relay_wrong(connection, self._ledger.entries[message_id], row)
            root = handled.get(self._ledger.entries[message_id].root)
            if root is not None and root.issue_id != row.issue_id:
                yield f"{message_id} went to issue {row.issue_id} instead of {root.issue_id}"
        opening = [row.issue_id for name, row in handled.items() if self._ledger.entries[name].opens]
        issues = connection.scalar(select(func.count()).select_from(issue)) or 0
        if len(set(opening)) != len(opening) or issues != len(opening):
            yield f"{len(opening)} reports opened {issues} issues"

    def _relay_wrong(self, connection: Connection, entry: Entry, row: Row[Any]) -> Iterator[str]:
        events = connection.scalars(select(notice.c.event).where(notice.c.blob_id == row.blob_id)).all()
        if list(events) != [entry.relay] * bool(entry.relay):
            yield f"{entry.message_id} is relayed as {events} instead of {entry.relay}"
        recorded = connection.scalar(
            select(func.count()).select_from(message).where(message.c.inbox_id == row.id)
        )  # fmt: skip
        if recorded != (row.issue_id is not None and entry.disposition != "bounce"):
            yield f"{entry.message_id} is recorded {recorded} times in its issue"

    def _acknowledgements_wrong(
        self, connection: Connection, vault: Vault, inbox_rows: dict[str, list[Row[Any]]]
    ) -> Iterator[str]:
        # What was stored is answered, whether its sender heard the 250 or not.
        stored = [entry for message_id, entry in self._ledger.entries.items() if message_id in inbox_rows]
        owed = {entry.sender for entry in stored if entry.acknowledged}
        rows = connection.execute(select(outbox).where(outbox.c.kind.startswith("acknowledgement"))).all()
        got = Counter(_opened(connection, vault, row)["recipient"] for row in rows)
        for address in owed | got.keys():
            if got[address] != (address in owed):
                yield f"{address} got {got[address]} acknowledgements"

    def _outgoing_wrong(self, connection: Connection, vault: Vault) -> Iterator[str]:
        deliveries = defaultdict(list)
        for mail in self._bot.smarthost.mails:
            deliveries[mail.sender].append(mail)
        recipients: dict[int, list[str]] = defaultdict(list)
        for row in connection.execute(select(outbox)):
            content = _opened(connection, vault, row)
            recipients[row.notice_id].append(content["recipient"])
            came = deliveries.pop(content["sender"], [])
            if row.state != "sent":
                yield f"outgoing mail {row.id} is {row.state}"
            if not any(mail.answered for mail in came):
                yield f"outgoing mail {row.id} was never taken by the smarthost"
            if len({mail.content for mail in came}) > 1:
                yield f"outgoing mail {row.id} was repeated with other bytes"
            if any(mail.recipient != content["recipient"] for mail in came):
                yield f"outgoing mail {row.id} went to somebody else"
        for sender in deliveries:
            yield f"the smarthost got a mail from {sender} that is not in the outbox"
        for row in connection.execute(select(notice)):
            owed = self._members[1:] if row.event == "note" else self._members  # alice writes the notes
            if row.blob_id is not None and sorted(recipients[row.id]) != sorted(owed):
                yield f"notice {row.id} ({row.event}) went to {recipients[row.id]}"
            told = select(func.count()).select_from(message).where(message.c.notice_id == row.id)
            if connection.scalar(told) != (row.issue_id is not None and bool(recipients[row.id])):
                yield f"notice {row.id} ({row.event}) is recorded {connection.scalar(told)} times in its issue"
            if len(set(recipients[row.id])) != len(recipients[row.id]):
                yield f"notice {row.id} ({row.event}) went twice to one of {recipients[row.id]}"


def _opened(connection: Connection, vault: Vault, row: Row[Any]) -> Any:
    """Recipient, sender and header fields of an outgoing mail."""
    return vault.issue_box(connection, row.issue_id).open_json(row.sealed, "outbox")


def _unsettled(connection: Connection) -> str:
    found = {
        "mails to handle": inbox.c.state == "new",
        "notices to write": notice.c.state == "new",
        "mails to send": outbox.c.state == "waiting",
        "mails claimed": inbox.c.claim_owner.is_not(None),
        "notices claimed": notice.c.claim_owner.is_not(None),
        "outgoing mails claimed": outbox.c.claim_owner.is_not(None),
    }
    counts = {what: connection.scalar(select(func.count()).where(condition)) for what, condition in found.items()}
    return ", ".join(f"{count} {what}" for what, count in counts.items() if count)


def _issues_wrong(connection: Connection) -> Iterator[str]:
    for number in connection.scalars(select(issue.c.id)):
        events = Counter(connection.scalars(select(notice.c.event).where(notice.c.issue_id == number)))
        if events["report"] + events["unreadable"] != 1:
            yield f"issue {number} was announced {events['report'] + events['unreadable']} times"
        if events["acknowledgement"] + events["acknowledgement_unreadable"] > 1:
            yield f"issue {number} was acknowledged more than once"
        opened = select(func.count()).where(audit.c.issue_id == number, audit.c.action == "opened")
        if connection.scalar(opened) != 1:
            yield f"issue {number} was opened {connection.scalar(opened)} times, says the audit log"


def _database_wrong(connection: Connection, audit_key: bytes) -> Iterator[str]:
    if (broken := audit_log.broken_at(connection, audit_key)) is not None:
        yield f"the audit chain is broken at {broken}"
    if (said := connection.execute(text("PRAGMA integrity_check")).scalar()) != "ok":
        yield f"the database is damaged: {said}"
    if connection.execute(text("PRAGMA foreign_key_check")).all():
        yield "rows point to rows that are not there"
    if left := connection.scalar(select(func.count()).select_from(inbox_hash)):
        yield f"{left} hashes of finished mails hold up others"
    pieces = select(notice.c.pieces_id).where(notice.c.pieces_id.is_not(None))
    used = or_(*(blob.c.id.in_(ids) for ids in (select(inbox.c.blob_id), select(outbox.c.blob_id), pieces)))
    if orphans := connection.scalar(select(func.count()).select_from(blob).where(~used)):
        yield f"{orphans} blobs belong to nothing"
    if connection.scalar(select(func.count()).where(blob_chunk.c.blob_id.not_in(select(blob.c.id)))):
        yield "chunks belong to no blob"


def _clocks_wrong(connection: Connection) -> Iterator[str]:
    """One promise of an answer per issue; every firing of it is in the audit log once, and told once."""
    for number in connection.scalars(select(issue.c.id)):
        promises = select(func.count()).where(clock.c.issue_id == number, clock.c.name == FIRST_RESPONSE)
        if connection.scalar(promises) != 1:
            yield f"issue {number} has {connection.scalar(promises)} promises of an answer"
        told = Counter(connection.scalars(select(notice.c.event).where(notice.c.issue_id == number)))
        fired = select(func.count()).where(audit.c.issue_id == number, audit.c.action == f"clock {FIRST_RESPONSE}")
        # A reminder that the escalation overtook is not told.
        if told["reminder"] + told["escalated"] != connection.scalar(fired):
            yield f"issue {number}: {connection.scalar(fired)} firings, told {dict(told)}"
        if max(told["reminder"], told["escalated"], told["escalation"], told["escalation_reporter"]) > 1:
            yield f"issue {number}: a firing was told twice: {dict(told)}"


def settle(bot: Bot, books: Books, nudge: Callable[[], object] = lambda: None) -> None:
    """Wait until the bot has nothing to do any more, as long as it gets on; `nudge` is called meanwhile."""
    seen, since = "", time.monotonic()
    while waiting := books.unsettled():
        if waiting != seen:
            seen, since = waiting, time.monotonic()
        assert time.monotonic() < since + PATIENCE, f"stuck: {waiting}\n{bot.log_path.read_text()[-5000:]}"
        nudge()
        time.sleep(0.1)  # what happens in other processes cannot be awaited
