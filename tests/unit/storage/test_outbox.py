"""The outbox on the database keeps the contract of the outgoing queue."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import insert, select

from mailbot.service.outgoing import Outcome, Result
from mailbot.storage import schema, seal
from mailbot.storage.database import Database
from mailbot.storage.outbox import SqlOutbox
from mailbot.storage.tables import blob_chunk, issue, notice, outbox
from mailbot.storage.unseal import load_unsealer
from mailbot.storage.vault import Vault, row_id
from tests.unit.smtp.outbox_contract import NOW, PLENTY, OutboxContract, SeenRow


class Bench:
    """What the contract needs: rows made by hand, and a lease clock that a test moves."""

    def __init__(self, directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._boot = 1000.0
        monkeypatch.setattr("mailbot.storage.claims.boot_seconds", lambda: self._boot)
        seal.generate(directory / "seal.key")
        self.database = Database(f"sqlite:///{directory / 'mailbot.db'}")
        schema.prepare(self.database, seal.load_sealer(directory / "seal.key"))
        with self.database.read() as connection:
            self.vault = Vault(load_unsealer(directory / "seal.key"), connection)
        self.outbox = SqlOutbox(self.database, self.vault)
        self._bodies: dict[bytes, int] = {}
        box, wrapped = self.vault.new_issue_key()
        self._box = box
        with self.database.write() as connection:
            self.issue = row_id(
                connection.execute(
                    insert(issue).values(
                        wrapped_key=wrapped, status="open", encrypted=False, drill=False, opened_at=NOW,
                        sealed=box.seal_json({"title": "x", "reporter": "r@x.example", "reporter_name": ""}, "issue"),
                    )
                )
            )  # fmt: skip

    def add(
        self,
        *,
        recipient: str = "bob@example.net",
        sender: str = "v@example.org",
        headers: bytes = b"",
        body: bytes = b"",
        member_id: str | None = None,
        next_at: datetime = NOW,
        kind: str = "report",
    ) -> int:
        with self.database.write() as connection:
            blob_id = self._bodies.get(body)
            if blob_id is None:
                blob_id = self.vault.write_blob(connection, self.issue, self._box, [body])
                if len(body) >= 1000:
                    self._bodies[body] = blob_id
            notice_id = row_id(
                connection.execute(
                    insert(notice).values(event=kind, created_at=NOW, sealed=b"", issue_id=self.issue, state="done")
                )
            )
            content = {"recipient": recipient, "sender": sender, "headers": headers.decode("utf-8", "surrogateescape")}
            return row_id(
                connection.execute(
                    insert(outbox).values(
                        notice_id=notice_id, seq=0, kind=kind, issue_id=self.issue, member_id=member_id,
                        blob_id=blob_id, created_at=NOW, not_before=next_at,
                        sealed=self._box.seal_json(content, "outbox"),
                    )
                )
            )  # fmt: skip

    def row(self, number: int) -> SeenRow:
        with self.database.read() as connection:
            found = connection.execute(select(outbox).where(outbox.c.id == number)).one()
            error = self._box.open_json(found.sealed_error, "error") if found.sealed_error else {"text": ""}
        return SeenRow(found.state, found.attempts, found.not_before or NOW, error["text"])

    def pass_time(self, seconds: float) -> None:
        self._boot += seconds

    def events(self) -> list[str]:
        with self.database.read() as connection:
            return list(connection.scalars(select(notice.c.event).where(notice.c.state == "new")))


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    made = Bench(tmp_path, monkeypatch)
    yield made
    made.database.close()


class TestSqlOutbox(OutboxContract):
    """The suite that also runs on the tests' twin."""


def test_a_body_is_stored_once_and_sealed(bench: Bench) -> None:
    body = b"word " * 1000
    for number in range(3):
        bench.add(recipient=f"m{number}@example.net", body=body)
    with bench.database.read() as connection:
        chunks = connection.scalars(select(blob_chunk.c.data)).all()
        rows = connection.execute(select(outbox)).all()
    assert sum(len(chunk) for chunk in chunks) < 1.1 * len(body)
    assert all(b"word" not in chunk for chunk in chunks)
    assert all(b"example.net" not in row.sealed for row in rows)


def test_a_mail_that_is_too_large_without_an_original_is_one_that_failed(bench: Bench) -> None:
    bench.add(kind="report", member_id="alice")
    (mail,) = bench.outbox.claim(1, PLENTY, NOW)
    bench.outbox.finish([Result(mail, Outcome.TOO_LARGE, 1, 552, "552 5.3.4 too big")], NOW)
    assert bench.row(mail.id).state == "failed"
    assert bench.events() == ["undelivered_member"]


@pytest.mark.parametrize(
    ("kind", "member_id", "told"),
    [
        ("report", "alice", ["undelivered_member"]),
        ("acknowledgement", None, ["undelivered_reporter"]),
        ("escalation_reporter", None, ["undelivered_reporter"]),
        ("undelivered_member", None, []),
        ("escalation", None, []),
        ("key", None, []),
    ],
)
def test_who_is_told_when_a_mail_fails_for_good(
    bench: Bench, kind: str, member_id: str | None, told: list[str]
) -> None:
    bench.add(kind=kind, member_id=member_id)
    (mail,) = bench.outbox.claim(1, PLENTY, NOW)
    failed = Result(mail, Outcome.FAILED, 1, 550, "550 5.1.1 nobody here")
    bench.outbox.finish([failed], NOW)
    bench.outbox.finish([failed], NOW)
    assert bench.events() == told


def test_a_deferred_mail_tells_nobody(bench: Bench) -> None:
    bench.add(member_id="alice")
    (mail,) = bench.outbox.claim(1, PLENTY, NOW)
    bench.outbox.finish([Result(mail, Outcome.DEFERRED, 1, 450, "later", NOW + timedelta(minutes=1))], NOW)
    assert bench.events() == []
