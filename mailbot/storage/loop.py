"""A mail of the bot to itself, and how far it has come: what `mailbot check --send` asks.

One at a time. The mail is a notice like any other; its keyed Message-ID says that it is ours, and a row of `setting`
remembers which one is awaited.
"""

from collections.abc import Callable
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select, update

from mailbot.storage import said
from mailbot.storage.database import Database
from mailbot.storage.tables import inbox, notice, outbox, setting
from mailbot.storage.unit_of_work import UnitOfWork
from mailbot.storage.vault import Vault


class Hop(StrEnum):
    """Where the mail is."""

    WORKER = "it is not written"
    DELIVERY = "it is not sent"
    REFUSED = "the smarthost refused it"
    OUTSIDE = "the smarthost took it, and it did not come back"
    INBOX = "it may be among the accepted mails that are not handled"
    BACK = "it came back"


def start(database: Database, vault: Vault, now: datetime, message_id: Callable[[int], str]) -> int:
    """Queue the mail and await it, and no other. Returns the number of its notice; `message_id` makes of that the
    Message-ID that the mail will have."""
    with database.write() as connection:
        UnitOfWork(connection, vault).notify("loop", None, {}, now)
        number: int = connection.execute(select(func.max(notice.c.id)).where(notice.c.event == "loop")).scalar_one()
        _forget(connection)
        awaited = said.hashed(vault, message_id(number))
        connection.execute(insert(setting).values(name=said.AWAITED, value=awaited))
    return number


def hop(database: Database, vault: Vault, number: int) -> tuple[Hop, str]:
    """Where the mail of notice `number` is, and the smarthost's answer if there is one."""
    with database.read() as connection:
        value = connection.scalar(select(setting.c.value).where(setting.c.name == said.AWAITED))
        if value is not None and value.endswith(said.BACK):
            return Hop.BACK, ""
        row = connection.execute(select(outbox).where(outbox.c.notice_id == number)).first()
        if row is None:
            return Hop.WORKER, ""
        error: dict[str, Any] = vault.store.open_json(row.sealed_error, "error") if row.sealed_error else {}
        if row.state == "waiting":
            return Hop.DELIVERY, error.get("text", "")
        if row.state != "sent":
            return Hop.REFUSED, error.get("text", "")
        waiting = connection.scalar(select(func.count()).where(inbox.c.state == "new")) or 0
        return (Hop.INBOX, "") if waiting else (Hop.OUTSIDE, "")


def end(database: Database, number: int, now: datetime) -> None:
    """Await nothing any more; a mail that has not gone out never will."""
    with database.write() as connection:
        _forget(connection)
        connection.execute(
            update(notice)
            .where(notice.c.id == number, notice.c.state == "new", notice.c.claim_owner.is_(None))
            .values(state="done", finished_at=now)
        )
        connection.execute(
            update(outbox)
            .where(outbox.c.notice_id == number, outbox.c.state.in_(["waiting", "failed"]))
            .where(outbox.c.claim_owner.is_(None))
            .values(state="cancelled", finished_at=now)
        )


def _forget(connection: Connection) -> None:
    connection.execute(delete(setting).where(setting.c.name == said.AWAITED))
