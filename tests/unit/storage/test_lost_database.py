"""The database's file is full, damaged, moved, removed or replaced while connections to it are open."""

from pathlib import Path

import pytest
from sqlalchemy import func, insert, select, text

from mailbot.storage.database import Database, Doorbell, StoreUnavailable, protect
from mailbot.storage.tables import metadata, setting


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "mailbot.db"


@pytest.fixture
def database(path: Path) -> Database:
    return fresh(path)


def fresh(path: Path) -> Database:
    protect(path)
    made = Database(f"sqlite:///{path}")
    with made.write() as connection:
        metadata.create_all(connection)
    return made


def put(database: Database, name: str, value: str = "") -> None:
    with database.write() as connection:
        connection.execute(insert(setting).values(name=name, value=value))


def names(database: Database) -> list[str]:
    with database.read() as connection:
        return list(connection.scalars(select(setting.c.name).order_by(setting.c.name)))


def move(path: Path, to: str) -> None:
    """With what stands beside it."""
    for file in list(path.parent.glob(f"{path.name}*")):
        file.rename(file.with_name(file.name.replace(path.name, to)))


def test_a31_a_full_database_is_temporary_trouble_and_takes_more_when_there_is_room(database: Database) -> None:
    with database.read() as connection:
        pages = connection.scalar(text("PRAGMA page_count"))
        connection.exec_driver_sql(f"PRAGMA max_page_count={pages}")
    with pytest.raises(StoreUnavailable, match="full"):
        put(database, "large", "x" * 100_000)
    with database.read() as connection:
        connection.exec_driver_sql(f"PRAGMA max_page_count={pages + 1000}")
    put(database, "large", "x" * 100_000)
    assert names(database) == ["large"]
    database.close()


def test_a31_a_file_that_is_no_database_is_temporary_trouble(database: Database, path: Path) -> None:
    put(database, "before")
    database.close()
    sound = path.read_bytes()
    path.write_bytes(b"no database at all" * 1000)
    with pytest.raises(StoreUnavailable):
        names(database)
    path.write_bytes(sound)
    assert names(database) == ["before"]
    database.close()


def test_a31_nothing_is_written_to_a_file_that_was_moved_away(database: Database, path: Path) -> None:
    put(database, "before")
    move(path, "moved.db")
    with pytest.raises(StoreUnavailable):
        put(database, "lost")
    with pytest.raises(StoreUnavailable):
        names(database)
    assert not path.exists()
    move(path.with_name("moved.db"), path.name)
    put(database, "after")
    assert names(database) == ["after", "before"]
    database.close()


def test_a31_a_database_that_was_put_in_its_place_is_used(database: Database, path: Path) -> None:
    put(database, "former")
    move(path, "moved.db")
    other = fresh(path)
    put(database, "now")
    assert names(other) == names(database) == ["now"]
    other.close()
    database.close()


def test_connections_that_other_threads_left_are_looked_at_too(database: Database, path: Path) -> None:
    # A read within a write takes a second connection, which goes back into the pool.
    with database.write() as outer, database.read() as inner:
        assert outer is not inner
    move(path, "moved.db")
    other = fresh(path)
    with database.write() as outer, database.read() as inner:
        outer.execute(insert(setting).values(name="now", value=""))
        assert inner.scalar(select(func.count()).select_from(setting)) == 0
    assert names(other) == ["now"]
    other.close()
    database.close()


def test_a_doorbell_waits_for_a_database_that_is_gone(database: Database, path: Path) -> None:
    move(path, "moved.db")
    doorbell = Doorbell(database)
    assert doorbell.rang()
    assert doorbell.rang()
    assert not path.exists()
    move(path.with_name("moved.db"), path.name)
    doorbell.rang()
    assert not doorbell.rang()
    put(database, "now")
    assert doorbell.rang()
    doorbell.close()
    database.close()
