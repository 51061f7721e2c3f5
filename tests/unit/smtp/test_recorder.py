"""Results on their way into the outbox."""

import asyncio
import contextlib
import threading
from collections.abc import Sequence
from datetime import datetime

import pytest

from mailbot.service.outgoing import Outcome, OutgoingMail, Result
from mailbot.smtp import recorder
from mailbot.smtp.recorder import Recorder
from tests.unit.smtp.delivering import run
from tests.unit.smtp.memory_outbox import START, MemoryOutbox


class SlowOutbox(MemoryOutbox):
    """Every transaction waits for the gate."""

    def __init__(self) -> None:
        super().__init__()
        self.begun = threading.Semaphore(0)
        self.gate = threading.Semaphore(0)

    def finish(self, results: Sequence[Result], now: datetime) -> None:
        self.begun.release()
        assert self.gate.acquire(timeout=10)
        super().finish(results, now)


def sent(mail: OutgoingMail) -> Result:
    return Result(mail, Outcome.SENT, 1, 250, "")


def test_results_that_arrive_during_a_transaction_share_the_next() -> None:
    async def story() -> None:
        outbox = SlowOutbox()
        for _ in range(4):
            outbox.add()
        mails = outbox.claim(4, 1000, START)
        recorder = Recorder(outbox, lambda: START)
        running = asyncio.create_task(recorder.run())
        first = asyncio.create_task(recorder.record(sent(mails[0])))
        await asyncio.to_thread(outbox.begun.acquire)
        others = [asyncio.create_task(recorder.record(sent(mail))) for mail in mails[1:]]
        await asyncio.sleep(0)
        outbox.gate.release()
        await first
        assert outbox.states() == ["sent", "waiting", "waiting", "waiting"]
        outbox.gate.release()
        await asyncio.gather(*others)
        assert [len(transaction) for transaction in outbox.transactions] == [1, 3]
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running

    run(story())


def test_results_wait_for_a_store_that_fails_and_none_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recorder, "_RETRY_SECONDS", 0.01)

    async def story() -> None:
        outbox = SlowOutbox()
        outbox.add()
        outbox.add()
        one, two = outbox.claim(2, 1000, START)
        outbox.failure = OSError("disk full")
        recorder = Recorder(outbox, lambda: START)
        running = asyncio.create_task(recorder.run())
        first = asyncio.create_task(recorder.record(sent(one)))
        await asyncio.to_thread(outbox.begun.acquire)
        second = asyncio.create_task(recorder.record(sent(two)))
        outbox.gate.release()
        await asyncio.to_thread(outbox.begun.acquire)
        assert (first.done(), second.done()) == (False, False)
        outbox.failure = None
        outbox.gate.release(10)
        await asyncio.gather(first, second)
        assert outbox.states() == ["sent", "sent"]
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running

    run(story())


def test_a_result_that_the_store_cannot_take_holds_up_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recorder, "_RETRY_SECONDS", 0.01)

    class PickyOutbox(MemoryOutbox):
        def finish(self, results: Sequence[Result], now: datetime) -> None:
            if any(result.mail.id == 1 for result in results):
                raise ValueError("constraint")
            super().finish(results, now)

    async def story() -> None:
        outbox = PickyOutbox()
        for _ in range(5):
            outbox.add()
        mails = outbox.claim(5, 1000, START)
        recorder = Recorder(outbox, lambda: START)
        running = asyncio.create_task(recorder.run())
        poison = asyncio.create_task(recorder.record(sent(mails[0])))
        async with asyncio.timeout(5):
            await asyncio.gather(*(recorder.record(sent(mail)) for mail in mails[1:]))
        assert outbox.states() == ["waiting"] + ["sent"] * 4
        assert not poison.done()
        for task in (poison, running):
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    run(story())
