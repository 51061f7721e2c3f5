"""What becomes of mails when the smarthost works, refuses, or asks for patience."""

from datetime import timedelta

from tests.smarthost import FakeSmarthost
from tests.unit.smtp.delivering import Clock, delivering, run, until
from tests.unit.smtp.memory_outbox import START, MemoryOutbox


def test_a_due_mail_reaches_the_smarthost_byte_for_byte() -> None:
    async def story() -> None:
        outbox = MemoryOutbox()
        number = outbox.add(
            "bob@example.net",
            b".\r\n..\r\n.x\r\nend",
            headers=b"Message-ID: <7@example.org>\r\n\r\n",
            sender="v@example.org",
        )
        async with FakeSmarthost() as smarthost:
            async with delivering(smarthost, outbox):
                await until(outbox, lambda: outbox.states() == ["sent"])
            (mail,) = smarthost.mails
            assert (mail.sender, mail.recipient) == ("v@example.org", "bob@example.net")
            assert mail.content == b"Message-ID: <7@example.org>\r\n\r\n.\r\n..\r\n.x\r\nend\r\n"
            assert outbox.rows[number].attempts == 1
            assert smarthost.verbs()[-1] == "QUIT"

    run(story())


def test_a_temporary_refusal_defers_the_mail_and_its_repeat_is_the_same() -> None:
    async def story() -> None:
        outbox, clock = MemoryOutbox(), Clock()
        number = outbox.add()
        async with FakeSmarthost() as smarthost:
            smarthost.on("RCPT", "450 4.2.0 greylisted", times=1)
            async with delivering(smarthost, outbox, clock=clock):
                await until(outbox, lambda: outbox.rows[number].attempts == 1)
                row = outbox.rows[number]
                assert row.state == "waiting"
                assert row.last_error == "RCPT TO: 450 4.2.0 greylisted"
                assert timedelta(seconds=48) <= row.next_at - START <= timedelta(seconds=60)
                clock.advance(timedelta(seconds=60))
                await until(outbox, lambda: outbox.states() == ["sent"])
                assert outbox.rows[number].attempts == 2
                assert outbox.rows[number].last_error == ""

    run(story())


def test_a_permanent_refusal_fails_that_mail_and_no_other() -> None:
    async def story() -> None:
        outbox = MemoryOutbox()
        for name in ("alice", "nobody", "carol"):
            outbox.add(f"{name}@example.net")
        async with FakeSmarthost() as smarthost:
            smarthost.on("RCPT", "550 5.1.1 no such user", matching="nobody@")
            async with delivering(smarthost, outbox, parallel=1):
                await until(outbox, lambda: "waiting" not in outbox.states())
            assert outbox.states() == ["sent", "failed", "sent"]
            assert outbox.rows[2].last_error == "RCPT TO: 550 5.1.1 no such user"
            assert smarthost.connections == 1
            assert "RSET" in smarthost.verbs()

    run(story())
