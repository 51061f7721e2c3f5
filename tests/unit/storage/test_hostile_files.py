"""Files beside the database: keys that do not fit, and modes that let others read."""

import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from mailbot import app
from mailbot.cli import check
from mailbot.errors import ConfigError
from mailbot.storage import schema, seal
from mailbot.storage.database import Database
from mailbot.storage.unseal import load_unsealer
from tests.installation import Installation, install
from tests.openpgp_keys import Lab


@pytest.fixture
def open_umask() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


@pytest.fixture
def installation(short_path: Path, lab: Lab) -> Installation:
    return install(short_path, lab)


def test_a_public_seal_key_that_is_not_the_private_ones_is_refused(tmp_path: Path) -> None:
    """The listener would seal all mail to a key that nobody has, and say 250."""
    seal.generate(tmp_path / "seal.key")
    seal.generate(tmp_path / "other.key")
    (tmp_path / "other.key.pub").replace(tmp_path / "seal.key.pub")
    with pytest.raises(ConfigError, match=r"seal\.key\.pub: .*does not belong to .*seal\.key"):
        load_unsealer(tmp_path / "seal.key")


def test_a_worker_needs_no_public_seal_key(tmp_path: Path) -> None:
    seal.generate(tmp_path / "seal.key")
    (tmp_path / "seal.key.pub").unlink()
    assert load_unsealer(tmp_path / "seal.key")


def test_a_seal_key_of_another_database_is_a_config_error(installation: Installation) -> None:
    key = installation.directory / "seal.key"
    for path in (key, seal.public_key_file(key)):
        path.unlink()
    seal.generate(key)
    settings = installation.settings
    with pytest.raises(ConfigError, match=r"seal\.key: storage\.seal_key_file: .*not the seal key of the database"):
        app.open_vault(settings, Database(settings.storage.database))


@pytest.mark.usefixtures("open_umask")
def test_nothing_that_is_made_can_be_read_by_others(tmp_path: Path) -> None:
    seal.generate(tmp_path / "seal.key")
    database = Database(f"sqlite:///{tmp_path / 'mailbot.db'}")
    schema.prepare(database, seal.load_sealer(tmp_path / "seal.key"))
    with database.write() as connection:
        connection.execute(text("INSERT INTO setting VALUES ('a', 'b')"))
    schema.copy_aside(database)
    assert len(list(tmp_path.glob("mailbot.db*"))) >= 4
    for path in (*tmp_path.glob("mailbot.db*"), tmp_path / "seal.key"):
        assert path.stat().st_mode & 0o077 == 0, path
    database.close()


def test_a_copy_made_while_others_write_and_checkpoint_is_whole(tmp_path: Path) -> None:
    seal.generate(tmp_path / "seal.key")
    database = Database(f"sqlite:///{tmp_path / 'mailbot.db'}")
    schema.prepare(database, seal.load_sealer(tmp_path / "seal.key"))
    with database.write() as connection:
        connection.execute(text("INSERT INTO setting VALUES ('a', 'b')"))
    with database.read() as reader:
        reader.execute(text("SELECT * FROM setting")).all()
        with database.write() as connection:
            connection.execute(text("INSERT INTO setting VALUES ('c', 'd')"))
        copy = schema.copy_aside(database)
    # The copy is one file; nothing beside it is needed to read all that was committed.
    for beside in tmp_path.glob(f"{copy.name}-*"):
        beside.unlink()
    with sqlite3.connect(copy) as opened:
        assert opened.execute("SELECT name FROM setting ORDER BY name").fetchall() == [("a",), ("c",)]
        assert opened.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    opened.close()
    database.close()


def test_check_says_that_others_can_read_the_database(installation: Installation) -> None:
    path = installation.directory / "mailbot.db"
    levels = {finding.text.split(" ")[0]: finding.level for finding in check._permissions(installation.settings)}
    assert levels[str(path)] == "ok"
    path.chmod(0o644)
    (finding,) = [one for one in check._permissions(installation.settings) if one.text.startswith(str(path))]
    assert (finding.level, finding.mend) == ("fail", f"chmod 600 {path}")
