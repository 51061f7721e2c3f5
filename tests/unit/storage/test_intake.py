"""Many mails per commit: each is durable when `accept` returns, and each hears of its own failure."""

import asyncio
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from mailbot.mail.envelope import Envelope
from mailbot.storage import intake as intake_module
from mailbot.storage.database import StoreUnavailable
from mailbot.storage.intake import BATCH_BYTES, Intake
from mailbot.storage.tables import blob, blob_chunk, inbox
from tests.unit.storage.storeroom import NOW, RITA, Storeroom

MANY = 60


def envelope(number: int = 0) -> Envelope:
    return Envelope(f"sender{number}@out.example", ("security@example.org",), NOW, "192.0.2.1")


@pytest.fixture
def intake(room: Storeroom) -> Iterator[Intake]:
    made = Intake(room.database, room.sealer)
    yield made
    made.close()


class Gate:
    """Holds up the writer thread within its transaction until it is opened, and can make commits fail."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.entered = threading.Event()
        self.opened = threading.Event()
        self.failures: dict[int, Exception] = {}
        """Number of a batch, from 1 -> how its commit fails."""
        self.batches: list[int] = []
        usual = intake_module.store_mails

        def gated(connection: Any, envelopes: Any, sealed: Any) -> list[int]:
            self.batches.append(len(envelopes))
            self.entered.set()
            assert self.opened.wait(30)
            ids = usual(connection, envelopes, sealed)
            if len(self.batches) in self.failures:
                raise self.failures[len(self.batches)]
            return ids

        monkeypatch.setattr(intake_module, "store_mails", gated)

    async def first_is_inside(self) -> None:
        await asyncio.to_thread(self.entered.wait, 30)


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Gate:
    return Gate(monkeypatch)


def test_an_accepted_mail_is_stored_sealed_with_its_envelope(room: Storeroom, intake: Intake) -> None:
    raw = b"Subject: zymurgic\r\n\r\ntext\xff\r\n" * 100
    number = asyncio.run(intake.accept(envelope(), raw))
    (row,) = room.rows(inbox)
    assert (row.id, row.state, row.received_at, row.size) == (number, "new", NOW, len(raw))
    assert (row.turn, row.sender_hash, row.digest, row.attempts, row.claim_owner) == (None, None, None, 0, None)
    with room.database.read() as connection:
        first, body = room.vault.read_blob(connection, row.blob_id)
    assert (Envelope.from_bytes(first), body) == (envelope(), raw)
    assert not [chunk for chunk in room.rows(blob_chunk) if b"zymurgic" in chunk.data or b"out.example" in chunk.data]


def test_mails_that_wait_together_share_one_commit(room: Storeroom, intake: Intake, gate: Gate) -> None:
    commits = room.commits()

    async def accept_many() -> list[int]:
        first = asyncio.create_task(intake.accept(envelope(0), b"0"))
        await gate.first_is_inside()
        others = [asyncio.create_task(intake.accept(envelope(number), b"%d" % number)) for number in range(1, MANY)]
        await asyncio.sleep(0)  # all have begun
        gate.opened.set()
        return await asyncio.gather(first, *others)

    ids = asyncio.run(accept_many())
    assert (gate.batches, len(commits)) == ([1, MANY - 1], 2)
    assert sorted(ids) == [row.id for row in room.rows(inbox)]
    # Each got the number of its own mail.
    for number, inbox_id in enumerate(ids):
        with room.database.read() as connection:
            row = next(row for row in room.rows(inbox) if row.id == inbox_id)
            assert room.vault.read_blob(connection, row.blob_id)[1] == b"%d" % number


def test_a_large_mail_ends_a_batch(
    room: Storeroom, intake: Intake, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake_module, "BATCH_BYTES", 1000)
    assert BATCH_BYTES > 1000

    async def accept_many() -> None:
        first = asyncio.create_task(intake.accept(envelope(), b"x"))
        await gate.first_is_inside()
        others = [asyncio.create_task(intake.accept(envelope(), b"x" * size)) for size in (1500, 10, 10)]
        await asyncio.sleep(0)
        gate.opened.set()
        await asyncio.gather(first, *others)

    asyncio.run(accept_many())
    assert gate.batches == [1, 1, 2]


@pytest.mark.parametrize("error", [StoreUnavailable("the disk is full"), RuntimeError("a bug")])
def test_a31_a_commit_that_fails_fails_exactly_those_that_wait_for_it(
    room: Storeroom, intake: Intake, gate: Gate, error: Exception
) -> None:
    async def accept_many() -> list[int | BaseException]:
        gate.failures = {1: error}
        first = asyncio.create_task(intake.accept(envelope(), b"lost"))
        await gate.first_is_inside()
        others = [asyncio.create_task(intake.accept(envelope(number), b"kept")) for number in range(5)]
        await asyncio.sleep(0)
        gate.opened.set()
        return await asyncio.gather(first, *others, return_exceptions=True)

    first, *others = asyncio.run(accept_many())
    assert first is error
    assert sorted(row.id for row in room.rows(inbox)) == sorted(one for one in others if isinstance(one, int))
    assert len(room.rows(inbox)) == 5
    # Nothing of the lost one stayed behind either.
    assert len(room.rows(blob)) == 5
    assert len(room.rows(blob_chunk)) == 10


def test_a_batch_that_fails_fails_as_a_whole_and_the_next_one_works(
    room: Storeroom, intake: Intake, gate: Gate
) -> None:
    async def accept_many() -> tuple[list[int | BaseException], int]:
        first = asyncio.create_task(intake.accept(envelope(), b"kept"))
        await gate.first_is_inside()
        others = [asyncio.create_task(intake.accept(envelope(number), b"lost")) for number in range(3)]
        await asyncio.sleep(0)
        gate.failures = {2: StoreUnavailable("gone")}
        gate.opened.set()
        results = await asyncio.gather(first, *others, return_exceptions=True)
        return results, await intake.accept(envelope(), b"kept")

    results, last = asyncio.run(accept_many())
    assert [type(result) for result in results] == [int, *[StoreUnavailable] * 3]
    assert [row.id for row in room.rows(inbox)] == [results[0], last]


def test_a_session_that_ended_meanwhile_disturbs_no_other(room: Storeroom, intake: Intake, gate: Gate) -> None:
    async def accept_two() -> int:
        gone = asyncio.create_task(intake.accept(envelope(1), b"gone"))
        stays = asyncio.create_task(intake.accept(envelope(2), b"stays"))
        await gate.first_is_inside()
        gone.cancel()
        gate.opened.set()
        return await stays

    assert asyncio.run(accept_two()) in [row.id for row in room.rows(inbox)]
    # It had no 250, but it may well be stored: the peer sends it again, and it is known as a redelivery.
    assert len(room.rows(inbox)) == 2


def test_an_event_loop_that_ended_meanwhile_does_not_end_the_intake(
    room: Storeroom, intake: Intake, gate: Gate
) -> None:
    async def leave() -> None:
        asyncio.create_task(intake.accept(envelope(), b"left alone"))  # noqa: RUF006 - it is left behind on purpose
        await gate.first_is_inside()

    asyncio.run(leave())
    gate.opened.set()
    assert asyncio.run(asyncio.wait_for(intake.accept(envelope(), b"later"), 30)) == 2


def test_close_stores_what_was_handed_in_before(room: Storeroom, gate: Gate) -> None:
    intake = Intake(room.database, room.sealer)

    async def accept_and_close() -> list[int]:
        first = asyncio.create_task(intake.accept(envelope(), b"1"))
        await gate.first_is_inside()
        others = [asyncio.create_task(intake.accept(envelope(number), b"2")) for number in range(10)]
        await asyncio.sleep(0)
        closing = asyncio.create_task(asyncio.to_thread(intake.close))
        gate.opened.set()
        results = await asyncio.gather(first, *others)
        await closing
        return results

    assert sorted(asyncio.run(accept_and_close())) == [row.id for row in room.rows(inbox)]
    assert not intake._thread.is_alive()


def test_ids_follow_the_order_of_arrival(room: Storeroom, intake: Intake) -> None:
    async def one_after_the_other() -> list[int]:
        return [await intake.accept(envelope(number), b"x") for number in range(5)]

    ids = asyncio.run(one_after_the_other())
    assert ids == sorted(ids)
    assert RITA not in str(room.rows(inbox))
