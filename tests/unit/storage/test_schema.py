"""A new database, an old one, and one from the future."""

import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import text

from mailbot.storage import schema, seal, tables
from mailbot.storage.database import Database, StoreUnavailable, protect
from mailbot.storage.seal import Sealer


@pytest.fixture
def sealer(tmp_path: Path) -> Sealer:
    seal.generate(tmp_path / "seal.key")
    return seal.load_sealer(tmp_path / "seal.key")


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    made = Database(f"sqlite:///{tmp_path / 'mailbot.db'}")
    yield made
    made.close()


def _migrations() -> Config:
    config = Config()
    config.set_main_option("script_location", str(schema.migrations_directory()))
    return config


def test_the_head_is_the_newest_migration() -> None:
    assert ScriptDirectory.from_config(_migrations()).get_heads() == [schema.HEAD]


def test_migrations_from_nothing_and_a_new_database_have_the_same_schema(tmp_path: Path, sealer: Sealer) -> None:
    made, migrated = (Database(f"sqlite:///{tmp_path / name}") for name in ("new.db", "migrated.db"))
    schema.prepare(made, sealer)
    protect(migrated.path)
    config = _migrations()
    config.attributes["database"] = migrated
    command.upgrade(config, "head")
    with migrated.read() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": False})
        assert compare_metadata(context, tables.metadata) == []
    assert _definitions(tmp_path / "new.db") == _definitions(tmp_path / "migrated.db")
    made.close()
    migrated.close()


def _definitions(path: Path) -> list[str]:
    with sqlite3.connect(path) as connection:
        rows = connection.execute("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL AND name != 'alembic_version'")
        found = sorted(" ".join(re.sub(r'["()]', " ", row[0]).replace("BIGINT", "INTEGER").split()) for row in rows)
    connection.close()
    # The two write the constraints of a table in different order.
    return [
        ", ".join(sorted(piece.strip() for piece in one.split(","))) for one in found if "alembic_version" not in one
    ]


def test_a_new_database_is_owner_only(database: Database, sealer: Sealer) -> None:
    schema.prepare(database, sealer)
    for path in database.path.parent.glob("mailbot.db*"):
        assert path.stat().st_mode & 0o077 == 0, path


def test_preparing_twice_changes_nothing(database: Database, sealer: Sealer) -> None:
    schema.prepare(database, sealer)
    with database.read() as connection:
        before = connection.execute(text("SELECT name, wrapped FROM secret ORDER BY name")).all()
    schema.prepare(database, sealer)
    schema.create(database, sealer)
    with database.read() as connection:
        assert connection.execute(text("SELECT name, wrapped FROM secret ORDER BY name")).all() == before


def test_a_database_of_a_newer_mailbot_is_refused(database: Database, sealer: Sealer) -> None:
    schema.prepare(database, sealer)
    with database.write() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(schema.SchemaError, match="revision 9999, this mailbot knows up to 0001"):
        schema.prepare(database, sealer)


def test_an_older_file_is_copied_aside_before_it_is_migrated(
    database: Database, sealer: Sealer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    schema.prepare(database, sealer)
    with database.write() as connection:
        connection.execute(text("INSERT INTO setting VALUES ('a', 'b')"))
    migrations = tmp_path / "migrations"
    versions = migrations / "versions"
    versions.mkdir(parents=True)
    for name in ("env.py", "script.py.mako", "versions/0001_first.py"):
        (migrations / name).write_bytes((schema.migrations_directory() / name).read_bytes())
    (versions / "0002_next.py").write_text(
        "from alembic import op\nrevision = '0002'\ndown_revision = '0001'\n"
        "def upgrade():\n    op.execute(\"INSERT INTO setting VALUES ('c', 'd')\")\n"
    )
    monkeypatch.setattr(schema, "migrations_directory", lambda: migrations)
    monkeypatch.setattr(schema, "HEAD", "0002")
    schema.prepare(database, sealer)
    with database.read() as connection:
        assert schema.current(connection) == "0002"
        assert connection.execute(text("SELECT name FROM setting ORDER BY name")).scalars().all() == ["a", "c"]
    (copy,) = [path for path in tmp_path.glob("mailbot.db.before-*") if not path.name.endswith(("-wal", "-shm"))]
    assert copy.stat().st_mode & 0o077 == 0
    with sqlite3.connect(copy) as old:
        assert old.execute("SELECT name FROM setting").fetchall() == [("a",)]
        assert old.execute("SELECT version_num FROM alembic_version").fetchall() == [("0001",)]
    old.close()


def test_a_directory_that_is_not_there_is_a_temporary_trouble_with_a_cause(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'missing' / 'mailbot.db'}")
    with pytest.raises(StoreUnavailable, match="unable to open database file"), database.read():
        pass
    database.close()
