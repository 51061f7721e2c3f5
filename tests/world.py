"""A whole bot in one process, with a clock that a test moves: real SQLite, gpg and caged parser; no sockets.

Mail goes in at the intake and comes out of the outbox, through the very steps that the role processes run.
"""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage, MIMEPart
from pathlib import Path
from typing import Any
from unittest import mock

from sqlalchemy import select

from mailbot.app import CurrentSettings, Scratch, open_gpg, open_store, open_vault, still_wanted
from mailbot.cage.client import CagedParser
from mailbot.config import load
from mailbot.errors import TemporaryError
from mailbot.mail.envelope import Envelope
from mailbot.mail.templates import Templates, packaged_templates
from mailbot.service.closing import close
from mailbot.service.daily import Daily
from mailbot.service.health import Vitals
from mailbot.service.held import discard, release
from mailbot.service.notices import Composer
from mailbot.service.outgoing import Outcome, OutgoingMail, Result
from mailbot.service.pipeline import Pipeline
from mailbot.service.posting import loop_message_id
from mailbot.service.ticks import Ticks
from mailbot.service.tokens import Tokens
from mailbot.smtp.replies import Stage, quoted
from mailbot.storage import loop
from mailbot.storage.intake import Intake
from mailbot.storage.listings import Listings
from mailbot.storage.outbox import SqlOutbox
from mailbot.storage.seal import load_sealer
from mailbot.storage.tables import outbox as outbox_table
from tests.installation import Installation, install
from tests.openpgp_keys import Lab

START = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)  # a Tuesday


HEALTHY = Vitals(
    unhandled=0, unhandled_age=0, unwritten=0, unwritten_age=0, unsent=0, unsent_age=0, held=0, quarantined=0,
    undelivered=0, open_issues=0, scheduler_lag=0, group_key_days=None, members_key_days=None, free_bytes=10**10,
)  # fmt: skip
"""A bot of which the operators hear nothing."""


@dataclass(frozen=True, slots=True)
class Sent:
    """One mail that the bot handed to the smarthost."""

    recipient: str
    sender: str
    raw: bytes
    member_id: str | None
    lab: Lab
    kind: str = ""
    """The notice that it belongs to."""

    @property
    def mail(self) -> EmailMessage:
        """The mail as it is on the outside."""
        mail = message_from_bytes(self.raw, policy=policy.SMTP)
        assert isinstance(mail, EmailMessage)
        return mail

    @property
    def encrypted(self) -> bool:
        return self.mail.get_content_type() == "multipart/encrypted"

    @property
    def inside(self) -> MIMEPart:
        """What the recipient's mail program shows: decrypted if it is encrypted, without the signature."""
        mail = self.mail
        if self.encrypted:
            _, content = mail.iter_parts()
            opened = self.lab.people.gpg("--decrypt", data=content.get_content(), fail=False)
            return message_from_bytes(opened, policy=policy.SMTP)
        if mail.get_content_type() == "multipart/signed":
            return next(mail.iter_parts())
        return mail

    @property
    def text(self) -> str:
        """The text for people."""
        body = self.inside.get_body(("plain",))
        assert body is not None
        return str(body.get_content()).replace("\r\n", "\n")

    @property
    def words(self) -> str:
        """The text with its lines joined, bars of the card left out."""
        return " ".join(word for word in self.text.split() if word != "|")

    @property
    def subject(self) -> str:
        """The outer subject."""
        return str(self.mail["Subject"])


@dataclass
class World:
    installation: Installation
    lab: Lab
    now: datetime = START
    sent: list[Sent] = field(default_factory=list)
    """Everything that the bot sent, in order."""
    smarthost_up: bool = True
    """While it is down, what is to be sent waits."""
    vitals: Vitals = HEALTHY
    """What the operators' daily word sees."""
    refused: dict[str, tuple[int, str]] = field(default_factory=dict)
    """Recipients that the smarthost refuses for good, with its answer."""

    def __post_init__(self) -> None:
        self.current = CurrentSettings(self.installation.settings)
        settings = self.current()
        self.store = open_store(settings)
        self.vault = open_vault(settings, self.store.database)
        self.intake = Intake(self.store.database, load_sealer(settings.storage.seal_key_file))
        self.outbox = SqlOutbox(self.store.database, self.vault)
        self.scratch = Scratch()
        self.gpg = open_gpg(settings, self.scratch.path)
        self.parser = CagedParser()
        self.composer = Composer(self.store, self.gpg, Templates(packaged_templates()))
        self.pipeline = Pipeline(self.current, self.store, self.parser, self.gpg, self.composer, lambda: self.now)
        self.ticks = Ticks(self.current, self.store, self.gpg, lambda: self.now)
        self.daily = Daily(self.current, self.store, lambda: self.now, lambda: self.vitals)

    def accept(self, raw: bytes, sender: str, *recipients: str) -> int:
        """Mail that got its 250; nothing is handled yet."""
        envelope = Envelope(sender, recipients or ("security@example.org",), self.now, "127.0.0.1")
        return asyncio.run(self.intake.accept(envelope, raw))

    def settle(self) -> list[Sent]:
        """Do all work that there is, and deliver what comes out. Returns what was sent by this call."""
        before = len(self.sent)
        while self.pipeline.run_once() or self._deliver_due():
            pass
        return self.sent[before:]

    def decide_only(self) -> None:
        """Handle one mail, as far as the decision; composing fails at first, and is due again with the next step."""
        with mock.patch.object(self.composer, "compose", side_effect=TemporaryError("not now")):
            assert self.pipeline.run_once()
        self.now += timedelta(minutes=1)

    def _deliver_due(self) -> bool:
        mails = self.outbox.claim(100, 1 << 30, self.now) if self.smarthost_up else []
        self.outbox.finish([self._deliver(mail) for mail in mails], self.now)
        return bool(mails)

    def _deliver(self, mail: OutgoingMail) -> Result:
        if (reason := still_wanted(self.current)(mail)) is not None:
            return Result(mail, Outcome.CANCELLED, mail.attempts, None, reason)
        if mail.recipient in self.refused:
            code, text = self.refused[mail.recipient]
            return Result(mail, Outcome.FAILED, mail.attempts + 1, code, quoted(Stage.RCPT, code, text))
        with self.store.database.read() as connection:
            kind = connection.scalar(select(outbox_table.c.kind).where(outbox_table.c.id == mail.id))
        raw = mail.headers + mail.body
        assert raw.isascii(), "a mail that is not 7bit may be re-encoded on the way, which breaks its signature"
        self.sent.append(Sent(mail.recipient, mail.sender, raw, mail.member_id, self.lab, str(kind)))
        return Result(mail, Outcome.SENT, mail.attempts + 1, 250, "")

    def receive(self, raw: bytes, sender: str, *recipients: str) -> list[Sent]:
        """Mail comes in and is handled to the end. Returns what was sent because of it."""
        self.accept(raw, sender, *recipients)
        return self.settle()

    def pass_time(self, delta: timedelta) -> list[Sent]:
        """Move the clock and let what is due happen. Returns what was sent because of it."""
        self.now += delta
        self.ticks.keep_standing()
        self.ticks.fire_due_clocks()
        self.daily.say()
        return self.settle()

    def mail_itself(self) -> None:
        """What `mailbot check --send` begins with."""
        tokens = Tokens(self.store.token_key, "example.org")
        loop.start(self.store.database, self.vault, self.now, lambda notice: loop_message_id(tokens, notice))

    def decide(self, verb: str, number: int, actor: str) -> None:
        """Somebody's word on a held mail: ``release`` or ``discard``."""
        with self.store.operate() as unit:
            assert {"release": release, "discard": discard}[verb](unit, number, actor, self.now) is not None

    def close_issue(self, number: int, outcome: str) -> None:
        with self.store.operate() as unit:
            close(unit, number, outcome, "operator", self.now)

    def reload(self, change: Callable[[str], str]) -> None:
        """Edit the config file and load it anew, as SIGHUP does."""
        config = self.installation.config
        config.write_text(change(config.read_text()))
        self.current.replace(load(config))

    def show(self, number: int) -> dict[str, Any]:
        """`mailbot issue show --json`."""
        with self.store.database.read() as connection:
            shown = Listings(connection, self.vault, "EX").issue(number)
        assert shown is not None
        return shown

    def listed(self, word: str) -> list[dict[str, Any]]:
        """`mailbot issue list WORD --json`."""
        with self.store.database.read() as connection:
            return Listings(connection, self.vault, "EX").issues(word, 0, self.now)

    def issues(self) -> list[dict[str, Any]]:
        with self.store.database.read() as connection:
            return Listings(connection, self.vault, "EX").issues(None, 0, self.now)

    def outgoing(self) -> list[dict[str, Any]]:
        """The outbox as `mailbot queue list --json` shows it, oldest first."""
        with self.store.database.read() as connection:
            return Listings(connection, self.vault, "EX").outbox(0)[::-1]

    def dispositions(self) -> list[str]:
        """What became of every accepted mail, in order of arrival."""
        with self.store.database.read() as connection:
            rows = Listings(connection, self.vault, "EX").inbox(0)
        return [str(row["disposition"] or row["state"]) for row in reversed(rows)]

    def end(self) -> None:
        self.intake.close()
        self.parser.close()
        self.gpg.close()
        self.scratch.close()
        self.store.database.close()


@contextmanager
def world(directory: Path, lab: Lab, **how: Any) -> Iterator[World]:
    """A bot as `install` makes it."""
    made = World(install(directory, lab, **how), lab)
    try:
        yield made
    finally:
        made.end()


def mail(
    text: str = "There is a heap overflow in frobnicate().\n", *, author: str = "Rita Reporter <rita@out.example>",
    subject: str = "Heap overflow in frobnicate", message_id: str = "<1@out.example>", **fields: str,
) -> bytes:  # fmt: skip
    """A plain mail as a person's mail program writes it. Further fields by name, ``in_reply_to="<1@x>"``."""
    lines = [f"From: {author}", "To: security@example.org", f"Subject: {subject}", f"Message-ID: {message_id}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in fields.items()]
    lines += ["MIME-Version: 1.0", "Content-Type: text/plain; charset=utf-8", "Content-Transfer-Encoding: 8bit", ""]
    return ("\n".join(lines) + "\n" + text).replace("\n", "\r\n").encode()
