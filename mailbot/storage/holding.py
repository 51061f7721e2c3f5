"""The inbox rows that are held: set aside, listed, let through, discarded.

A held row keeps its digest, so that the same mail again is known; it keeps nothing that others wait for. Its state is
``held`` until somebody decides: ``new`` again if it is let through, ``done`` with the disposition ``discarded`` if not.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, and_, bindparam, func, or_, select, update

from mailbot.domain.issue import Disposition
from mailbot.service.store import ClaimedMail, HeldMail
from mailbot.storage import claims
from mailbot.storage.inbox import forget_hashes
from mailbot.storage.tables import inbox
from mailbot.storage.unseal import SealBroken
from mailbot.storage.vault import Vault

_CONTEXT = "held"
_HELD = inbox.c.state == "held"
_DISCARDED = and_(inbox.c.state == "done", inbox.c.disposition == Disposition.DISCARDED)
_SHOWN = select(inbox.c.id, inbox.c.received_at, inbox.c.size, inbox.c.cause, inbox.c.state, inbox.c.sealed).order_by(
    inbox.c.id
)
_OF_SENDER = select(func.count()).where(
    inbox.c.sender_hash
    == select(inbox.c.sender_hash).where(inbox.c.id == bindparam("row_id")).scalar_subquery().correlate(None),
    inbox.c.state.in_(["done", "quarantined"]),
    inbox.c.received_at > bindparam("since"),
    inbox.c.received_at <= bindparam("until"),
    inbox.c.disposition.in_([Disposition.REPORT, Disposition.UNREADABLE]),
)


def reports_of_sender(connection: Connection, mail: ClaimedMail, since: datetime, until: datetime) -> int:
    """How many mails of this one's sender, received in between, opened issues."""
    return connection.scalar(_OF_SENDER, {"row_id": mail.id, "since": since, "until": until}) or 0


def hold(
    connection: Connection, vault: Vault, mail: ClaimedMail, cause: str, shown: Mapping[str, str], digest: bytes
) -> None:
    claims.give_back(
        connection, inbox, mail.id, mail.token, state="held", cause=cause, digest=digest,
        sealed=vault.store.seal_json(dict(shown), _CONTEXT),
    )  # fmt: skip
    forget_hashes(connection, mail.id)


def count(connection: Connection) -> int:
    return connection.scalar(select(func.count()).where(_HELD)) or 0


def held(connection: Connection, vault: Vault, limit: int | None) -> list[HeldMail]:
    """What waits for a word, the oldest first."""
    return [_shown(vault, row) for row in connection.execute(_SHOWN.where(_HELD).limit(limit))]


def held_mail(connection: Connection, vault: Vault, number: int) -> HeldMail | None:
    row = connection.execute(_SHOWN.where(inbox.c.id == number, or_(_HELD, _DISCARDED))).first()
    return _shown(vault, row) if row is not None else None


def let_through(connection: Connection, number: int, actor: str) -> None:
    connection.execute(
        update(inbox)
        .where(inbox.c.id == number, or_(_HELD, _DISCARDED))
        # Without a turn the first pass ties it to its sender and thread again; without a digest it is no redelivery.
        .values(
            state="new", released_by=actor, disposition=None, cause=None, digest=None, sealed=None, turn=None,
            finished_at=None, not_before=None, failures=0,
        )
    )  # fmt: skip


def drop(connection: Connection, number: int, now: datetime) -> None:
    connection.execute(
        update(inbox)
        .where(inbox.c.id == number, _HELD)
        .values(state="done", disposition=Disposition.DISCARDED, finished_at=now)
    )


def _shown(vault: Vault, row: Any) -> HeldMail:
    try:
        said = vault.store.open_json(row.sealed, _CONTEXT)
    except SealBroken:
        said = {}  # the list must stay readable; the mail itself does not open either
    return HeldMail(
        number=row.id, received_at=row.received_at, size=row.size, cause=row.cause or "",
        author=said.get("author", ""), author_name=said.get("author_name", ""), subject=said.get("subject", ""),
        discarded=row.state != "held",
    )  # fmt: skip
