"""How transactions begin and end, what is on disk after them, and what failure means."""

import sqlite3
import threading
from pathlib import Path

import pytest
from sqlalchemy import insert, select, text
from sqlalchemy.exc import IntegrityError

from mailbot.storage import database as database_module
from mailbot.storage.database import Database, Doorbell, StoreUnavailable
from mailbot.storage.tables import Instant, setting
from tests.unit.storage.storeroom import NOW, Storeroom

PRAGMAS = {"journal_mode": "wal", "synchronous": 2, "secure_delete": 1, "foreign_keys": 1}


def names(room: Storeroom) -> set[str]:
    return {row.name for row in room.rows(setting)}


def put(room: Storeroom, name: str) -> None:
    with room.database.write() as connection:
        connection.execute(insert(setting).values(name=name, value=""))


def test_every_connection_is_durable_and_forgets_what_is_deleted(room: Storeroom) -> None:
    found: list[dict[str, object]] = []
    database = Database(room.database.url)

    def look() -> None:
        with database.read() as connection:
            found.append({name: connection.scalar(text(f"PRAGMA {name}")) for name in PRAGMAS})

    look()
    threads = [threading.Thread(target=look) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    database.close()
    assert found == [PRAGMAS] * 4


def test_none_of_this_is_left_to_what_the_library_was_built_with(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "other.db")
    for name, value in (("journal_mode", "DELETE"), ("synchronous", 0), ("secure_delete", 0), ("foreign_keys", 0)):
        connection.execute(f"PRAGMA {name}={value}")
    database_module._configure(connection, None)
    assert {name: connection.execute(f"PRAGMA {name}").fetchone()[0] for name in PRAGMAS} == PRAGMAS
    connection.close()


def test_a_write_that_fails_leaves_nothing(room: Storeroom) -> None:
    def fail_halfway() -> None:
        with room.database.write() as connection:
            connection.execute(insert(setting).values(name="a", value=""))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail_halfway()
    assert names(room) == set()
    put(room, "b")
    assert names(room) == {"b"}


def test_a_writer_has_the_lock_from_its_first_moment_so_that_no_two_overwrite_each_other(room: Storeroom) -> None:
    with room.database.write() as connection:
        connection.execute(insert(setting).values(name="count", value="0"))
    start = threading.Barrier(4)

    def add() -> None:
        start.wait()
        for _ in range(5):
            with room.database.write() as connection:
                value = int(connection.execute(select(setting.c.value)).scalar_one())
                connection.execute(setting.update().values(value=str(value + 1)))

    threads = [threading.Thread(target=add) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert room.rows(setting)[0].value == "20"


def test_a_reader_sees_one_state_to_its_end_and_holds_up_no_writer(room: Storeroom) -> None:
    put(room, "a")
    with room.database.read() as connection:
        before = connection.execute(select(setting)).all()
        put(room, "b")
        assert connection.execute(select(setting)).all() == before
    assert names(room) == {"a", "b"}


def test_a_database_that_stays_locked_is_temporary_trouble(room: Storeroom, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database_module, "BUSY_SECONDS", 0.05)
    impatient = Database(room.database.url)
    with room.database.write(), pytest.raises(StoreUnavailable, match="locked") as caught, impatient.write():
        pass
    assert caught.value.temporary
    impatient.close()
    put(room, "a")


def test_a_database_without_tables_is_temporary_trouble(tmp_path: Path) -> None:
    (tmp_path / "empty.db").touch()
    empty = Database(f"sqlite:///{tmp_path / 'empty.db'}")
    with pytest.raises(StoreUnavailable, match="no such table"), empty.read() as connection:
        connection.execute(select(setting))
    empty.close()


def test_errors_never_quote_what_was_to_be_stored(room: Storeroom) -> None:
    put(room, "secret words")
    with pytest.raises(IntegrityError) as caught, room.database.write() as connection:
        connection.execute(insert(setting).values(name="secret words", value="other secret"))
    assert "secret" not in str(caught.value)


def test_the_doorbell_rings_for_others_commits_and_only_once(room: Storeroom) -> None:
    bell = Doorbell(room.database)
    bell.rang()
    assert not bell.rang()
    put(room, "a")
    assert bell.rang()
    assert not bell.rang()
    with room.database.read() as connection:
        connection.execute(select(setting)).all()
    assert not bell.rang()
    bell.close()


def test_a_doorbell_that_is_broken_rings(room: Storeroom) -> None:
    bell = Doorbell(room.database)
    bell.rang()
    bell.close()
    assert bell.rang()


def test_instants_are_kept_to_the_microsecond_and_need_a_zone() -> None:
    kind, dialect = Instant(), None
    exact = NOW.replace(microsecond=123_456)
    stored = kind.process_bind_param(exact, dialect)  # type: ignore[arg-type]
    assert kind.process_result_value(stored, dialect) == exact  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="without time zone"):
        kind.process_bind_param(exact.replace(tzinfo=None), dialect)  # type: ignore[arg-type]


def test_a_committed_write_survives_without_a_clean_end(room: Storeroom) -> None:
    put(room, "a")
    # Another program reads it while the first still holds everything open.
    with sqlite3.connect(room.database.path) as other:
        assert other.execute("SELECT name FROM setting").fetchall() == [("a",)]
    other.close()
