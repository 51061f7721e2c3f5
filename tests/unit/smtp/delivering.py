"""A running delivery for tests: a clock that stands still until told, the outbox in memory, short time limits."""

import asyncio
import contextlib
import gc
from collections.abc import AsyncIterator, Callable, Coroutine
from datetime import datetime, timedelta
from typing import Any

from mailbot.service.outgoing import OutgoingMail
from mailbot.smtp.backoff import Outage
from mailbot.smtp.delivery import Delivery
from mailbot.smtp.smarthost import Limits, Smarthost
from tests.smarthost import FakeSmarthost
from tests.unit.smtp.memory_outbox import START, MemoryOutbox

QUICK = Limits(connect=5.0, command=5.0, content=5.0, quit=2.0)
IMPATIENT = Limits(connect=0.3, command=0.3, content=0.3, quit=0.3)
GIVE_UP = timedelta(days=5)


class Clock:
    def __init__(self) -> None:
        self.value = START

    def __call__(self) -> datetime:
        return self.value

    def advance(self, step: timedelta) -> None:
        self.value += step


def run(story: Coroutine[Any, Any, None]) -> None:
    """Run one test's story; fail rather than hang, and fail for what asyncio would only have logged."""
    complaints = []

    async def bounded() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
        async with asyncio.timeout(30):
            await story

    asyncio.run(bounded())
    gc.collect()
    assert complaints == [], [str(complaint) for complaint in complaints]


@contextlib.asynccontextmanager
async def delivering(
    smarthost: FakeSmarthost,
    outbox: MemoryOutbox,
    *,
    clock: Clock | None = None,
    tls: Any = "none",
    host: str = "127.0.0.1",
    parallel: int = 4,
    limits: Limits = QUICK,
    still_wanted: Callable[[OutgoingMail], str | None] = lambda _: None,
    give_up_after: timedelta = GIVE_UP,
    outage: Outage | None = None,
    drain_seconds: float = 10.0,
    **smarthost_options: Any,
) -> AsyncIterator[asyncio.Event]:
    """Delivery runs inside the block and has stopped after it."""
    delivery = Delivery(
        outbox,
        Smarthost(host, smarthost.port, tls, **smarthost_options),
        give_up_after=give_up_after,
        now=clock or Clock(),
        still_wanted=still_wanted,
        parallel=parallel,
        limits=limits,
        outage=outage or Outage(0.05, 0.2),
        drain_seconds=drain_seconds,
    )
    stop = asyncio.Event()
    running = asyncio.create_task(delivery.run(stop))
    try:
        yield stop
    finally:
        stop.set()
        await running


async def until(outbox: MemoryOutbox, condition: Callable[[], bool]) -> None:
    await asyncio.to_thread(outbox.wait_until, condition)


HEADERS = b"Message-ID: <1@example.org>\r\n\r\n"


def mail(body: bytes = b"hello\r\n", recipient: str = "bob@example.net", sender: str = "v@example.org") -> OutgoingMail:
    return OutgoingMail(1, 1, sender, recipient, HEADERS, body, None, 0, START)
