"""The connection to the database: how transactions begin, and what failure means.

SQLite: WAL and ``synchronous=FULL`` (a commit is on disk when it returns), ``secure_delete`` (what is deleted is
overwritten), write transactions begin with ``BEGIN IMMEDIATE`` so that two never discover each other halfway.
"""

import os
import sqlite3
import threading
import weakref
from collections.abc import Iterator, MutableMapping
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
    """One database. Thread-safe; every thread gets its own connection, and keeps it: taking one out of the pool and
    preparing it costs six times what an empty transaction does."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.path = Path(url.removeprefix("sqlite:///"))
        self._own = threading.local()
        self._kept: weakref.WeakSet[Connection] = weakref.WeakSet()
        # Parameters stay out of error texts: they hold what a reporter wrote.
        self.engine = create_engine(url, hide_parameters=True, creator=self._connect)
        event.listen(self.engine, "connect", _configure)
        event.listen(self.engine, "connect", self._remember_file)
        event.listen(self.engine, "checkout", self._check_file)

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """One write transaction: commits at the end of the block, rolls back on any error."""
        with self._transaction(write=True) as connection:
            yield connection

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """One consistent view of the database; within another read of this thread, that one's."""
        open_one: Connection | None = getattr(self._own, "connection", None)
        if open_one is not None and open_one.in_transaction() and not open_one.info["write"]:
            yield open_one
            return
        with self._transaction(write=False) as connection:
            yield connection

    def truncate_log(self) -> None:
        """Move everything from the log into the file and empty the log: what was overwritten is in neither."""
        connection = connect(self.path, check_same_thread=True)
        try:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        except sqlite3.Error as error:
            raise StoreUnavailable(f"the database does not answer: {error}") from error
        finally:
            connection.close()

    @contextmanager
    def _transaction(self, write: bool) -> Iterator[Connection]:
        connection = self._connection()
        connection.info["write"] = write
        try:
            with connection.begin():
                _begin(connection, write)
                yield connection
        except DBAPIError as error:
            if type(error) not in _UNAVAILABLE:
                raise
            self._forget(connection)  # whatever it has, a new one may not
            raise StoreUnavailable(_cause(error)) from error
        except sqlite3.OperationalError as error:  # of BEGIN itself
            self._forget(connection)
            raise StoreUnavailable(f"the database does not answer: {error}") from error
        finally:
            if connection is not getattr(self._own, "connection", None):
                connection.close()

    def _connection(self) -> Connection:
        """This thread's connection; a second one if that is within a transaction."""
        kept: Connection | None = getattr(self._own, "connection", None)
        if kept is not None and not kept.in_transaction():
            if self._in_place(kept.info):
                return kept
            self._forget(kept)
            kept.close()
            kept = None
        try:
            connection = self.engine.connect()
        except DBAPIError as error:
            if type(error) not in _UNAVAILABLE:
                raise
            raise StoreUnavailable(_cause(error)) from error
        if kept is None:
            self._own.connection = connection
            self._kept.add(connection)
        return connection

    def _forget(self, connection: Connection) -> None:
        if connection is getattr(self._own, "connection", None):
            del self._own.connection

    def _connect(self) -> sqlite3.Connection:
        return connect(self.path, check_same_thread=False)

    def _remember_file(self, _connection: sqlite3.Connection, record: Any) -> None:
        record.info["file"] = _identity(self.path)

    def _check_file(self, _connection: sqlite3.Connection, record: Any, _proxy: Any) -> None:
        if not self._in_place(record.info):
            raise DisconnectionError  # the pool opens the file that is there now, or says that there is none

    def _in_place(self, info: MutableMapping[Any, Any]) -> bool:
        """Whether a connection's file is still the one at our path. One that was moved, removed or replaced can be
        written to all the same, and what is written is lost with it."""
        found = _identity(self.path)
        return found is not None and found == info["file"]

    def close(self) -> None:
        """Close everything; no thread may use it any more."""
        for connection in list(self._kept):
            connection.close()
        self._own = threading.local()
        self.engine.dispose()


class Doorbell:
    """Tells cheaply whether somebody else committed since the last look (SQLite's data_version, about 10 µs).

    Belongs to one thread.
    """

    def __init__(self, database: Database) -> None:
        self._path = database.path
        self._connection: sqlite3.Connection | None = None
        self._seen = -1

    def rang(self) -> bool:
        try:
            if self._connection is None:
                self._connection = connect(self._path, check_same_thread=True)
            (version,) = self._connection.execute("PRAGMA data_version").fetchone()
        except sqlite3.Error:
            return True  # let the caller look for itself; it says what is wrong
        moved = bool(version != self._seen)
        self._seen = version
        return moved

    def close(self) -> None:
        if self._connection is not None:
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


def _begin(connection: Connection, write: bool) -> None:
    # By the driver itself: SQLAlchemy's way costs ten times the statement, and an event for it slows all others.
    driver: Any = connection.connection.driver_connection
    driver.execute("BEGIN IMMEDIATE" if write else "BEGIN")


def _cause(error: DBAPIError) -> str:
    """A text for operators: SQLite's own words name no content."""
    return f"the database does not answer: {error.orig}"


def protect(path: Path) -> None:
    """Make a new database file owner-only before anything is in it."""
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
