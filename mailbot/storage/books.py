"""Do the books balance? Everything that was accepted is handled, waits or is held, and no row belongs to nothing.

Within one consistent view, also of a running bot. What it says are counts and row numbers, no content.
"""

from collections.abc import Iterator

from sqlalchemy import ColumnElement, Connection, Table, and_, func, not_, or_, select, text

from mailbot.domain.issue import Disposition
from mailbot.storage import audit as audit_log
from mailbot.storage.tables import blob, blob_chunk, inbox, inbox_hash, issue, metadata, notice, outbox
from mailbot.storage.unseal import SealBroken
from mailbot.storage.vault import Vault

INBOX_STATES = ("new", "done", "held", "quarantined")
OUTBOX_STATES = ("waiting", "sent", "failed", "bounced", "cancelled", "held")


def balance(connection: Connection) -> str:
    """The sums, in words."""
    came = _by_state(connection, inbox)
    out = _by_state(connection, outbox)
    handled = came.get("done", 0) + came.get("quarantined", 0)
    sums = ", ".join(f"{out[state]} {state}" for state in OUTBOX_STATES if out.get(state))
    waiting, held = came.get("new", 0), came.get("held", 0)
    return (
        f"{sum(came.values())} accepted = {handled} handled + {waiting} waiting + {held} held; "
        f"{sum(out.values())} outgoing{f' = {sums}' if sums else ''}"
    )


def wrong(connection: Connection, vault: Vault) -> Iterator[str]:
    """Everything that is not as it must be, in words."""
    if (said := connection.execute(text("PRAGMA integrity_check")).scalar()) != "ok":
        yield f"the database file is damaged: {said}"
    if connection.execute(text("PRAGMA foreign_key_check")).first() is not None:
        yield "rows point to rows that are not there"
    if (broken := audit_log.broken_at(connection, vault.audit_key)) is not None:
        yield f"the log of changes is broken at row {broken}"
    yield from _numbers(connection)
    yield from _states(connection)
    yield from _orphans(connection)
    yield from _keys(connection, vault)


def _by_state(connection: Connection, table: Table) -> dict[str, int]:
    rows = connection.execute(select(table.c.state, func.count()).group_by(table.c.state)).all()
    return {state: count for state, count in rows}


def _numbers(connection: Connection) -> Iterator[str]:
    """SQLite counts every row it ever gave a number to: that is what was accepted, whatever is there now."""
    for table, what in ((inbox, "accepted mails"), (outbox, "outgoing mails")):
        ever = connection.execute(
            text("SELECT seq FROM sqlite_sequence WHERE name = :name"), {"name": table.name}
        ).scalar()  # fmt: skip
        there = connection.scalar(select(func.count()).select_from(table)) or 0
        if (ever or 0) != there:
            yield f"{ever or 0} {what} were stored, and {there} are there"


def _states(connection: Connection) -> Iterator[str]:
    opens = inbox.c.disposition.in_([Disposition.REPORT, Disposition.FOLLOW_UP, Disposition.UNREADABLE])
    finished = inbox.c.state.in_(["done", "quarantined"])
    told = select(notice.c.issue_id).where(notice.c.issue_id.is_not(None))
    checks: tuple[tuple[str, ColumnElement[bool]], ...] = (
        ("accepted mails in an unknown state", inbox.c.state.not_in(INBOX_STATES)),
        ("outgoing mails in an unknown state", outbox.c.state.not_in(OUTBOX_STATES)),
        ("handled mails without a disposition", and_(finished, inbox.c.disposition.is_(None))),
        ("handled mails without a time", and_(finished, inbox.c.finished_at.is_(None))),
        ("mails that wait have a disposition", and_(not_(finished), inbox.c.disposition.is_not(None))),
        ("reports and follow-ups without an issue", and_(finished, opens, inbox.c.issue_id.is_(None))),
        ("issues of which no member was told", issue.c.id.not_in(told)),
        ("outgoing mails of notices that are not done", outbox.c.notice_id.in_(_unfinished())),
    )
    for what, condition in checks:
        if count := connection.scalar(select(func.count()).where(condition)):
            yield f"{count} {what}"


def _unfinished() -> "ColumnElement[int]":
    return select(notice.c.id).where(notice.c.state != "done").scalar_subquery()


def _orphans(connection: Connection) -> Iterator[str]:
    references = [column for table in metadata.tables.values() for column in table.c if column.references(blob.c.id)]
    used = or_(
        *(
            blob.c.id.in_(select(column).where(column.is_not(None)))
            for column in references
            if column.table is not blob_chunk
        )
    )
    finished = select(inbox.c.id).where(inbox.c.state != "new")
    checks: tuple[tuple[str, ColumnElement[bool]], ...] = (
        ("stored bodies belong to nothing", not_(used)),
        ("stored bodies are empty", blob.c.id.not_in(select(blob_chunk.c.blob_id))),
        ("mails are held up by mails that are finished", inbox_hash.c.inbox_id.in_(finished)),
    )
    for what, condition in checks:
        if count := connection.scalar(select(func.count()).where(condition)):
            yield f"{count} {what}"


def _keys(connection: Connection, vault: Vault) -> Iterator[str]:
    """Whether every key opens with the seal key, and every body's with its issue's: then what it closes can be read."""
    lost = 0
    for row in connection.execute(select(issue.c.id, issue.c.wrapped_key).where(issue.c.wrapped_key.is_not(None))):
        try:
            vault.box(row.id, row.wrapped_key)
        except SealBroken:
            lost += 1
    if lost:
        yield f"{lost} issues cannot be opened with this seal key"
    purged = select(issue.c.id).where(issue.c.wrapped_key.is_(None))
    ids = connection.scalars(select(blob.c.id).where(or_(blob.c.issue_id.is_(None), blob.c.issue_id.not_in(purged))))
    closed = sum(not vault.opens(connection, blob_id) for blob_id in ids.all())
    if closed:
        yield f"{closed} stored bodies cannot be opened"
