"""What delivery does while its store is away, with its leases, and at a stop."""

import asyncio
from collections.abc import Sequence
from datetime import datetime

import pytest

from mailbot.errors import TemporaryError
from mailbot.service.outgoing import LEASE_SECONDS, Result
from mailbot.smtp import delivery
from tests.smarthost import FakeSmarthost
from tests.unit.smtp.delivering import IMPATIENT, delivering, run, until
from tests.unit.smtp.memory_outbox import MemoryOutbox


def test_a_sent_mail_is_recorded_however_long_the_store_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mailbot.smtp.recorder._RETRY_SECONDS", 0.01)
    monkeypatch.setattr(delivery, "STORE_PAUSE_SECONDS", 0.01)

    async def story() -> None:
        outbox, tried = MemoryOutbox(), asyncio.Event()
        outbox.add()
        async with FakeSmarthost() as smarthost, delivering(smarthost, outbox):
            loop = asyncio.get_running_loop()

            def fail(results: Sequence[Result], now: datetime) -> None:
                loop.call_soon_threadsafe(tried.set)
                raise OSError("disk full")

            outbox.finish = fail  # type: ignore[method-assign]
            await tried.wait()
            tried.clear()
            await tried.wait()
            assert outbox.states() == ["waiting"]
            del outbox.finish
            await until(outbox, lambda: outbox.states() == ["sent"])
            assert len(smarthost.mails) == 1

    run(story())


def test_a_sent_mail_is_not_claimed_anew_before_that_is_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mailbot.smtp.recorder._RETRY_SECONDS", 0.2)

    async def story() -> None:
        seconds, tried = 0.0, asyncio.Event()
        outbox = MemoryOutbox(lambda: seconds)
        outbox.add()
        async with FakeSmarthost() as smarthost, delivering(smarthost, outbox):
            loop = asyncio.get_running_loop()

            def fail(results: Sequence[Result], now: datetime) -> None:
                loop.call_soon_threadsafe(tried.set)
                raise TemporaryError("locked")

            outbox.finish = fail  # type: ignore[method-assign]
            await tried.wait()
            seconds += 2 * LEASE_SECONDS
            outbox.add("other@example.net")
            for _ in range(5):
                tried.clear()
                await tried.wait()
            del outbox.finish
            await until(outbox, lambda: outbox.states() == ["sent", "sent"])
            assert [mail.recipient for mail in smarthost.mails] == ["bob@example.net", "other@example.net"]

    run(story())


def test_delivery_goes_on_after_the_store_could_not_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivery, "STORE_PAUSE_SECONDS", 0.01)

    async def story() -> None:
        outbox = MemoryOutbox()
        outbox.failure = OSError("locked")
        outbox.add()
        async with FakeSmarthost() as smarthost, delivering(smarthost, outbox):
            await asyncio.sleep(0.05)
            assert smarthost.connections == 0
            outbox.failure = None
            await until(outbox, lambda: outbox.states() == ["sent"])

    run(story())


def test_leases_are_renewed_while_a_mail_is_under_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivery, "RENEW_SECONDS", 0.02)

    async def story() -> None:
        outbox, seconds = MemoryOutbox(lambda: seconds), 0.0
        outbox.add()
        async with FakeSmarthost() as smarthost:
            smarthost.on("content", silent=True)
            async with delivering(smarthost, outbox, drain_seconds=0.1):
                await smarthost.event(lambda: len(smarthost.mails) == 1)
                for _ in range(5):
                    seconds += 20.0
                    await until(outbox, lambda wanted=outbox.renewals + 1: outbox.renewals >= wanted)  # type: ignore[misc]
                    assert outbox.claimed() == [1]

    run(story())


def test_a_row_claimed_ahead_and_lost_to_somebody_else_is_not_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivery, "RENEW_SECONDS", 0.02)

    async def story() -> None:
        seconds = 0.0
        outbox = MemoryOutbox(lambda: seconds)
        first, second = outbox.add("first@example.net"), outbox.add("second@example.net")
        async with FakeSmarthost() as smarthost:
            smarthost.on("content", matching="first@", silent=True)
            async with delivering(smarthost, outbox, parallel=1, limits=IMPATIENT):
                await smarthost.event(lambda: len(smarthost.mails) == 1)
                outbox.rows[second].token += 1
                await until(outbox, lambda: outbox.rows[first].attempts == 1)
            assert [mail.recipient for mail in smarthost.mails] == ["first@example.net"]

    run(story())


def test_a_stop_finishes_what_is_being_sent_and_gives_the_rest_back() -> None:
    async def story() -> None:
        outbox = MemoryOutbox()
        for _ in range(10):
            outbox.add()
        async with FakeSmarthost() as smarthost:
            smarthost.on("content", delay=0.2)
            async with delivering(smarthost, outbox, parallel=2) as stop:
                await smarthost.event(lambda: smarthost.verbs().count("DATA") == 2)
                stop.set()
            assert outbox.states() == ["sent"] * 2 + ["waiting"] * 8
            assert [row.attempts for row in outbox.rows.values()] == [1] * 2 + [0] * 8
            assert outbox.claimed() == []
            assert smarthost.verbs().count("QUIT") == 2

    run(story())


def test_a_stop_is_bounded_and_a_mail_that_it_cuts_off_is_free_for_the_next_start() -> None:
    async def story() -> None:
        outbox = MemoryOutbox()
        outbox.add()
        async with FakeSmarthost() as smarthost:
            smarthost.on("content", silent=True, times=1)
            async with delivering(smarthost, outbox, drain_seconds=0.1) as stop:
                await smarthost.event(lambda: len(smarthost.mails) == 1)
                stop.set()
            assert (outbox.states(), outbox.claimed(), outbox.rows[1].attempts) == (["waiting"], [], 0)
            async with delivering(smarthost, outbox):
                await until(outbox, lambda: outbox.states() == ["sent"])
            first, second = smarthost.mails
            assert first.wire == second.wire

    run(story())


def test_a_stop_while_the_store_is_away_still_ends() -> None:
    async def story() -> None:
        outbox = MemoryOutbox()
        outbox.add()
        async with FakeSmarthost() as smarthost, delivering(smarthost, outbox, drain_seconds=0.1) as stop:
            smarthost.on("content", delay=0.05)
            await smarthost.event(lambda: smarthost.verbs().count("DATA") == 1)
            outbox.failure = OSError("gone")
            stop.set()

    run(story())
