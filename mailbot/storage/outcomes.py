"""How clocks ended: counted from their rows, and told anew from the log of changes, which must agree."""

from collections import Counter
from collections.abc import Mapping

from sqlalchemy import Connection, func, select

from mailbot.domain.clock_kinds import DIGEST
from mailbot.service.occasion import CLOCKS
from mailbot.storage.tables import audit, clock, issue
from mailbot.storage.unseal import Box, SealBroken
from mailbot.storage.vault import Vault

FIRED = "clock "
"""What the log calls a firing, before the clock's name."""


def stored(connection: Connection) -> Mapping[tuple[str, str], int]:
    """(name, state) -> how many rounds of clocks; drills, and the digest, which is no promise, are not counted."""
    counts = select(clock.c.name, clock.c.state, func.count()).outerjoin(issue, issue.c.id == clock.c.issue_id)
    counts = counts.where(issue.c.drill.is_not(True), clock.c.name != DIGEST).group_by(clock.c.name, clock.c.state)
    return {(name, state): count for name, state, count in connection.execute(counts)}


def differing(connection: Connection, vault: Vault) -> list[int]:
    """The clocks whose state is not the last that the log gives them. The digest is no promise, and of a purged issue
    nothing can be told: both are left out."""
    told, closed = _told(connection, vault)
    rows = connection.execute(select(clock.c.id, clock.c.issue_id, clock.c.state).where(clock.c.name != DIGEST))
    return [row.id for row in rows if row.issue_id not in closed and told.get(row.id) != row.state]


def from_log(connection: Connection, vault: Vault) -> Mapping[tuple[str, str], int]:
    """`stored`, counted from the log alone."""
    told, _ = _told(connection, vault)
    drills = set(connection.scalars(select(issue.c.id).where(issue.c.drill)))
    names = {row.id: row for row in connection.execute(select(clock.c.id, clock.c.name, clock.c.issue_id))}
    counted = [(names[one], state) for one, state in told.items()]
    return Counter((row.name, state) for row, state in counted if row.name != DIGEST and row.issue_id not in drills)


def _told(connection: Connection, vault: Vault) -> tuple[dict[int, str], set[int]]:
    """The last state of each clock in the log, and the issues of which nothing can be read any more."""
    told: dict[int, str] = {}
    closed: set[int] = set()
    query = select(audit).where((audit.c.action == CLOCKS) | audit.c.action.startswith(FIRED)).order_by(audit.c.seq)
    boxes: dict[int | None, Box] = {None: vault.store}
    for row in connection.execute(query):
        if row.issue_id in closed:
            continue
        try:
            if row.issue_id not in boxes:
                boxes[row.issue_id] = vault.issue_box(connection, row.issue_id)
        except SealBroken:
            closed.add(row.issue_id)
            continue
        new = boxes[row.issue_id].open_json(row.sealed, "audit")["new"]
        changed = [new] if row.action != CLOCKS else [one for rounds in new.values() for one in rounds]
        told.update({one["clock"]: one["state"] for one in changed})
    return told, closed
