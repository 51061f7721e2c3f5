"""The disk is full, an fsync fails, the database is locked or gone: 4xx, nothing lost, and recovery by itself."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from mailbot.supervisor import ROLES
from tests.faults.chaos import full_disk
from tests.faults.ledger import Post
from tests.faults.scene import Scene, scene
from tests.openpgp_keys import Lab


@pytest.fixture
def made(short_path: Path, lab: Lab) -> Iterator[Scene]:
    with scene(short_path, lab) as made:
        yield made


@contextmanager
def no_room(made: Scene) -> Iterator[None]:
    with full_disk([pid for role in ROLES for pid in made.bot.processes(role)]):
        yield


@contextmanager
def failing_fsync(made: Scene) -> Iterator[None]:
    order = made.orders.put("fsync")
    try:
        yield
    finally:
        order.unlink()


@contextmanager
def locked(made: Scene) -> Iterator[None]:
    with closing(sqlite3.connect(made.database, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        yield
        connection.execute("ROLLBACK")


@contextmanager
def gone(made: Scene) -> Iterator[None]:
    away = made.database.parent / "away"
    away.mkdir()
    files = list(made.database.parent.glob("mailbot.db*"))
    for file in files:
        file.rename(away / file.name)
    try:
        yield
        assert not made.database.exists()
    finally:
        for file in files:
            (away / file.name).rename(file)


FAULTS = {"full disk": no_room, "failing fsync": failing_fsync, "locked": locked, "gone": gone}


@pytest.mark.parametrize("fault", FAULTS)
def test_a31_what_cannot_be_stored_is_451_and_the_bot_recovers_by_itself(made: Scene, fault: str) -> None:
    made.orders.put("sqlite")
    made.bot.start()
    post = Post(made.lab, "disk")
    refused = [post.plain(post.address(f"refused{number}")) for number in range(3)]
    pids = {role: made.bot.processes(role) for role in ROLES}
    # What was accepted before is in every stage of its way now.
    made.ledger.hand_in_all(made.handful("before"))
    with FAULTS[fault](made):
        assert made.ledger.attempt_all(refused) == [451, 451, 451]
    made.ledger.hand_in_all([[entry] for entry in refused])
    made.settle()
    assert made.books.complaints() == []
    assert made.query("SELECT max(failures) FROM inbox UNION SELECT max(failures) FROM notice") == [(0,)]
    assert {role: made.bot.processes(role) for role in ROLES} == pids


def test_a_mail_whose_fsync_failed_is_handled_once_though_a_crash_brings_it_back(made: Scene) -> None:
    made.orders.put("sqlite")
    made.bot.start("listener")
    post = Post(made.lab, "fsync")
    refused = [post.plain(post.address(f"refused{number}")) for number in range(3)]
    made.ledger.hand_in(post.plain(post.address("first")))
    with failing_fsync(made):
        assert made.ledger.attempt_all(refused) == [451, 451, 451]
        # What was written before the fsync failed stands in SQLite's log, and is found there after a crash.
        made.bot.kill()
    made.bot.start()
    made.ledger.hand_in_all([[entry] for entry in refused])
    made.settle()
    assert made.books.complaints() == []
    assert made.query("SELECT count(*) FROM inbox WHERE disposition = 'duplicate'") > [(0,)]
