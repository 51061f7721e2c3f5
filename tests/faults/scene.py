"""A real bot that runs with the hook, the mail that it got so far, and what it made of it."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import select, update

from mailbot.app import open_database
from mailbot.storage.tables import outbox
from tests.bot import Bot, bot
from tests.faults.books import Books, settle
from tests.faults.ledger import Entry, Ledger, Post
from tests.faults.orders import Orders
from tests.openpgp_keys import Lab


class Scene:
    def __init__(self, bot: Bot, lab: Lab) -> None:
        self.bot = bot
        self.lab = lab
        self.orders = Orders(bot.installation.directory / "orders")
        self.orders.directory.mkdir()
        bot.environment.update(self.orders.environment)
        # Killed processes leave theirs behind.
        bot.environment["TMPDIR"] = str(bot.installation.directory)
        self.ledger = Ledger(bot)
        self.books = Books(bot, self.ledger)

    @property
    def database(self) -> Path:
        return self.bot.installation.directory / "mailbot.db"

    def handful(self, tag: str) -> list[list[Entry]]:
        """Conversations: plain and encrypted, two mails of one sender, two of one thread; six mails, five issues."""
        post = Post(self.lab, tag)
        two, thread = post.address("two"), post.plain(post.address("thread"))
        return [
            [post.plain(post.address("plain"))],
            [post.encrypted(post.address("encrypted"))],
            [post.plain(two)],
            [post.encrypted(two)],
            [thread, post.follow_up(thread)],
        ]

    def settle(self, *, impatient: bool = False) -> None:
        """Wait until nothing is left to do; `impatient`, as an operator with `queue retry`."""
        settle(self.bot, self.books, self._retry if impatient else lambda: None)

    def _retry(self) -> None:
        with closing(open_database(self.bot.installation.settings)) as database:
            with database.read() as connection:
                query = select(outbox.c.id).where(outbox.c.state == "waiting", outbox.c.not_before.is_not(None))
                waiting = connection.scalars(query).all()
            if waiting:
                with database.write() as connection:
                    connection.execute(update(outbox).where(outbox.c.id.in_(waiting)).values(not_before=None))

    def log(self) -> str:
        return self.bot.log_path.read_text()

    def wait_for_log(self, text: str) -> None:
        self.bot.wait(lambda: text in self.log(), f"{text!r} in the log")

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """What stands in the database's clear columns."""
        with closing(sqlite3.connect(self.database, timeout=30)) as connection:
            return connection.execute(sql).fetchall()

    def wait(self, condition: Callable[[], bool], what: str) -> None:
        self.bot.wait(condition, what)


@contextmanager
def scene(directory: Path, lab: Lab, **how: Any) -> Iterator[Scene]:
    """A bot as `install` makes it, not yet started."""
    with bot(directory, lab, **how) as made:
        yield Scene(made, lab)
