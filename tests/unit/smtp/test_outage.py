"""A smarthost in trouble: whose fault it is, when it is asked again, and that nothing is lost meanwhile."""

import asyncio
from datetime import timedelta

import pytest

from mailbot.service.outgoing import Outcome
from mailbot.smtp.backoff import Outage
from tests.smarthost import FakeSmarthost
from tests.unit.smtp.delivering import GIVE_UP, IMPATIENT, Clock, delivering, run, until
from tests.unit.smtp.memory_outbox import MemoryOutbox

STEP_ASIDE = timedelta(seconds=60)


def test_a47_a_smarthost_that_is_down_for_days_costs_no_mail_and_no_attempt() -> None:
    async def story() -> None:
        outbox, clock = MemoryOutbox(), Clock()
        for _ in range(6):
            outbox.add()
        smarthost = FakeSmarthost()
        await smarthost.start()
        await smarthost.stop()
        async with delivering(smarthost, outbox, clock=clock):
            await until(outbox, lambda: len(outbox.transactions) >= 3)
            assert outbox.states() == ["waiting"] * 6
            clock.advance(2 * GIVE_UP)
            count = len(outbox.transactions)
            await until(outbox, lambda: len(outbox.transactions) >= count + 2)
            assert {(row.state, row.attempts) for row in outbox.rows.values()} == {("waiting", 0)}
            assert outbox.rows[1].last_error.startswith("connect: ")
            await smarthost.start()
            await until(outbox, lambda: set(outbox.states()) == {"sent"})
        await smarthost.stop()
        assert len(smarthost.mails) == 6

    run(story())


@pytest.mark.parametrize(
    ("stage", "reply"),
    [
        ("connect", "421 4.3.2 closing"),
        ("connect", "554 5.3.2 no service here"),
        ("connect", "450 4.7.1 later"),
        ("EHLO", "421 4.3.2 closing"),
        ("EHLO", "450 4.7.1 later"),
        ("MAIL", "421 4.3.2 closing"),
        ("MAIL", "530 5.7.0 authentication required"),
        ("MAIL", "530 5.7.0 must issue a STARTTLS command first"),
        ("RCPT", "421 4.3.2 closing"),
        ("DATA", "421 4.3.2 closing"),
        ("content", "421 4.3.2 closing"),
    ],
)
def test_a47_a_smarthost_that_will_not_talk_to_us_costs_no_attempt(stage: str, reply: str) -> None:
    async def story() -> None:
        outbox, clock = MemoryOutbox(), Clock()
        outbox.add()
        async with FakeSmarthost() as smarthost:
            smarthost.on(stage, reply, times=2)
            async with delivering(smarthost, outbox, clock=clock, parallel=1):
                await until(outbox, lambda: len(outbox.transactions) == 1)
                assert outbox.transactions[0][0].outcome is Outcome.POSTPONED
                assert outbox.rows[1].last_error == f"{_named(stage)}: {reply}"
                clock.advance(STEP_ASIDE)
                await until(outbox, lambda: len(outbox.transactions) == 2)
                clock.advance(STEP_ASIDE)
                await until(outbox, lambda: outbox.states() == ["sent"])
            assert outbox.rows[1].attempts == 1

    run(story())


@pytest.mark.parametrize("stage", ["connect", "EHLO", "MAIL"])
@pytest.mark.parametrize("trouble", ["silent", "drop", "nonsense"])
@pytest.mark.parametrize("extensions", [("PIPELINING",), ()], ids=["pipelined", "one-by-one"])
def test_a47_a_smarthost_that_hangs_or_hangs_up_before_the_mail_costs_no_attempt(
    stage: str, trouble: str, extensions: tuple[str, ...]
) -> None:
    async def story() -> None:
        outbox, clock = MemoryOutbox(), Clock()
        outbox.add()
        async with FakeSmarthost(extensions) as smarthost:
            _make_trouble(smarthost, stage, trouble)
            async with delivering(smarthost, outbox, clock=clock, limits=IMPATIENT):
                await until(outbox, lambda: len(outbox.transactions) >= 1)
                assert (outbox.rows[1].state, outbox.rows[1].attempts) == ("waiting", 0)
                assert outbox.rows[1].last_error.startswith(f"{_named(stage)}: ")
                clock.advance(STEP_ASIDE)
                await until(outbox, lambda: outbox.states() == ["sent"])

    run(story())


@pytest.mark.parametrize("stage", ["RCPT", "DATA", "content"])
@pytest.mark.parametrize("trouble", ["silent", "drop", "nonsense"])
@pytest.mark.parametrize("extensions", [("PIPELINING",), ()], ids=["pipelined", "one-by-one"])
def test_a47_a_smarthost_that_hangs_or_hangs_up_on_a_mail_defers_that_mail(
    stage: str, trouble: str, extensions: tuple[str, ...]
) -> None:
    async def story() -> None:
        outbox, clock = MemoryOutbox(), Clock()
        outbox.add("bob@example.net")
        outbox.add("carol@example.net")
        async with FakeSmarthost(extensions) as smarthost:
            _make_trouble(smarthost, stage, trouble)
            async with delivering(smarthost, outbox, clock=clock, limits=IMPATIENT, parallel=1):
                await until(outbox, lambda: outbox.states() == ["waiting", "sent"])
                assert outbox.rows[1].attempts == 1
                assert outbox.rows[1].last_error.startswith(f"{_named(stage)}: ")
                clock.advance(timedelta(seconds=60))
                await until(outbox, lambda: outbox.states() == ["sent", "sent"])
            assert smarthost.connections == 2

    run(story())


def test_a47_a_smarthost_that_drops_after_the_data_gets_the_same_mail_again() -> None:
    async def story() -> None:
        outbox, clock = MemoryOutbox(), Clock()
        outbox.add(headers=b"Message-ID: <same@example.org>\r\n\r\n")
        async with FakeSmarthost() as smarthost:
            smarthost.on("content", drop=True, times=1)
            async with delivering(smarthost, outbox, clock=clock):
                await until(outbox, lambda: outbox.rows[1].attempts == 1)
                clock.advance(timedelta(seconds=60))
                await until(outbox, lambda: outbox.states() == ["sent"])
            first, second = smarthost.mails
            assert (first.answered, second.answered) == (False, True)
            assert first.wire == second.wire

    run(story())


def test_a47_a_mail_is_sent_once_if_the_smarthost_drops_right_after_its_250() -> None:
    async def story() -> None:
        outbox = MemoryOutbox()
        outbox.add()
        outbox.add()
        async with FakeSmarthost() as smarthost:
            smarthost.on("content", "250 2.0.0 queued", drop=True)
            async with delivering(smarthost, outbox, parallel=1):
                await until(outbox, lambda: outbox.states() == ["sent", "sent"])
            assert len(smarthost.mails) == 2
            assert [row.attempts for row in outbox.rows.values()] == [1, 1]

    run(story())


def test_a_mail_at_which_the_smarthost_always_closes_the_service_lets_the_others_through() -> None:
    async def story() -> None:
        outbox, clock = MemoryOutbox(), Clock()
        outbox.add("poison@example.net")
        for number in range(5):
            outbox.add(f"m{number}@example.net")
        async with FakeSmarthost() as smarthost:
            smarthost.on("RCPT", "421 4.3.0 filter died", matching="poison@", drop=True)
            async with delivering(smarthost, outbox, clock=clock, parallel=1):
                await until(outbox, lambda: outbox.states() == ["waiting"] + ["sent"] * 5)
                clock.advance(GIVE_UP)
                await until(outbox, lambda: outbox.states() == ["failed"] + ["sent"] * 5)

    run(story())


def test_during_an_outage_one_probe_at_a_time_goes_out_and_one_line_is_logged_each(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def story() -> None:
        outbox = MemoryOutbox()
        for _ in range(30):
            outbox.add()
        async with FakeSmarthost() as smarthost:
            smarthost.on("connect", "421 4.3.2 closing", drop=True)
            async with delivering(smarthost, outbox, outage=Outage(0.05, 0.05)):
                await smarthost.event(lambda: smarthost.connections >= 4 + 5)
            # Up to four side by side before anybody knew; afterwards each probe is alone, and has its line.
            lines = [r.getMessage() for r in caplog.records if "smarthost" in r.getMessage()]
            assert smarthost.connections - 4 <= len(lines) <= smarthost.connections

    run(story())


def test_a_probe_that_hangs_on_its_own_mail_does_not_hold_up_the_others() -> None:
    async def story() -> None:
        outbox = MemoryOutbox()
        outbox.add("slow@example.net")
        for number in range(5):
            outbox.add(f"m{number}@example.net")
        async with FakeSmarthost() as smarthost:
            smarthost.on("connect", "421 4.3.2 closing", drop=True, times=4)
            smarthost.on("RCPT", matching="slow@", silent=True)
            async with delivering(smarthost, outbox, drain_seconds=0.1):
                await until(outbox, lambda: outbox.states() == ["waiting"] + ["sent"] * 5)

    run(story())


def test_a_hanging_smarthost_holds_only_the_connections_that_hang() -> None:
    async def story() -> None:
        outbox = MemoryOutbox()
        for number in range(3):
            outbox.add(f"hang{number}@example.net")
        for number in range(20):
            outbox.add(f"m{number}@example.net")
        async with FakeSmarthost() as smarthost:
            smarthost.on("content", matching="hang", silent=True)
            async with delivering(smarthost, outbox, drain_seconds=0.1):
                await until(outbox, lambda: outbox.states().count("sent") == 20)
                assert outbox.claimed() == [1, 2, 3]

    run(story())


def test_a_reply_that_nobody_asked_for_is_never_taken_for_the_answer_to_the_next_command() -> None:
    async def story() -> None:
        outbox, clock = MemoryOutbox(), Clock()
        outbox.add("bob@example.net")
        async with FakeSmarthost() as smarthost:
            # Were the second reply kept, it would be read as the answer to the mail, which in truth is refused.
            smarthost.on("DATA", "354 go on\r\n250 2.0.0 queued", times=1)
            smarthost.on("content", "451 4.3.0 disk full", times=1)
            async with delivering(smarthost, outbox, clock=clock):
                await until(outbox, lambda: outbox.rows[1].attempts == 1)
                assert outbox.rows[1].state == "waiting"

    run(story())


def test_the_outage_is_over_as_soon_as_a_mail_is_let_in() -> None:
    async def story() -> None:
        outbox = MemoryOutbox()
        for _ in range(8):
            outbox.add()
        async with FakeSmarthost() as smarthost:
            smarthost.on("connect", drop=True, times=6)
            smarthost.on("content", delay=0.05)
            async with delivering(smarthost, outbox):
                await until(outbox, lambda: set(outbox.states()) == {"sent"})
            assert smarthost.most_connections >= 4

    run(story())


def test_a_stop_during_an_outage_is_immediate() -> None:
    async def story() -> None:
        outbox = MemoryOutbox()
        outbox.add()
        async with FakeSmarthost() as smarthost:
            smarthost.on("connect", drop=True)
            async with asyncio.timeout(5), delivering(smarthost, outbox, outage=Outage(3600.0, 3600.0)) as stop:
                await until(outbox, lambda: len(outbox.transactions) == 1)
                stop.set()
            assert outbox.claimed() == []

    run(story())


def _make_trouble(smarthost: FakeSmarthost, stage: str, trouble: str) -> None:
    if trouble == "nonsense":
        smarthost.on(stage, "hello, who is there?", times=1)
    else:
        smarthost.on(stage, silent=trouble == "silent", drop=trouble == "drop", times=1)


def _named(stage: str) -> str:
    return {"MAIL": "MAIL FROM", "RCPT": "RCPT TO", "content": "end of the mail"}.get(stage, stage)
