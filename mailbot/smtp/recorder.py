"""Results on their way into the outbox: recorded at once, those of parallel connections together.

A result is written as soon as the store is free; what arrives during one transaction shares the next. Nothing is
dropped: while the store cannot be written, results wait and are tried again, because the smarthost has the mail. They
are then tried one by one, so that a single result that the store cannot take holds up no other.
"""

import asyncio
from collections.abc import Callable
from datetime import datetime

from mailbot import maillog
from mailbot.errors import TemporaryError
from mailbot.service.outgoing import Outbox, Outcome, Result

_RETRY_SECONDS = 1.0
"""Pause after the store failed: short against the lease, so that a passing lock costs no claim."""


class Recorder:
    def __init__(self, outbox: Outbox, now: Callable[[], datetime]) -> None:
        self._outbox = outbox
        self._now = now
        self._waiting: list[tuple[Result, asyncio.Future[None]]] = []
        self._filled = asyncio.Event()
        self.troubled = False
        """The store is away. Leases may have run out meanwhile, so a row must not be claimed before what became of it
        is written: the mail would go out twice."""

    async def record(self, *results: Result) -> None:
        """Return when the results are durable."""
        loop = asyncio.get_running_loop()
        written = [loop.create_future() for _ in results]
        self._waiting.extend(zip(results, written, strict=True))
        self._filled.set()
        for future in written:
            await future

    async def run(self) -> None:
        """Write what comes, until cancelled."""
        one_by_one = False
        while True:
            await self._filled.wait()
            batch = self._waiting[: 1 if one_by_one else None]
            del self._waiting[: len(batch)]
            try:
                await asyncio.to_thread(self._outbox.finish, [result for result, _ in batch], self._now())
            except Exception as error:  # noqa: BLE001 - whatever the store has, the mail is out and must be recorded
                maillog.trouble("outbox", error)
                self.troubled = isinstance(error, TemporaryError)
                self._waiting.extend(batch)
                one_by_one = True
                await asyncio.sleep(_RETRY_SECONDS)
                continue
            self.troubled = False
            if not self._waiting:
                self._filled.clear()
                one_by_one = False
            for result, written in batch:
                _log(result)
                if not written.done():
                    written.set_result(None)


def _log(result: Result) -> None:
    match result.outcome:
        case Outcome.SENT:
            maillog.sent(result.mail.id, result.attempts)
        case Outcome.DEFERRED:
            maillog.deferred(result.mail.id, result.attempts, result.code)
        case Outcome.FAILED | Outcome.TOO_LARGE:
            maillog.failed(result.mail.id, result.attempts, result.code)
        case Outcome.CANCELLED:
            maillog.cancelled(result.mail.id, result.text or "-")
        case Outcome.POSTPONED:
            # The smarthost's trouble has its own line, once for all the mails it holds up.
            pass
