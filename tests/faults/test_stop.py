"""The bot is ended in the middle of receiving: who got a 250 can rely on it, and nobody else got one."""

import os
import signal
import smtplib
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.bot import PATIENCE
from tests.faults.ledger import Post
from tests.faults.scene import Scene, scene
from tests.openpgp_keys import Lab


@pytest.fixture
def served(short_path: Path, lab: Lab) -> Iterator[Scene]:
    with scene(short_path, lab) as made:
        made.bot.start()
        yield made


@pytest.mark.parametrize("end", [b"", b"\r\n.", b"\r\n.\r"], ids=["in the text", "after the dot", "before the last LF"])
def test_a_listener_killed_during_data_gives_no_250_and_keeps_nothing(served: Scene, end: bytes) -> None:
    post = Post(served.lab, "cut")
    entry = post.plain(post.address("cut"))
    with smtplib.SMTP("127.0.0.1", served.bot.port, timeout=PATIENCE) as smtp:
        smtp.ehlo("mx.example.org")
        smtp.mail(entry.sender)
        smtp.rcpt("security@example.org")
        assert smtp.docmd("DATA")[0] == 354
        smtp.send(entry.raw.removesuffix(b"\r\n") + end)
        (pid,) = served.bot.processes("listener")
        os.kill(pid, signal.SIGKILL)
        with pytest.raises((smtplib.SMTPServerDisconnected, ConnectionError)):
            smtp.getreply()
        smtp.close()
    assert served.query("SELECT count(*) FROM inbox UNION ALL SELECT count(*) FROM blob") == [(0,), (0,)]
    served.ledger.hand_in(entry)
    served.settle()
    assert served.books.complaints() == []


def test_everything_accepted_before_sigterm_is_there_after_the_next_start(served: Scene) -> None:
    post = Post(served.lab, "load")
    loaded, over = threading.Event(), threading.Event()

    def load(number: int) -> None:
        for mail in range(1000):
            if over.is_set():
                return
            entry = (post.encrypted if mail % 3 == 0 else post.plain)(post.address(f"sender{number}.{mail}"))
            served.ledger.attempt(entry)
            if mail == 3:
                loaded.set()

    threads = [threading.Thread(target=load, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    try:
        assert loaded.wait(PATIENCE)
        assert served.bot.stop() == 0
    finally:
        over.set()
        for thread in threads:
            thread.join()
    accepted = sum(entry.accepted for entry in served.ledger.entries.values())
    assert accepted >= 4
    assert served.query("SELECT count(*) FROM inbox") >= [(accepted,)]
    served.bot.start()
    served.settle()
    assert served.books.complaints() == []
