"""The connection to the database: how transactions begin, and what failure means.

SQLite: WAL and ``synchronous=FULL`` (a commit is on disk when it returns), ``secure_delete`` (what is deleted is
overwritten), write transactions begin with ``BEGIN IMMEDIATE`` so that two never discover each other halfway.
"""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, create_engine, event
from sqlalchemy.exc import DatabaseError, DBAPIError, DisconnectionError, InterfaceError, OperationalError

from mailbot.errors import TemporaryError

BUSY_SECONDS = 10.0
"""How long a transaction waits for another writer. Writers hold it for milliseconds; this is for a stalled disk."""

_UNAVAILABLE = (OperationalError, InterfaceError, DatabaseError)
"""The last one exactly, not what derives from it: the file is damaged, or no database."""


class StoreUnavailable(TemporaryError):
    """The database is locked, full, unreachable or not yet set up; nothing of the transaction was kept."""


class Database:
    """One database. Thread-safe; every thread gets its own connection."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.path = Path(url.removeprefix("sqlite:///"))
        # Parameters stay out of error texts: they hold what a reporter wrote.
        self.engine = create_engine(url, hide_parameters=True, creator=self._connect)
        event.listen(self.engine, "connect", _configure)
        event.listen(self.engine, "connect", self._remember_file)
        event.listen(self.engine, "checkout", self._check_file)
        event.listen(self.engine, "begin", _begin)

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """One write transaction: commits at the end of the block, rolls back on any error."""
        with self._transaction(write=True) as connection:
            yield connection

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """One consistent view of the database."""
        with self._transaction(write=False) as connection:
            yield connection

    @contextmanager
    def _transaction(self, write: bool) -> Iterator[Connection]:
        try:
            with self.engine.connect().execution_options(mailbot_write=write) as connection, connection.begin():
                yield connection
        except DBAPIError as error:
            if type(error) not in _UNAVAILABLE:
                raise
            raise StoreUnavailable(_cause(error)) from error

    def _connect(self) -> sqlite3.Connection:
        return connect(self.path, check_same_thread=False)

    def _remember_file(self, _connection: sqlite3.Connection, record: Any) -> None:
        record.info["file"] = _identity(self.path)

    def _check_file(self, _connection: sqlite3.Connection, record: Any, _proxy: Any) -> None:
        """A connection whose file was moved, removed or replaced still works, and what it writes is lost with it: the
        pool then opens the file that is there now, or says that there is none."""
        if record.info["file"] != _identity(self.path):
            raise DisconnectionError

    def close(self) -> None:
        self.engine.dispose()


class Doorbell:
    """Tells cheaply whether somebody else committed since the last look (SQLite's data_version, about 10 µs).

    Belongs to one thread.
    """

    def __init__(self, database: Database) -> None:
        self._connection = connect(database.path, check_same_thread=True)
        self._seen = -1

    def rang(self) -> bool:
        try:
            (version,) = self._connection.execute("PRAGMA data_version").fetchone()
        except sqlite3.Error:
            return True  # let the caller look for itself; it says what is wrong
        moved = bool(version != self._seen)
        self._seen = version
        return moved

    def close(self) -> None:
        self._connection.close()


def connect(path: Path, *, check_same_thread: bool) -> sqlite3.Connection:
    """Open a database that is there. A new empty one in place of one that is gone would only hide that."""
    uri = f"{path.absolute().as_uri()}?mode=rw"
    return sqlite3.connect(uri, uri=True, timeout=BUSY_SECONDS, check_same_thread=check_same_thread)


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _configure(connection: sqlite3.Connection, _record: Any) -> None:
    # The driver must not open transactions by itself (it would begin DEFERRED); `_begin` does.
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "secure_delete=ON", "foreign_keys=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin(connection: Connection) -> None:
    write = connection.get_execution_options().get("mailbot_write", True)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")


def _cause(error: DBAPIError) -> str:
    """A text for operators: SQLite's own words name no content."""
    return f"the database does not answer: {error.orig}"


def protect(path: Path) -> None:
    """Make a new database file owner-only before anything is in it."""
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
