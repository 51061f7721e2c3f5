"""A new database with its keys, mails put into its inbox by hand, and a lease clock that a test moves."""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Table, event, select

from mailbot.mail.envelope import Envelope
from mailbot.service.store import ClaimedMail, ClaimedNotice, MailKeys, NewIssue
from mailbot.storage import leases, schema, seal
from mailbot.storage.database import Database
from mailbot.storage.intake import store_mails
from mailbot.storage.leases import Owner
from mailbot.storage.store import Store
from mailbot.storage.unit_of_work import UnitOfWork
from mailbot.storage.unseal import load_unsealer
from mailbot.storage.vault import Vault

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
RITA = "rita@out.example"


def keys(envelope: Envelope, head: bytes) -> MailKeys:
    """The first pass of these tests: what stands in a mail are the words that it shares with others."""
    return MailKeys(envelope.reverse_path, tuple(head.decode().split()))


@dataclass
class Storeroom:
    directory: Path
    database: Database
    vault: Vault
    sealer: seal.Sealer
    boot: list[float] = field(default_factory=lambda: [1000.0])
    """Seconds of the lease clock."""

    @classmethod
    def build(cls, directory: Path) -> "Storeroom":
        seal.generate(directory / "seal.key")
        return cls.open(directory)

    @classmethod
    def open(cls, directory: Path) -> "Storeroom":
        sealer = seal.load_sealer(directory / "seal.key")
        database = Database(f"sqlite:///{directory / 'mailbot.db'}")
        schema.prepare(database, sealer)
        with database.read() as connection:
            vault = Vault(load_unsealer(directory / "seal.key"), connection)
        return cls(directory, database, vault, sealer)

    def copy(self, directory: Path) -> "Storeroom":
        """The same room, empty as this one, elsewhere: faster than making all tables anew."""
        self.database.close()  # which empties the log into the file
        for name in ("seal.key", "seal.key.pub", "mailbot.db"):
            shutil.copy2(self.directory / name, directory / name)
        return Storeroom.open(directory)

    def hurry(self) -> None:
        """Do not wait for the disk: no test here pulls the plug."""

        @event.listens_for(self.database.engine, "connect")
        def unsafe(connection: Any, _record: Any) -> None:
            connection.execute("PRAGMA synchronous=OFF")

        self.database.close()

    def control_leases(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for module in ("claims", "leadership"):
            monkeypatch.setattr(f"mailbot.storage.{module}.boot_seconds", lambda: self.boot[0])

    def pass_time(self, seconds: float) -> None:
        self.boot[0] += seconds

    def worker(self, name: str = "one") -> Store:
        """A store as another process would have it. `name` tells processes apart; none of them is dead."""
        made = Store(self.database, self.vault)
        made._owner = Owner(f"{leases._machine().split('/')[0]}/elsewhere:{name}:1")
        return made

    def accept(self, sender: str = RITA, words: str = "", received_at: datetime = NOW) -> int:
        """A mail in the inbox, as the intake leaves it. `words` are what it shares with others."""
        envelope = Envelope(sender, ("security@example.org",), received_at)
        sealed = self.sealer.seal(envelope.to_bytes(), words.encode())
        with self.database.write() as connection:
            (number,) = store_mails(connection, [envelope], [sealed])
        return number

    def index(self, limit: int = 50) -> int:
        return self.worker().index_mails(keys, limit)

    def open_issue(self, title: str = "A title", reporter: str = RITA, *, encrypted: bool = False) -> int:
        with self.database.write() as connection:
            return UnitOfWork(connection, self.vault).open_issue(NewIssue(title, reporter, "Rita", encrypted, NOW))

    def notify(self, event: str = "report", number: int | None = None, params: Mapping[str, Any] | None = None) -> None:
        with self.database.write() as connection:
            UnitOfWork(connection, self.vault).notify(event, number, params or {}, NOW)

    def rows(self, table: Table) -> list[Any]:
        with self.database.read() as connection:
            return list(connection.execute(select(table)))

    def everything(self) -> dict[str, list[Any]]:
        """All rows of all tables, to prove that nothing changed."""
        from mailbot.storage.tables import metadata

        return {name: self.rows(table) for name, table in metadata.tables.items()}

    def commits(self) -> list[float]:
        """A list that grows by one with every write transaction that is committed from now on."""
        counted: list[float] = []

        @event.listens_for(self.database.engine, "commit")
        def count(connection: Any) -> None:
            if connection.info["write"]:
                counted.append(self.boot[0])

        return counted


def claimed(store: Store, now: datetime = NOW) -> ClaimedMail:
    found = store.claim_mail(now)
    assert found is not None
    return found


def claimed_notice(store: Store, now: datetime = NOW) -> ClaimedNotice:
    found = store.claim_notice(now)
    assert found is not None
    return found


MINUTE = timedelta(minutes=1)
