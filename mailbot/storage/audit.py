"""The audit log: who changed what, as a chain in which no row can be changed or dropped unnoticed.

The hash of a row covers the hash before it, the row's clear columns and its *sealed* bytes, so that the chain still
verifies after an issue's key was destroyed. It is keyed with a secret of the store: who can write the database but has
no private seal key (a taken-over listener) cannot make a chain that verifies. Rows cut off at the end leave a chain
that holds; only a count kept elsewhere tells.
"""

import hashlib
import hmac
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, select

from mailbot.storage.tables import audit
from mailbot.storage.unseal import Box

_START = b"\0" * 32
_LAST = select(audit.c.seq, audit.c.hash).order_by(audit.c.seq.desc()).limit(1)
_APPEND = insert(audit)


def append(
    connection: Connection,
    key: bytes,
    box: Box,
    issue_id: int | None,
    actor: str,
    action: str,
    at: datetime,
    old: Any,
    new: Any,
) -> None:
    """Add one row within the caller's write transaction, which by its lock is the only one that appends."""
    last = connection.execute(_LAST).first()
    seq, previous = (last.seq + 1, last.hash) if last else (1, _START)
    sealed = box.seal_json({"old": old, "new": new}, "audit")
    row = {"seq": seq, "at": at, "issue_id": issue_id, "actor": actor, "action": action, "sealed": sealed}
    connection.execute(_APPEND, {**row, "hash": _link(key, previous, seq, at, issue_id, actor, action, sealed)})


def broken_at(connection: Connection, key: bytes) -> int | None:
    """The first row that does not fit its predecessor; None if the whole chain holds."""
    previous = _START
    expected = 1
    for row in connection.execute(select(audit).order_by(audit.c.seq)):
        link = _link(key, previous, row.seq, row.at, row.issue_id, row.actor, row.action, row.sealed)
        if row.seq != expected or row.hash != link:
            return expected
        previous, expected = row.hash, expected + 1
    return None


def _link(
    key: bytes, previous: bytes, seq: int, at: datetime, issue_id: int | None, actor: str, action: str, sealed: bytes
) -> bytes:
    clear = f"{seq}\0{at.isoformat()}\0{issue_id}\0{actor}\0{action}\0".encode()
    return hmac.digest(key, previous + clear + sealed, hashlib.sha256)
