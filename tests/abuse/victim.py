"""A running bot that is sent hostile mail over SMTP, and everything that came of each mail."""

import smtplib
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.bot import PATIENCE, Bot, bot
from tests.openpgp_keys import Lab
from tests.world import Sent, mail

MEMBERS = ["alice@members.example", "bob@members.example", "dave@members.example"]
_WORK = """
    SELECT (SELECT count(*) FROM inbox WHERE state = 'new') + (SELECT count(*) FROM notice WHERE state = 'new')
         + (SELECT count(*) FROM outbox WHERE state = 'waiting')
"""


@dataclass
class Victim:
    bot: Bot
    lab: Lab

    def receive(self, raw: bytes, sender: str, *recipients: str) -> list[Sent]:
        """Hand in one mail, wait until nothing is left to do, and return what was sent meanwhile."""
        before = len(self.bot.smarthost.taken())
        self.bot.send(raw, sender, *recipients)
        self.bot.wait(self.idle, "the end of all work")
        return self.sent()[before:]

    def idle(self) -> bool:
        """Nothing is left to do."""
        return self.query(_WORK) == [(0,)]

    def sent(self) -> list[Sent]:
        """Everything that the smarthost took, in order."""
        members = {address: address.partition("@")[0] for address in MEMBERS}
        return [
            Sent(mail.recipient, mail.sender, mail.content, members.get(mail.recipient), self.lab)
            for mail in self.bot.smarthost.taken()
        ]

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """What stands in the database's clear columns."""
        path = self.bot.installation.directory / "mailbot.db"
        with closing(sqlite3.connect(path, timeout=PATIENCE)) as connection:
            return connection.execute(sql).fetchall()

    def dispositions(self) -> list[str]:
        return [row[0] for row in self.query("SELECT disposition FROM inbox ORDER BY id")]

    def serves_the_next(self) -> None:
        """The bot lives, and handles an ordinary report as ever."""
        number = len(self.dispositions())
        author = f"next{number}@out.example"
        sent = self.receive(mail(author=author, message_id=f"<next{number}@out.example>"), author)
        assert recipients(sent) == sorted([*MEMBERS, author])

    def everything_stored(self) -> bytes:
        """The bytes of the database and its log, and of the bot's own log."""
        paths = [*self.bot.installation.directory.glob("mailbot.db*"), self.bot.log_path]
        return b"".join(path.read_bytes() for path in paths)

    def talk(self, *lines: bytes) -> list[bytes]:
        """Raw lines after EHLO, each with its reply."""
        with smtplib.SMTP("127.0.0.1", self.bot.port, timeout=PATIENCE) as smtp:
            smtp.ehlo("out.example")
            replies = []
            for line in lines:
                smtp.send(line + b"\r\n")
                code, text = smtp.getreply()
                replies.append(b"%d %s" % (code, text))
            return replies


def recipients(sent: Sequence[Sent]) -> list[str]:
    return sorted(one.recipient for one in sent)


def to(sent: Sequence[Sent], recipient: str) -> Sent:
    (found,) = [one for one in sent if one.recipient == recipient]
    return found


@contextmanager
def victim(directory: Path, lab: Lab, **how: Any) -> Iterator[Victim]:
    """A bot that serves already."""
    with bot(directory, lab, **how) as made:
        made.start()
        yield Victim(made, lab)
