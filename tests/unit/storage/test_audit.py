"""The log of changes: whatever is done to a row of it shows, and forgetting an issue's content breaks nothing."""

import threading
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import delete, insert, update

from mailbot.storage.audit import broken_at
from mailbot.storage.tables import audit, issue
from mailbot.storage.unit_of_work import UnitOfWork
from tests.unit.storage.storeroom import NOW, Storeroom

ROWS = 6


def note(room: Storeroom, number: int | None, action: str = "note", old: Any = None, new: Any = None) -> None:
    with room.database.write() as connection:
        UnitOfWork(connection, room.vault).audit(number, "alice", action, NOW, old=old, new=new)


def broken(room: Storeroom, key: bytes | None = None) -> int | None:
    with room.database.read() as connection:
        return broken_at(connection, key or room.vault.audit_key)


def change(room: Storeroom, seq: int, **values: Any) -> None:
    with room.database.write() as connection:
        connection.execute(update(audit).where(audit.c.seq == seq).values(**values))


@pytest.fixture
def log(room: Storeroom) -> Storeroom:
    """Six rows about two issues and about none."""
    numbers = [room.open_issue(), room.open_issue(), None]
    for row in range(ROWS):
        note(room, numbers[row % 3], f"action {row}", old={"owner": None}, new={"owner": "alice"})
    return room


def test_an_empty_log_and_a_written_one_hold(room: Storeroom) -> None:
    assert broken(room) is None
    note(room, room.open_issue())
    assert broken(room) is None


def test_rows_are_numbered_without_a_gap_and_sealed(log: Storeroom) -> None:
    rows = log.rows(audit)
    assert [row.seq for row in rows] == list(range(1, ROWS + 1))
    assert not [row for row in rows if b"owner" in row.sealed]
    assert broken(log) is None


@pytest.mark.parametrize("seq", range(1, ROWS + 1))
@pytest.mark.parametrize(
    "values",
    [
        {"actor": "bob"},
        {"action": "close"},
        {"at": NOW + timedelta(microseconds=1)},
        {"sealed": b"something else"},
        {"hash": b"\0" * 32},
        {"issue_id": 2},
        {"issue_id": None},
    ],
    ids=["actor", "action", "time", "content", "hash", "issue", "no issue"],
)
def test_any_change_of_any_row_is_found_where_it_is(log: Storeroom, seq: int, values: dict[str, Any]) -> None:
    before = log.rows(audit)
    change(log, seq, **values)
    assert broken(log) == (None if log.rows(audit) == before else seq)


@pytest.mark.parametrize("seq", range(1, ROWS))
def test_a_row_that_is_missing_is_found(log: Storeroom, seq: int) -> None:
    with log.database.write() as connection:
        connection.execute(delete(audit).where(audit.c.seq == seq))
    assert broken(log) == seq


def test_rows_that_were_swapped_or_moved_up_are_found(log: Storeroom) -> None:
    with log.database.write() as connection:
        for old, new in ((2, 100), (3, 2), (100, 3)):
            connection.execute(update(audit).where(audit.c.seq == old).values(seq=new))
    assert broken(log) == 2


def test_a_gap_that_was_closed_by_new_numbers_is_found(log: Storeroom) -> None:
    with log.database.write() as connection:
        connection.execute(delete(audit).where(audit.c.seq == 2))
        for seq in range(3, ROWS + 1):
            connection.execute(update(audit).where(audit.c.seq == seq).values(seq=seq - 1))
    assert broken(log) == 2


def test_a_row_that_was_put_in_is_found(log: Storeroom) -> None:
    forged = log.rows(audit)[-1]._asdict() | {"seq": ROWS + 1}
    with log.database.write() as connection:
        connection.execute(insert(audit).values(**forged))
    assert broken(log) == ROWS + 1


def test_who_has_no_private_seal_key_cannot_make_a_chain_that_holds(log: Storeroom) -> None:
    """Whoever can write the database could compute every hash anew, if it took no secret."""
    assert broken(log, b"a guess" * 4) == 1
    assert log.vault.audit_key not in [*vars(log.sealer).values()]


def test_it_goes_on_holding_after_a_break_only_up_to_there(log: Storeroom) -> None:
    change(log, 3, actor="bob")
    note(log, None)
    assert broken(log) == 3


def test_a36_after_an_issues_key_is_gone_the_chain_still_holds_and_goes_on(log: Storeroom) -> None:
    with log.database.write() as connection:
        connection.execute(update(issue).where(issue.c.id == 1).values(wrapped_key=None))
    assert broken(log) is None
    note(log, 2)
    note(log, None)
    assert broken(log) is None


def test_many_who_write_at_once_make_one_chain(room: Storeroom) -> None:
    number = room.open_issue()
    start = threading.Barrier(4)

    def write() -> None:
        start.wait()
        for _ in range(5):
            note(room, number)

    threads = [threading.Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(room.rows(audit)), broken(room)) == (20, None)


def test_what_is_undone_leaves_no_gap(room: Storeroom) -> None:
    def fail_halfway() -> None:
        with room.database.write() as connection:
            UnitOfWork(connection, room.vault).audit(None, "alice", "note", NOW)
            raise RuntimeError

    note(room, None)
    with pytest.raises(RuntimeError):
        fail_halfway()
    note(room, None)
    assert ([row.seq for row in room.rows(audit)], broken(room)) == ([1, 2], None)
