"""What becomes of mails when the smarthost works, and when it refuses one of them."""

import itertools
import logging
from datetime import timedelta

import pytest

from mailbot.service.outgoing import Outcome, OutgoingMail
from mailbot.smtp import connections
from tests.smarthost import FakeSmarthost
from tests.unit.smtp.delivering import GIVE_UP, Clock, delivering, run, until
from tests.unit.smtp.memory_outbox import START, MemoryOutbox


def test_a_due_mail_reaches_the_smarthost_byte_for_byte() -> None:
    async def story() -> None:
        outbox = MemoryOutbox()
        number = outbox.add(
            "bob@example.net",
            b".\r\n..\r\n.x\r\n\r\n.\r\nend\r\n",
            headers=b"Message-ID: <7@example.org>\r\n\r\n",
            sender="v@example.org",
        )
        async with FakeSmarthost() as smarthost:
            async with delivering(smarthost, outbox):
                await until(outbox, lambda: outbox.states() == ["sent"])
            (mail,) = smarthost.mails
            assert (mail.sender, mail.recipient) == ("v@example.org", "bob@example.net")
            assert mail.content == b"Message-ID: <7@example.org>\r\n\r\n.\r\n..\r\n.x\r\n\r\n.\r\nend\r\n"
            assert outbox.rows[number].attempts == 1
            assert smarthost.verbs()[-1] == "QUIT"

    run(story())


def test_a_temporary_refusal_defers_the_mail_and_its_repeat_is_the_same() -> None:
    async def story() -> None:
        outbox, clock = MemoryOutbox(), Clock()
        number = outbox.add()
        async with FakeSmarthost() as smarthost:
            smarthost.on("content", "451 4.3.0 greylisted", times=1)
            async with delivering(smarthost, outbox, clock=clock):
                await until(outbox, lambda: outbox.rows[number].attempts == 1)
                row = outbox.rows[number]
                assert row.state == "waiting"
                assert row.last_error == "end of the mail: 451 4.3.0 greylisted"
                assert timedelta(seconds=48) <= row.next_at - START <= timedelta(seconds=60)
                clock.advance(timedelta(seconds=60))
                await until(outbox, lambda: outbox.states() == ["sent"])
            assert (outbox.rows[number].attempts, outbox.rows[number].last_error) == (2, "")
            first, second = smarthost.mails
            assert first.wire == second.wire
            assert b"Message-ID: <1@example.org>" in first.wire

    run(story())


@pytest.mark.parametrize("stage", ["MAIL", "RCPT", "DATA", "content"])
def test_a_permanent_refusal_fails_that_mail_and_no_other(stage: str) -> None:
    async def story() -> None:
        outbox = MemoryOutbox()
        for name in ("alice", "nobody", "carol"):
            outbox.add(f"{name}@example.net", sender=f"{name}@example.org")
        async with FakeSmarthost() as smarthost:
            if stage == "DATA":
                smarthost.on("DATA", times=0)
                smarthost.on("DATA", "554 5.7.1 no", times=1)
            else:
                smarthost.on(stage, "554 5.7.1 no", matching="nobody@")
            async with delivering(smarthost, outbox, parallel=1):
                await until(outbox, lambda: "waiting" not in outbox.states())
            refused = 1 if stage == "DATA" else 2
            assert [number for number, row in outbox.rows.items() if row.state == "failed"] == [refused]
            assert outbox.states().count("sent") == 2
            assert outbox.rows[refused].last_error.endswith(": 554 5.7.1 no")
            assert outbox.rows[refused].attempts == 1
            assert smarthost.connections == 1
            assert smarthost.verbs().count("RSET") == 1

    run(story())


def test_a_bad_recipient_blocks_nobody_even_if_it_is_always_first() -> None:
    async def story() -> None:
        outbox = MemoryOutbox()
        outbox.add("slow@example.net")
        for number in range(20):
            outbox.add(f"m{number}@example.net")
        async with FakeSmarthost() as smarthost:
            smarthost.on("RCPT", matching="slow@", silent=True)
            async with delivering(smarthost, outbox, drain_seconds=0.1):
                await until(outbox, lambda: outbox.states().count("sent") == 20)
                assert outbox.rows[1].state == "waiting"
                assert outbox.claimed() == [1]

    run(story())


def test_mails_go_in_the_order_of_their_ids() -> None:
    async def story() -> None:
        outbox = MemoryOutbox()
        for number in range(1, 31):
            outbox.add(f"m{number}@example.net")
        async with FakeSmarthost() as smarthost:
            async with delivering(smarthost, outbox, parallel=1):
                await until(outbox, lambda: set(outbox.states()) == {"sent"})
            assert [mail.recipient for mail in smarthost.mails] == [f"m{number}@example.net" for number in range(1, 31)]

    run(story())


def test_a_member_who_left_gets_nothing_that_was_still_waiting() -> None:
    async def story() -> None:
        outbox = MemoryOutbox()
        outbox.add("mallory@members.example", member_id="mallory")
        outbox.add("alice@members.example", member_id="alice")

        def still_wanted(mail: OutgoingMail) -> str | None:
            return "no member any more" if mail.member_id == "mallory" else None

        async with FakeSmarthost() as smarthost:
            async with delivering(smarthost, outbox, still_wanted=still_wanted):
                await until(outbox, lambda: outbox.states() == ["cancelled", "sent"])
            assert [mail.recipient for mail in smarthost.mails] == ["alice@members.example"]
            assert (outbox.rows[1].attempts, outbox.rows[1].last_error) == (0, "no member any more")

    run(story())


def test_a_mail_waits_while_it_cannot_be_found_out_whether_it_is_still_wanted() -> None:
    async def story() -> None:
        outbox, clock, broken = MemoryOutbox(), Clock(), True
        outbox.add()

        def still_wanted(mail: OutgoingMail) -> str | None:
            if broken:
                raise OSError("no database")
            return None

        async with FakeSmarthost() as smarthost, delivering(smarthost, outbox, clock=clock, still_wanted=still_wanted):
            await until(outbox, lambda: len(outbox.transactions) == 1)
            assert (outbox.rows[1].state, outbox.rows[1].attempts) == ("waiting", 0)
            assert smarthost.connections == 0
            broken = False
            clock.advance(timedelta(seconds=5))
            await until(outbox, lambda: outbox.states() == ["sent"])

    run(story())


def test_after_the_deadline_a_deferred_mail_is_given_up() -> None:
    async def story() -> None:
        outbox, clock = MemoryOutbox(), Clock()
        outbox.add()
        async with FakeSmarthost() as smarthost:
            smarthost.on("RCPT", "450 4.2.0 later")
            async with delivering(smarthost, outbox, clock=clock):
                await until(outbox, lambda: outbox.rows[1].attempts == 1)
                clock.advance(GIVE_UP)
                await until(outbox, lambda: outbox.states() == ["failed"])
            assert outbox.rows[1].last_error == "given up after 2 attempts; RCPT TO: 450 4.2.0 later"

    run(story())


def test_the_pauses_of_a_deferred_mail_grow_up_to_four_hours_and_the_last_try_is_at_the_deadline() -> None:
    async def story() -> None:
        outbox, clock = MemoryOutbox(), Clock()
        outbox.add()
        tries = []
        async with FakeSmarthost() as smarthost:
            smarthost.on("MAIL", "451 4.3.0 later")
            async with delivering(smarthost, outbox, clock=clock):
                while outbox.rows[1].state == "waiting":
                    count = len(outbox.transactions)
                    clock.value = outbox.rows[1].next_at
                    tries.append(clock.value)
                    await until(outbox, lambda count=count: len(outbox.transactions) > count)  # type: ignore[misc]
        pauses = [(later - earlier) / timedelta(minutes=1) for earlier, later in itertools.pairwise(tries)]
        for pause, step in zip(pauses, (1, 5, 15, 30, 60, 120, 240, 240), strict=False):
            assert 0.8 * step <= pause <= step
        assert max(pauses) <= 240
        assert tries[-1] == START + GIVE_UP
        assert outbox.states() == ["failed"]

    run(story())


def test_one_connection_serves_many_mails() -> None:
    async def story() -> None:
        outbox = MemoryOutbox()
        for _ in range(20):
            outbox.add()
        async with FakeSmarthost() as smarthost:
            async with delivering(smarthost, outbox, parallel=1):
                await until(outbox, lambda: set(outbox.states()) == {"sent"})
            assert smarthost.connections == 1
            assert smarthost.verbs() == ["EHLO"] + ["MAIL", "RCPT", "DATA"] * 20 + ["QUIT"]

    run(story())


def test_no_more_connections_are_open_than_configured() -> None:
    async def story() -> None:
        outbox = MemoryOutbox()
        for _ in range(40):
            outbox.add()
        async with FakeSmarthost() as smarthost:
            smarthost.on("content", delay=0.01)
            async with delivering(smarthost, outbox, parallel=3):
                await until(outbox, lambda: set(outbox.states()) == {"sent"})
            assert smarthost.most_connections == 3
            assert smarthost.connections == 3

    run(story())


def test_a_connection_is_replaced_after_many_mails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "MAILS_PER_CONNECTION", 5)

    async def story() -> None:
        outbox = MemoryOutbox()
        for _ in range(12):
            outbox.add()
        async with FakeSmarthost() as smarthost:
            async with delivering(smarthost, outbox, parallel=1):
                await until(outbox, lambda: set(outbox.states()) == {"sent"})
            assert [mail.connection for mail in smarthost.mails] == [1] * 5 + [2] * 5 + [3] * 2
            assert smarthost.verbs().count("QUIT") == 3

    run(story())


def test_an_idle_connection_is_closed_politely(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "IDLE_SECONDS", 0.1)

    async def story() -> None:
        outbox = MemoryOutbox()
        outbox.add()
        async with FakeSmarthost() as smarthost, delivering(smarthost, outbox):
            await until(outbox, lambda: outbox.states() == ["sent"])
            await smarthost.event(lambda: "QUIT" in smarthost.verbs() and not smarthost.open_connections)

    run(story())


@pytest.mark.parametrize("end", ["drop", "421 4.4.2 idle for too long", "451 4.3.0 restarting"])
def test_a_connection_that_the_smarthost_ended_meanwhile_costs_no_mail_anything(end: str) -> None:
    async def story() -> None:
        outbox = MemoryOutbox()
        outbox.add("first@example.net", sender="first@example.org")
        async with FakeSmarthost() as smarthost, delivering(smarthost, outbox):
            await until(outbox, lambda: outbox.states() == ["sent"])
            if end == "drop":
                smarthost.on("MAIL", drop=True, times=1)
            elif end.startswith("421"):
                smarthost.on("MAIL", end, drop=True, times=1)
            else:
                # A refused RCPT leaves a transaction that RSET must end, and RSET is where it fails.
                smarthost.on("RCPT", "550 5.1.1 no", matching="nobody", times=1)
                smarthost.on("RSET", end, times=1)
                outbox.add("nobody@example.net")
                await until(outbox, lambda: outbox.states() == ["sent", "failed"])
            number = outbox.add("second@example.net")
            await until(outbox, lambda: outbox.rows[number].state == "sent")
            assert outbox.rows[number].attempts == 1
            assert outbox.transactions[-1][0].outcome is Outcome.SENT
            assert smarthost.connections == 2

    run(story())


def test_a30_a_crash_after_the_250_sends_the_same_bytes_again() -> None:
    async def story() -> None:
        seconds = 0.0
        outbox = MemoryOutbox(lambda: seconds)
        outbox.add()
        async with FakeSmarthost() as smarthost:

            def die(results, now) -> None:  # type: ignore[no-untyped-def]
                raise OSError("killed")

            outbox.finish = die  # type: ignore[method-assign]
            async with delivering(smarthost, outbox, drain_seconds=0.1):
                await smarthost.event(lambda: len(smarthost.taken()) == 1)
            del outbox.finish
            assert outbox.claimed() == [1]
            seconds += 31
            async with delivering(smarthost, outbox):
                await until(outbox, lambda: outbox.states() == ["sent"])
            first, second = smarthost.taken()
            assert first.wire == second.wire
            assert b"Message-ID: <1@example.org>" in first.wire

    run(story())


def test_a_bug_that_one_mail_brings_out_stops_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    take = connections.Connections.take

    async def story() -> None:
        outbox = MemoryOutbox()
        outbox.add()
        outbox.add()
        calls = 0

        def fail_once(self: connections.Connections) -> object:
            nonlocal calls
            calls += 1
            if calls == 1:
                raise ZeroDivisionError
            return take(self)

        monkeypatch.setattr(connections.Connections, "take", fail_once)
        async with FakeSmarthost() as smarthost, delivering(smarthost, outbox, parallel=1):
            await until(outbox, lambda: outbox.rows[2].state == "sent")
            assert (outbox.rows[1].state, outbox.rows[1].attempts) == ("waiting", 1)
            assert outbox.rows[1].last_error == "internal error: ZeroDivisionError"

    run(story())


def test_the_log_holds_ids_and_codes_and_nothing_of_addresses_or_replies(caplog: pytest.LogCaptureFixture) -> None:
    async def story() -> None:
        outbox = MemoryOutbox()
        for name in ("secret-good", "secret-later", "secret-gone", "secret-left", "secret-down"):
            outbox.add(f"{name}@example.net", b"secret body\r\n", sender="secret-verp@example.org")
        async with FakeSmarthost() as smarthost:
            smarthost.on("RCPT", "450 secret", matching="later")
            smarthost.on("RCPT", "550 secret", matching="gone")
            smarthost.on("RCPT", "421 secret", matching="down")

            def still_wanted(mail: OutgoingMail) -> str | None:
                return "suspended" if "left" in mail.recipient else None

            async with delivering(smarthost, outbox, parallel=1, still_wanted=still_wanted):
                await until(
                    outbox,
                    lambda: (
                        outbox.states() == ["sent", "waiting", "failed", "cancelled", "waiting"]
                        and outbox.rows[5].last_error != ""
                    ),
                )

    with caplog.at_level(logging.DEBUG):
        run(story())
    assert "secret" not in caplog.text
    lines = [
        record.getMessage() for record in caplog.records if record.name == "mailbot" and record.levelno >= logging.INFO
    ]
    assert lines == [
        "out=1 sent attempts=1",
        "out=2 deferred attempts=1 code=450",
        "out=3 failed attempts=1 code=550",
        "out=4 cancelled reason=suspended",
        "smarthost does not answer (SmarthostRefused), next try in 0 s",
    ]
