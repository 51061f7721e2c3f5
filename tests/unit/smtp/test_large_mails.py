"""Large mails, and smarthosts that misbehave in the middle of one."""

import asyncio
import contextlib
import tracemalloc
from collections.abc import AsyncIterator, Awaitable, Callable

from mailbot.service.outgoing import Outcome
from mailbot.smtp.connection import Connection
from mailbot.smtp.replies import Answer
from mailbot.smtp.smarthost import Limits, Smarthost
from tests.smarthost import FakeSmarthost
from tests.unit.smtp.delivering import IMPATIENT, QUICK, mail, run


@contextlib.asynccontextmanager
async def misbehaving(
    after_data: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]],
) -> AsyncIterator[Smarthost]:
    """A smarthost that is well-behaved up to DATA, does `after_data`, and then nothing until the block ends."""
    tasks = []
    writers = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.append(asyncio.current_task())
        writers.append(writer)
        writer.write(b"220 x\r\n")
        for reply in ("250 x", "250 ok", "250 ok", "354 go on"):
            await reader.readline()
            writer.write(reply.encode() + b"\r\n")
        with contextlib.suppress(asyncio.CancelledError, OSError, EOFError):
            await after_data(reader, writer)
            await asyncio.Event().wait()

    # A small limit makes the kernel's buffers fill up while nobody reads.
    server = await asyncio.start_server(serve, "127.0.0.1", 0, limit=100_000)
    async with server:
        yield Smarthost("127.0.0.1", server.sockets[0].getsockname()[1], "none")
        for task in tasks:
            assert task is not None
            task.cancel()
            await task
        for writer in writers:
            writer.transport.abort()


def test_a_refusal_in_the_middle_of_a_large_mail_is_heard_at_once() -> None:
    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(50_000)
        writer.write(b"552 5.3.4 too big\r\n")

    async def story() -> None:
        async with misbehaving(refuse) as smarthost:
            connection = await Connection.open(smarthost, Limits(command=20.0))
            async with asyncio.timeout(5):
                answer = await connection.send(mail(b"x" * 20_000_000 + b"\r\n"), lambda: None)
            assert answer == Answer(Outcome.TOO_LARGE, 552, "end of the mail: 552 5.3.4 too big")
            assert not connection.alive

    run(story())


def test_an_acceptance_in_the_middle_of_a_large_mail_is_not_believed() -> None:
    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(50_000)
        writer.write(b"250 2.0.0 queued\r\n")

    async def story() -> None:
        async with misbehaving(accept) as smarthost:
            connection = await Connection.open(smarthost, QUICK)
            answer = await connection.send(mail(b"x" * 20_000_000 + b"\r\n"), lambda: None)
            assert answer.outcome is Outcome.DEFERRED
            assert not connection.alive

    run(story())


def test_a_smarthost_that_stops_reading_a_large_mail_defers_it_in_time() -> None:
    async def stall(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()

    async def story() -> None:
        async with misbehaving(stall) as smarthost:
            connection = await Connection.open(smarthost, IMPATIENT)
            answer = await connection.send(mail(b"x" * 20_000_000 + b"\r\n"), lambda: None)
            assert answer == Answer(Outcome.DEFERRED, None, "end of the mail: no answer in time")

    run(story())


def test_a_smarthost_that_goes_away_in_the_middle_of_a_large_mail_defers_it() -> None:
    async def leave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(50_000)
        writer.transport.abort()

    async def story() -> None:
        async with misbehaving(leave) as smarthost:
            connection = await Connection.open(smarthost, QUICK)
            answer = await connection.send(mail(b"x" * 20_000_000 + b"\r\n"), lambda: None)
            assert (answer.outcome, answer.code) == (Outcome.DEFERRED, None)

    run(story())


def test_a_transfer_that_only_crawls_is_given_up() -> None:
    async def crawl(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for _ in range(200):
            await reader.read(200_000)
            await asyncio.sleep(0.05)

    async def story() -> None:
        async with misbehaving(crawl) as smarthost:
            # 25 MB at no less than 50 MB a second, half a second for the start: about one second.
            connection = await Connection.open(smarthost, Limits(command=0.5, slowest=50_000_000))
            async with asyncio.timeout(10):
                answer = await connection.send(mail(b"x" * 25_000_000 + b"\r\n"), lambda: None)
            assert answer == Answer(Outcome.DEFERRED, None, "end of the mail: no answer in time")

    run(story())


def test_sending_a_large_mail_takes_little_memory_beside_it_and_never_holds_the_loop() -> None:
    body = (b"A" * 76 + b"\r\n") * 320_000

    async def story() -> None:
        async with FakeSmarthost(keep=False) as smarthost:
            loop = asyncio.get_running_loop()
            stalls = []

            async def watch() -> None:
                last = loop.time()
                while True:
                    await asyncio.sleep(0)
                    stalls.append(loop.time() - last)
                    last = loop.time()

            connection = await Connection.open(Smarthost("127.0.0.1", smarthost.port, "none"), QUICK)
            tracemalloc.start()
            watching = asyncio.create_task(watch())
            answer = await connection.send(mail(body), lambda: None)
            watching.cancel()
            _, peak = tracemalloc.get_traced_memory()
            tracemalloc.stop()
            assert answer.outcome is Outcome.SENT
            assert peak < 0.2 * len(body)
            assert sorted(stalls)[int(len(stalls) * 0.99)] < 0.05
            await connection.quit()

    run(story())
