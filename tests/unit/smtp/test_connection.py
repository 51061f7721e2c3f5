"""One mail on one connection: the commands it needs, the bytes it sends, and what it cannot send."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from aiosmtpd.smtp import SMTP, Envelope, Session

from mailbot.service.outgoing import Outcome, OutgoingMail
from mailbot.smtp.connection import Connection
from mailbot.smtp.dotstuffing import BLOCK
from mailbot.smtp.replies import Answer, SmarthostUnreachable
from mailbot.smtp.smarthost import Limits, Smarthost
from tests.smarthost import FakeSmarthost
from tests.unit.smtp.delivering import HEADERS, IMPATIENT, QUICK, mail, run


async def send(smarthost: FakeSmarthost, *mails: OutgoingMail, limits: Limits = QUICK) -> list[Answer]:
    connection = await Connection.open(Smarthost("127.0.0.1", smarthost.port, "none"), limits)
    answers = [await connection.send(mail, lambda: None) for mail in mails]
    await connection.quit()
    return answers


def test_an_eight_bit_mail_says_so_and_an_ascii_one_does_not() -> None:
    async def story() -> None:
        async with FakeSmarthost() as smarthost:
            await send(smarthost, mail(b"gr\xc3\xbc\xc3\x9fe\r\n"), mail())
            eight, seven = smarthost.mails
            assert "BODY=8BITMIME" in eight.mail_command
            assert "BODY" not in seven.mail_command
            assert eight.content == HEADERS + b"gr\xc3\xbc\xc3\x9fe\r\n"

    run(story())


def test_an_eight_bit_mail_to_a_smarthost_without_8bitmime_goes_out_as_it_is() -> None:
    async def story() -> None:
        async with FakeSmarthost(extensions=()) as smarthost:
            (answer,) = await send(smarthost, mail(b"gr\xc3\xbc\xc3\x9fe\r\n"))
            assert answer.outcome is Outcome.SENT
            assert smarthost.mails[0].mail_command == "MAIL FROM:<v@example.org>"
            assert smarthost.mails[0].content == HEADERS + b"gr\xc3\xbc\xc3\x9fe\r\n"

    run(story())


@pytest.mark.parametrize("offered", [True, False])
def test_where_dsn_is_offered_only_failures_are_told_and_only_the_head_comes_back(offered: bool) -> None:
    async def story() -> None:
        async with FakeSmarthost(extensions=("DSN",) if offered else ()) as smarthost:
            await send(smarthost, mail(sender="security+bounce.abc-12@example.org"))
            commands = [line for _, line in smarthost.commands if line.startswith(("MAIL", "RCPT"))]
            dsn = (" RET=HDRS ENVID=bounce.abc-12", " NOTIFY=FAILURE") if offered else ("", "")
            assert commands == [
                f"MAIL FROM:<security+bounce.abc-12@example.org>{dsn[0]}", f"RCPT TO:<bob@example.net>{dsn[1]}",
            ]  # fmt: skip

    run(story())


@pytest.mark.parametrize("sender", ["", "v@example.org", "v+a=b@example.org"])
def test_an_envelope_id_is_only_given_where_the_sender_has_one(sender: str) -> None:
    async def story() -> None:
        async with FakeSmarthost(extensions=("DSN",)) as smarthost:
            await send(smarthost, mail(sender=sender))
            assert smarthost.mails[0].mail_command == f"MAIL FROM:<{sender}>" + (" RET=HDRS" if sender else "")

    run(story())


@contextlib.asynccontextmanager
async def counting(replies: list[bytes]) -> AsyncIterator[tuple[Smarthost, list[bytes]]]:
    """A smarthost that offers PIPELINING, answers each packet of commands with the next of `replies`, as one, and then
    goes away."""
    packets: list[bytes] = []
    ended = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 x\r\n")
        await reader.readline()
        writer.write(b"250-x\r\n250 PIPELINING\r\n")
        for reply in replies:
            if packet := await reader.read(100_000):
                packets.append(packet)
                writer.write(reply)
        writer.close()
        await writer.wait_closed()
        ended.set()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        yield Smarthost("127.0.0.1", server.sockets[0].getsockname()[1], "none"), packets
        await ended.wait()


ENVELOPE = b"MAIL FROM:<v@example.org>\r\nRCPT TO:<bob@example.net>\r\nDATA\r\n"


def test_where_pipelining_is_offered_the_envelope_is_one_packet() -> None:
    async def story() -> None:
        replies = [b"250 ok\r\n250 ok\r\n354 go on\r\n", b"250 taken\r\n", b"221 bye\r\n"]
        async with counting(replies) as (smarthost, packets):
            connection = await Connection.open(smarthost, QUICK)
            assert (await connection.send(mail(), lambda: None)).outcome is Outcome.SENT
            await connection.quit()
            assert packets == [ENVELOPE, HEADERS + b"hello\r\n.\r\n", b"QUIT\r\n"]

    run(story())


@pytest.mark.parametrize(
    ("replies", "answer", "alive"),
    [
        # The refusal counts, not what follows from it; the session goes on.
        (b"250 ok\r\n550 5.1.1 who\r\n503 no\r\n", Answer(Outcome.FAILED, 550, "RCPT TO: 550 5.1.1 who"), True),
        (b"451 4.3.0 later\r\n503 no\r\n503 no\r\n", Answer(Outcome.DEFERRED, 451, "MAIL FROM: 451 4.3.0 later"), True),
        # A server that wants data without a recipient must get none.
        (b"250 ok\r\n550 5.1.1 who\r\n354 go on\r\n", Answer(Outcome.FAILED, 550, "RCPT TO: 550 5.1.1 who"), False),
        # It refuses, and goes away without the other answers.
        (b"250 ok\r\n450 4.2.1 full\r\n", Answer(Outcome.DEFERRED, 450, "RCPT TO: 450 4.2.1 full"), False),
        (b"250 ok\r\n250 ok\r\nHTTP/1.1\r\n", Answer(Outcome.DEFERRED, None, "DATA: a reply that is no SMTP"), False),
    ],
)
def test_of_pipelined_commands_the_first_refusal_counts(replies: bytes, answer: Answer, alive: bool) -> None:
    async def story() -> None:
        more = [replies] if not alive else [replies, b"250 reset\r\n"]
        async with counting(more) as (smarthost, packets):
            connection = await Connection.open(smarthost, QUICK)
            try:
                assert await connection.send(mail(), lambda: None) == answer
                assert connection.alive is alive
                assert packets == [ENVELOPE]
            finally:
                connection.abort()

    run(story())


def test_the_size_is_announced_and_a_larger_mail_than_the_smarthost_takes_fails_without_being_sent() -> None:
    async def story() -> None:
        async with FakeSmarthost(extensions=("SIZE 1000",)) as smarthost:
            small, large = await send(smarthost, mail(b"x" * 900 + b"\r\n"), mail(b"x" * 1000 + b"\r\n"))
            assert small.outcome is Outcome.SENT
            assert f"SIZE={len(HEADERS) + 902}" in smarthost.mails[0].mail_command
            assert large.outcome is Outcome.TOO_LARGE
            assert large.text == f"the mail has {len(HEADERS) + 1002} bytes and the smarthost takes at most 1000"
            assert smarthost.verbs().count("MAIL") == 1

    run(story())


def test_an_unusual_reply_counts_by_its_first_digit() -> None:
    async def story() -> None:
        async with FakeSmarthost() as smarthost:
            smarthost.on("RCPT", "252 2.1.5 will try")
            smarthost.on("content", "252 2.0.0 taken")
            (answer,) = await send(smarthost, mail())
            assert answer == Answer(Outcome.SENT, 252)

    run(story())


@pytest.mark.parametrize("limit", ["", " 0", " lots"])
def test_a_size_without_a_limit_limits_nothing(limit: str) -> None:
    async def story() -> None:
        async with FakeSmarthost(extensions=("SIZE" + limit,)) as smarthost:
            (answer,) = await send(smarthost, mail())
            assert answer.outcome is Outcome.SENT

    run(story())


def test_an_international_address_asks_for_smtputf8() -> None:
    async def story() -> None:
        async with FakeSmarthost() as smarthost:
            await send(smarthost, mail(recipient="j\u00f6rg@m\u00fcnchen.example"), mail())
            first, second = smarthost.mails
            assert first.recipient == "j\u00f6rg@m\u00fcnchen.example"
            assert "SMTPUTF8" in first.mail_command
            assert "SMTPUTF8" not in second.mail_command

    run(story())


def test_without_smtputf8_a_domain_is_sent_as_idna_and_a_local_part_fails() -> None:
    async def story() -> None:
        async with FakeSmarthost(extensions=()) as smarthost:
            domain, local, unclear = await send(
                smarthost,
                mail(recipient="bob@m\u00fcnchen.example"),
                mail(recipient="j\u00f6rg@example.net"),
                # Two versions of IDNA make two domains of this one.
                mail(recipient="bob@stra\u00dfe.example"),
            )
            assert domain.outcome is Outcome.SENT
            assert smarthost.mails[0].recipient == "bob@xn--mnchen-3ya.example"
            assert len(smarthost.mails) == 1
            assert (
                local
                == unclear
                == Answer(Outcome.FAILED, None, "the address needs SMTPUTF8, which the smarthost does not offer")
            )

    run(story())


@pytest.mark.parametrize(
    "address", ["", "a b@example.net", "a\udcff@example.net", "a@example.net>\r\nDATA", "<a@example.net>", "a\x00@x"]
)
def test_an_address_that_could_become_a_command_is_never_sent(address: str) -> None:
    async def story() -> None:
        async with FakeSmarthost() as smarthost:
            refused, following = await send(smarthost, mail(recipient=address), mail())
            assert refused.outcome is Outcome.FAILED
            assert following.outcome is Outcome.SENT
            assert smarthost.verbs() == ["EHLO", "MAIL", "RCPT", "DATA", "QUIT"]

    run(story())


def test_the_null_sender_is_sent_as_such() -> None:
    async def story() -> None:
        async with FakeSmarthost(extensions=()) as smarthost:
            await send(smarthost, mail(sender=""))
            assert smarthost.mails[0].mail_command == "MAIL FROM:<>"

    run(story())


@pytest.mark.parametrize("body", [b"one\n.\nMAIL FROM:<evil@example.org>\r\n", b"a\rb\r\n", b"\n.\r\n", b"x\r"])
def test_a26_a_mail_with_a_bare_line_end_is_never_sent(body: bytes) -> None:
    async def story() -> None:
        async with FakeSmarthost() as smarthost:
            (answer,) = await send(smarthost, mail(body))
            assert answer.outcome is Outcome.FAILED
            assert answer.text == "the mail holds a bare CR or LF, which must not be sent"
            assert "MAIL" not in smarthost.verbs()

    run(story())


@pytest.mark.parametrize("size", [0, 1, BLOCK - len(HEADERS), BLOCK, 5 * BLOCK + 17])
def test_a_mail_of_any_size_arrives_as_it_is(size: int) -> None:
    body = (b".dots\r\n..\r\n" + b"x" * 60 + b"\r\n" * 3) * (size // 60 + 1)

    async def story() -> None:
        async with FakeSmarthost() as smarthost:
            await send(smarthost, mail(body[:size].rstrip(b"\r") + b"\r\n"))
            assert smarthost.mails[0].content == HEADERS + body[:size].rstrip(b"\r") + b"\r\n"

    run(story())


def test_an_independent_server_reads_the_same_mail() -> None:
    class Handler:
        content = b""

        async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
            assert isinstance(envelope.content, bytes)
            self.content = envelope.content
            return "250 ok"

    body = b".\r\n..x\r\n" * 60_000 + b"gr\xc3\xbc\xc3\x9fe\r\n.\r\n"

    async def story() -> None:
        handler = Handler()
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: SMTP(handler, hostname="aiosmtpd.example", loop=loop), "127.0.0.1", 0)
        async with server:
            smarthost = FakeSmarthost(port=server.sockets[0].getsockname()[1])
            (answer,) = await send(smarthost, mail(body))
        assert answer.outcome is Outcome.SENT
        assert handler.content == HEADERS + body

    run(story())


def test_a_server_without_ehlo_is_greeted_with_helo() -> None:
    async def story() -> None:
        async with FakeSmarthost() as smarthost:
            smarthost.on("EHLO", "502 5.5.1 what?")
            (answer,) = await send(smarthost, mail(b"gr\xc3\xbc\xc3\x9fe\r\n"))
            assert answer.outcome is Outcome.SENT
            assert smarthost.commands[1] == (1, "HELO localhost")
            assert smarthost.mails[0].mail_command == "MAIL FROM:<v@example.org>"

    run(story())


def test_a_goodbye_to_a_hanging_smarthost_ends_in_time() -> None:
    async def story() -> None:
        async with FakeSmarthost() as smarthost:
            smarthost.on("QUIT", silent=True)
            async with asyncio.timeout(3):
                await send(smarthost, mail(), limits=IMPATIENT)

    run(story())


def test_nobody_at_the_port_is_told_as_such() -> None:
    async def story() -> None:
        smarthost = FakeSmarthost()
        await smarthost.start()
        await smarthost.stop()
        with pytest.raises(SmarthostUnreachable) as caught:
            await send(smarthost, mail())
        assert caught.value.text == "connect: Connection refused"

    run(story())


def test_the_limits_leave_time_for_a_slow_scanner_and_end_a_hang_within_minutes() -> None:
    limits = Limits()
    assert limits.content >= timedelta(minutes=5).total_seconds()
    assert limits.connect <= 30
    assert limits.command <= 60
