"""`mailbot check --deep` and `--send` on a running bot, whose mail servers are this test."""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from mailbot.cli import deep
from tests.bot import Bot, bot
from tests.openpgp_keys import Lab
from tests.world import mail


@pytest.fixture
def served(short_path: Path, lab: Lab) -> Iterator[Bot]:
    with bot(short_path, lab) as made:
        yield made


def sent(served: Bot, patience: float) -> tuple[str, str, str]:
    """What `check --send` finds: level, text, mend."""
    (finding,) = deep.send(served.installation.settings, patience)
    return finding.level, finding.text, finding.mend


def write(database: Path, statement: str) -> None:
    """Execute it, and have all of it in the one file."""
    with closing(sqlite3.connect(database)) as connection:
        connection.execute(statement).fetchall()
        connection.commit()
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def hand_over(served: Bot) -> None:
    """What the smarthost and the server in front do: mail to the group comes back to the listener."""
    served.wait(lambda: "security@example.org" in served.recipients(), "the mail to itself")
    (one,) = [one for one in served.smarthost.taken() if one.recipient == "security@example.org"]
    served.send(b"Received: from a by b; Tue\r\n" + one.content, one.sender)


def test_a_mail_to_itself_comes_back_and_opens_no_issue(served: Bot) -> None:
    served.start()
    around = threading.Thread(target=hand_over, args=[served])
    around.start()
    done = served.run("check", "--send")
    around.join()
    assert "ok    loop       a mail to security@example.org went out and came back in" in done.stdout
    assert served.json("issue", "list") == []
    assert [row["disposition"] for row in served.json("queue", "list")["inbox"]] == ["own"]
    assert len(served.recipients()) == 1
    assert served.stop() == 0


def test_each_hop_at_which_it_sticks_is_named(served: Bot) -> None:
    def last() -> Any:
        return served.json("queue", "list")["outbox"][0]["state"]

    assert sent(served, 0.1)[:2] == ("fail", "after 0 s it is not written")
    served.start("worker", "listener")
    assert sent(served, 10)[:2] == ("fail", "after 10 s it is not sent")
    assert last() == "cancelled"
    assert served.stop() == 0
    served.smarthost.on("RCPT", "550 5.1.1 no such user", matching="security@example.org", times=1)
    served.start()
    level, text, mend = sent(served, 60)
    assert level == "fail"
    assert "the smarthost refused it" in text
    assert "5.1.1" in text
    assert "must take mail to security@example.org" in mend
    level, text, mend = sent(served, 5)
    assert (level, text) == ("fail", "after 5 s the smarthost took it, and it did not come back")
    assert "server in front" in mend
    assert served.stop() == 0


def test_the_books_balance_while_it_runs_and_every_kind_of_loss_is_found(served: Bot) -> None:
    served.start()
    served.send(mail(), "rita@out.example")
    served.wait(lambda: len(served.recipients()) == 4, "four mails")
    served.send(mail(message_id="<2@out.example>"), "sam@out.example")
    done = served.run("check", "--deep")
    assert "accepted = " in done.stdout
    assert served.stop() == 0
    database = served.installation.directory / "mailbot.db"
    for damage, words in (
        ("DELETE FROM inbox WHERE id = 2", "2 accepted mails were stored, and 1 are there"),
        ("UPDATE inbox SET disposition = NULL WHERE id = 1", "1 handled mails without a disposition"),
        ("UPDATE outbox SET state = 'lost' WHERE id = 1", "1 outgoing mails in an unknown state"),
        ("INSERT INTO blob (wrapped_key, size) VALUES (x'00', 1)", "1 stored bodies belong to nothing"),
        ("UPDATE issue SET wrapped_key = x'00' WHERE id = 1", "1 issues cannot be opened with this seal key"),
        ("UPDATE audit SET actor = 'mallory' WHERE seq = 1", "the log of changes is broken at row 1"),
    ):
        write(database, "SELECT 1")
        kept = database.read_bytes()
        write(database, damage)
        done = served.run("check", "--deep", check=False)
        assert done.returncode == 1
        assert f"fail  books      {words}" in done.stdout, done.stdout
        for left in database.parent.glob("mailbot.db-*"):
            left.unlink()
        database.write_bytes(kept)
    assert "fail  books" not in served.run("check", "--deep").stdout
