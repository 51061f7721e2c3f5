"""How fast mail leaves.

The sink is a process of its own that throws everything away; the outbox is in memory, so that the numbers are those of
delivery itself. The reference is aiosmtplib's own `sendmail` on one open connection. The ways take turns in each
round; what is printed is the median of the rounds, and CPU is that of this process alone.
"""

import asyncio
import multiprocessing
import resource
import statistics
import time
from collections.abc import Callable, Coroutine
from datetime import timedelta
from multiprocessing.connection import Connection as Pipe

import aiosmtplib

from mailbot.service.outgoing import OutgoingMail
from mailbot.smtp.connection import Connection
from mailbot.smtp.delivery import Delivery
from mailbot.smtp.smarthost import DEFAULT_LIMITS, Smarthost
from tests.bench.measure import machine
from tests.smarthost import FakeSmarthost
from tests.unit.smtp.memory_outbox import START, MemoryOutbox

HEADERS = b"Message-ID: <1@example.org>\r\nSubject: [EX-1] news\r\n\r\n"
BODY = (b"x" * 70 + b"\r\n") * 70


def sink(pipe: Pipe) -> None:
    async def serve() -> None:
        async with FakeSmarthost(keep=False) as smarthost:
            pipe.send(smarthost.port)
            await asyncio.to_thread(pipe.recv)

    asyncio.run(serve())


async def reference(port: int, mails: int) -> None:
    client = aiosmtplib.SMTP(hostname="127.0.0.1", port=port, start_tls=False, local_hostname="localhost")
    await client.connect()
    for _ in range(mails):
        await client.sendmail("v@example.org", ["bob@example.net"], HEADERS + BODY)
    await client.quit()


def delivering(parallel: int) -> Callable[[int, int], Coroutine[None, None, None]]:
    async def deliver(port: int, mails: int) -> None:
        outbox = MemoryOutbox()
        for _ in range(mails):
            outbox.add(body=BODY, headers=HEADERS)
        stop = asyncio.Event()
        delivery = Delivery(
            outbox,
            Smarthost("127.0.0.1", port, "none"),
            give_up_after=timedelta(days=5),
            now=lambda: START,
            still_wanted=lambda _: None,
            parallel=parallel,
        )
        running = asyncio.create_task(delivery.run(stop))
        await asyncio.to_thread(outbox.wait_until, lambda: outbox.rows[mails].state == "sent", 600)
        stop.set()
        await running

    return deliver


async def large(port: int, body: bytes) -> None:
    connection = await Connection.open(Smarthost("127.0.0.1", port, "none"), DEFAULT_LIMITS)
    mail = OutgoingMail(1, 1, "v@example.org", "bob@example.net", HEADERS, body, None, 0, START)
    await connection.send(mail, lambda: None)
    await connection.quit()


def run(rounds: int) -> None:
    mails = 1000
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=sink, args=(theirs,), daemon=True)
    process.start()
    port = ours.recv()
    ways = {
        "aiosmtplib.sendmail, 1 connection": reference,
        "delivery, 1 connection": delivering(1),
        "delivery, 4 connections": delivering(4),
    }
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            wall, cpu = time.perf_counter(), time.process_time()
            asyncio.run(way(port, mails))
            taken[name].append((time.perf_counter() - wall, time.process_time() - cpu))
    print(f"\nmail that leaves: {mails} mails of {len(HEADERS + BODY)} bytes, {rounds} rounds; {machine()}")
    for name, times in taken.items():
        walls = sorted(wall for wall, _ in times)
        cpu = statistics.median(cpu for _, cpu in times)
        print(
            f"{name:36} {mails / statistics.median(walls):8.0f} mails/s   {cpu / mails * 1e6:6.0f} us CPU/mail"
            f"   spread {walls[-1] / walls[0]:.2f}"
        )
    body = (b"A" * 76 + b"\r\n") * 440_000
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    wall, cpu = time.perf_counter(), time.process_time()
    asyncio.run(large(port, body))
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    peak = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1000
    print(f"one mail of {len(body) / 1e6:.0f} MB: {wall:.2f} s, {cpu:.2f} s CPU, {peak:.1f} MB of memory beside it")
    ours.send("stop")
    process.join(10)
