"""What the dialogs cannot show: failures of the store, limits of time, number and memory, and the end of service."""

import asyncio
import logging

import pytest

from mailbot.mail.envelope import Envelope
from tests.unit.smtp.service import END, MAIL, NOW, PATIENCE, Gate, Protocol, run_with_patience, serving


def test_the_envelope_says_who_sent_what_to_whom_when_and_from_where() -> None:
    async def scenario() -> None:
        async with serving() as service:
            peer = await service.connect()
            await peer.begin()
            peer.send(MAIL + END)
            assert await peer.reply() == "250 2.0.0 OK"
        assert service.mails == [(Envelope("r@example.net", ("security@example.org",), NOW, "127.0.0.1"), MAIL)]

    run_with_patience(scenario())


# The 250


def test_250_is_said_only_after_accept_has_returned() -> None:
    async def scenario() -> None:
        gate = Gate()
        async with serving(accept=gate) as service:
            peer = await service.connect()
            await peer.begin()
            peer.send(MAIL + END)
            await gate.entered.wait()
            reply = asyncio.create_task(peer.reply())
            # Another whole session fits in between, and still there is no reply.
            other = await service.connect()
            await other.reply()
            assert await other.say("QUIT") == "221 2.0.0 Bye"
            assert not reply.done()
            gate.open.set()
            assert await reply == "250 2.0.0 OK"

    run_with_patience(scenario())


@pytest.mark.parametrize("protocol", ["smtp", "lmtp"])
def test_a31_whatever_accept_raises_is_a_generic_451(protocol: Protocol, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)

    async def fail(envelope: Envelope, raw: bytes) -> int:
        raise OSError(28, "No space left on device", "/var/lib/secret.db")

    async def scenario() -> None:
        async with serving(accept=fail, protocol=protocol) as service:
            peer = await service.connect()
            await peer.reply()
            await peer.say("LHLO x" if protocol == "lmtp" else "EHLO x")
            await peer.mail()
            peer.send(MAIL + END)
            assert await peer.reply() == "451 4.3.0 Could not store the mail, try again later"
            assert await peer.say("NOOP") == "250 2.0.0 OK"
            assert service.listener.site.budget.used == 0

    run_with_patience(scenario())
    assert "OSError" in caplog.text
    assert "secret" not in caplog.text


def test_a_bug_in_a_command_is_a_generic_451(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("secret")

    monkeypatch.setattr("mailbot.smtp.session.target", broken)

    async def scenario() -> None:
        async with serving() as service:
            peer = await service.connect()
            await peer.reply()
            await peer.say("HELO x")
            await peer.say("MAIL FROM:<>")
            assert await peer.say("RCPT TO:<security>") == "451 4.3.0 Local error, try again later"
            assert await peer.say("NOOP") == "250 2.0.0 OK"

    run_with_patience(scenario())


def test_a_mail_is_stored_even_if_the_peer_leaves_meanwhile() -> None:
    async def scenario() -> None:
        gate = Gate()
        async with serving(accept=gate, grace=PATIENCE) as service:
            peer = await service.connect()
            await peer.begin()
            peer.send(MAIL + END)
            await gate.entered.wait()
            peer.writer.transport.abort()
            # A later session is served, so the loss of the first has been noticed.
            other = await service.connect()
            await other.reply()
            gate.open.set()
        assert [raw for _, raw in service.mails] == [MAIL]

    run_with_patience(scenario())


def test_a_peer_that_closes_its_end_after_its_mail_still_hears_the_reply() -> None:
    async def scenario() -> None:
        gate = Gate()
        async with serving(accept=gate) as service:
            peer = await service.connect()
            await peer.begin()
            peer.send(MAIL + END)
            peer.writer.write_eof()
            await gate.entered.wait()
            # Another whole session fits in between, so the end has been noticed.
            other = await service.connect()
            await other.reply()
            await other.say("QUIT")
            gate.open.set()
            assert await peer.reply() == "250 2.0.0 OK"
            assert await peer.closed()

    run_with_patience(scenario())


def test_a_mail_cut_off_before_its_end_is_not_stored() -> None:
    async def scenario() -> None:
        async with serving() as service:
            for cut in (MAIL, MAIL + b".", MAIL + b".\r"):
                peer = await service.connect()
                await peer.begin()
                peer.send(cut)
                peer.writer.write_eof()
                assert await peer.closed()
            assert service.mails == []
            assert service.listener.site.budget.used == 0

    run_with_patience(scenario())


def test_nothing_that_a_peer_says_gets_into_a_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)

    async def scenario() -> None:
        async with serving(max_size=1000) as service:
            peer = await service.connect()
            await peer.begin(sender="secret@secret.example", recipient="security+42.secret@example.org")
            peer.send(b"Subject: secret\r\n" + END)
            await peer.reply()
            for command in ("secret", "VRFY secret", "RCPT TO:<secret>", "MAIL FROM:<secret", "HELO secret"):
                await peer.say(command)
            await peer.mail()
            peer.send(b"secret\n" * 10 + b"\r\n" + END)
            await peer.reply()

    run_with_patience(scenario())
    assert "accepted" in caplog.text
    assert "reason=bare-line-end" in caplog.text
    assert "secret" not in caplog.text


# Line ends


@pytest.mark.parametrize("variant", [b"\n.\n", b"\n.\r\n", b"\r\n.\n", b"\r.\r", b"\r.\r\n", b"\r\n.\r", b"\n\n.\r\n"])
def test_a26_smuggling_gives_one_refused_mail_and_none_inside_it(variant: bytes) -> None:
    async def scenario() -> None:
        async with serving() as service:
            peer = await service.connect()
            await peer.begin()
            peer.send(MAIL + b"x" + variant + b"MAIL FROM:<b@x>\r\nRCPT TO:<security>\r\nDATA\r\n" + MAIL + END)
            assert (await peer.reply()).startswith("550 5.6.0 ")
            assert await peer.say("NOOP") == "250 2.0.0 OK"
            assert service.mails == []

    run_with_patience(scenario())


# The end


def test_stop_lets_mails_that_have_begun_finish_and_sends_the_idle_away() -> None:
    async def scenario() -> None:
        async with serving() as service:
            idle, early, late = await service.connect(), await service.connect(), await service.connect()
            await idle.reply()
            await early.reply()
            await early.say("EHLO x")
            await early.say("MAIL FROM:<>")
            await late.begin()
            late.send(MAIL)
            stop = asyncio.create_task(service.listener.stop(PATIENCE))
            assert await idle.reply() == "421 4.3.2 Service is shutting down"
            assert await idle.closed()
            assert not stop.done()
            for peer, before in ((late, b""), (early, b"RCPT TO:<security>\r\nDATA\r\n" + MAIL)):
                peer.send(before + END)
                replies = [await peer.reply() for _ in range(4 if before else 2)]
                assert replies[-2:] == ["250 2.0.0 OK", "421 4.3.2 Service is shutting down"]
                assert await peer.closed()
            await stop
            assert len(service.mails) == 2
            with pytest.raises(ConnectionRefusedError):
                await service.connect()

    run_with_patience(scenario())


def test_stop_ends_after_its_grace_whatever_hangs() -> None:
    async def scenario() -> None:
        gate = Gate()
        async with serving(accept=gate) as service:
            storing, sending = await service.connect(), await service.connect()
            await storing.begin()
            storing.send(MAIL + END)
            await gate.entered.wait()
            await sending.begin()
            await service.listener.stop(0.01)
            for peer in (storing, sending):
                assert await peer.reply() == "421 4.3.2 Service is shutting down"
                assert await peer.closed()
            assert service.listener.connections == 0
            assert service.listener.site.budget.used == 0
            assert service.mails == []

    run_with_patience(scenario())
