"""The schema's version: a new database gets the newest, an older one is migrated, a newer one is refused.

Alembic is only imported when there is something to migrate: it costs a fifth of a second at every start otherwise.
"""

import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Connection, inspect, text

from mailbot.errors import PermanentError
from mailbot.storage import tables, vault
from mailbot.storage.database import Database, protect
from mailbot.storage.seal import Sealer

HEAD = "0001"
"""The newest revision under migrations/versions; a test proves it."""


class SchemaError(PermanentError):
    """The database's schema is not one that this version of mailbot can use."""


def current(connection: Connection) -> str | None:
    """The database's revision; None if it is empty."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one_or_none()


def prepare(database: Database, sealer: Sealer) -> None:
    """Make sure that the database has the newest schema: create it, or copy the file aside and migrate.

    Raises `SchemaError` for a database of a newer mailbot.
    """
    if not database.path.exists():
        protect(database.path)
    with database.read() as connection:
        revision = current(connection)
    if revision == HEAD:
        return
    if revision is None:
        create(database, sealer)
    elif revision > HEAD:
        raise SchemaError(
            f"{database.path}: the database has revision {revision}, this mailbot knows up to {HEAD}: "
            "use the newer mailbot that wrote it, or restore a backup"
        )
    else:
        upgrade(database)


def create(database: Database, sealer: Sealer) -> None:
    """Make all tables and the store's secrets in one transaction; does nothing if another process was faster."""
    with database.write() as connection:
        if current(connection) is not None:
            return
        tables.metadata.create_all(connection)
        vault.create_secrets(connection, sealer)
        connection.execute(text("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY)"))
        connection.execute(text("INSERT INTO alembic_version VALUES (:head)"), {"head": HEAD})


def upgrade(database: Database) -> None:
    """Copy the file aside and run the migrations."""
    from alembic import command
    from alembic.config import Config

    copy_aside(database)
    config = Config()
    config.set_main_option("script_location", str(migrations_directory()))
    config.attributes["database"] = database
    command.upgrade(config, "head")


def copy_aside(database: Database) -> Path:
    """A copy of the database as it is now, in one owner-only file beside it.

    By SQLite's own backup, not file by file: another process may move pages from the log into the file meanwhile.
    """
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    copy = database.path.with_name(f"{database.path.name}.before-{stamp}")
    protect(copy)
    with closing(sqlite3.connect(database.path)) as source, closing(sqlite3.connect(copy)) as target:
        source.backup(target)
        target.execute("PRAGMA journal_mode=DELETE")  # so that nothing but this file belongs to it
    return copy


def migrations_directory() -> Path:
    """The packaged migrations, else the repository's."""
    packaged = Path(__file__).parent.parent / "migrations"
    return packaged if packaged.is_dir() else Path(__file__).parent.parent.parent / "migrations"
