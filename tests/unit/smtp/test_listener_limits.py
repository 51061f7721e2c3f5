"""Floods, and the limits of time, number and memory."""

import asyncio
import itertools
import logging
import socket

import pytest

from mailbot.errors import ConfigError
from mailbot.smtp.limits import Limits, client_key
from tests.unit.smtp.service import END, MAIL, Gate, Peer, Protocol, Service, run_with_patience, serving

# Floods


def test_a45_an_endless_command_line_is_cut_off() -> None:
    async def scenario() -> None:
        async with serving() as service:
            peer = await service.connect()
            await peer.reply()
            peer.send(b"x" * 3_000_000)
            assert await peer.reply() == "500 5.5.2 Line is too long"
            assert await peer.closed()

    run_with_patience(scenario())


def test_a_long_command_line_is_refused_and_the_session_goes_on() -> None:
    async def scenario() -> None:
        async with serving() as service:
            peer = await service.connect()
            await peer.reply()
            assert await peer.say("NOOP " + "x" * 2041) == "250 2.0.0 OK"
            assert await peer.say("NOOP " + "x" * 2042) == "500 5.5.2 Line is too long"
            assert await peer.say("NOOP") == "250 2.0.0 OK"

    run_with_patience(scenario())


def test_a45_endless_data_without_a_line_end_is_cut_off_and_held_nowhere() -> None:
    async def scenario() -> None:
        async with serving(max_size=100_000) as service:
            peer = await service.connect()
            await peer.begin()
            budget = service.listener.site.budget
            for _ in range(5):
                peer.send(b"x" * 50_000)
                await peer.writer.drain()
            assert await peer.reply() == "552 5.3.4 Message is too large"
            assert await peer.closed()
            assert budget.used == 0

    run_with_patience(scenario())


def test_over_size_is_said_at_the_end_and_the_session_goes_on() -> None:
    async def scenario() -> None:
        async with serving(max_size=10_000) as service:
            peer = await service.connect()
            await peer.begin()
            peer.send(b"x" * 98 + b"\r\n")
            peer.send((b"x" * 98 + b"\r\n") * 100)
            peer.send(END)
            assert await peer.reply() == "552 5.3.4 Message is too large"
            await peer.mail()
            peer.send((b"x" * 98 + b"\r\n") * 100 + END)
            assert await peer.reply() == "250 2.0.0 OK"

    run_with_patience(scenario())


def test_a45_of_5000_recipients_100_are_taken() -> None:
    async def scenario() -> None:
        async with serving() as service:
            peer = await service.connect()
            await peer.reply()
            await peer.say("EHLO x")
            await peer.say("MAIL FROM:<>")
            peer.send(b"".join(b"RCPT TO:<security+%d@example.org>\r\n" % number for number in range(1, 5001)))
            replies = [await peer.reply() for _ in range(5000)]
            assert replies == ["250 2.1.5 OK"] * 100 + ["452 4.5.3 Too many recipients"] * 4900
            await peer.say("DATA")
            peer.send(MAIL + END)
            assert await peer.reply() == "250 2.0.0 OK"
        assert len(service.mails[0][0].forward_paths) == 100

    run_with_patience(scenario())


@pytest.mark.parametrize(("command", "count"), [("NOOP", 100), ("MAIL FROM:<x", 20)])
def test_commands_that_lead_nowhere_end_the_session(command: str, count: int) -> None:
    async def scenario() -> None:
        async with serving() as service:
            peer = await service.connect()
            await peer.reply()
            replies = [await peer.say(command) for _ in range(count)]
            assert "421 4.7.0 Too many commands" not in replies
            assert await peer.reply() == "421 4.7.0 Too many commands"
            assert await peer.closed()

    run_with_patience(scenario())


def test_a_mail_taken_clears_the_count_of_commands() -> None:
    async def scenario() -> None:
        async with serving() as service:
            peer = await service.connect()
            await peer.reply()
            for _ in range(3):
                for _ in range(90):
                    assert await peer.say("NOOP") == "250 2.0.0 OK"
                assert await peer.say("HELO x") == "250 mx.example.org"
                await peer.mail()
                peer.send(MAIL + END)
                assert await peer.reply() == "250 2.0.0 OK"

    run_with_patience(scenario())


def test_a_flood_of_pipelined_commands_lets_others_have_their_turn() -> None:
    async def scenario() -> None:
        async with serving() as service:
            greedy, other = await service.connect(), await service.connect()
            await greedy.reply()
            await other.reply()
            await greedy.say("HELO x")
            await greedy.say("MAIL FROM:<>")
            greedy.send(b"RCPT TO:<security>\r\n" * 3000)
            assert await other.say("NOOP") == "250 2.0.0 OK"
            assert max(session._commands for session in service.listener._sessions) < 500
            for _ in range(3000):
                assert (await greedy.reply())[:3] in ("250", "452")

    run_with_patience(scenario())


# Time


def test_an_idle_peer_is_sent_away() -> None:
    async def scenario() -> None:
        async with serving(idle=0.05) as service:
            peer = await service.connect()
            await peer.reply()
            assert await peer.reply() == "421 4.4.2 Idle for too long"
            assert await peer.closed()

    run_with_patience(scenario())


def test_half_a_command_is_no_sign_of_life() -> None:
    async def scenario() -> None:
        async with serving(idle=0.1) as service:
            peer = await service.connect()
            await peer.reply()
            trickle = asyncio.create_task(sent_slowly(peer, b"x"))
            assert await peer.reply() == "421 4.4.2 Idle for too long"
            trickle.cancel()

    run_with_patience(scenario())


async def sent_slowly(peer: Peer, piece: bytes) -> None:
    for _ in itertools.count():
        peer.send(piece)
        await asyncio.sleep(0.005)


def test_time_that_we_need_to_store_is_not_the_peers_idleness() -> None:
    async def scenario() -> None:
        gate = Gate()
        async with serving(accept=gate, idle=0.05) as service:
            peer = await service.connect()
            await peer.begin()
            peer.send(MAIL + END)
            await gate.entered.wait()
            # An idle session is sent away twice over before the store is done.
            for _ in range(2):
                other = await service.connect()
                await other.reply()
                assert (await other.reply()).startswith("421 ")
            gate.open.set()
            assert await peer.reply() == "250 2.0.0 OK"

    run_with_patience(scenario())


@pytest.mark.parametrize("protocol", ["smtp", "lmtp"])
def test_a45_a_byte_at_a_time_is_too_slow(protocol: Protocol) -> None:
    async def scenario() -> None:
        async with serving(data_grace=0.1, protocol=protocol) as service:
            peer = await service.connect()
            await peer.reply()
            await peer.say("LHLO x" if protocol == "lmtp" else "EHLO x")
            await peer.mail()
            # What came fast at first does not help later.
            peer.send(b"x" * 60_000 + b"\r\n")
            trickle = asyncio.create_task(sent_slowly(peer, b"x"))
            assert await peer.reply() == "421 4.4.2 Data comes too slowly"
            trickle.cancel()
            assert await peer.closed()
            assert service.mails == []

    run_with_patience(scenario())


def test_data_at_the_permitted_rate_is_taken_however_long_it_takes() -> None:
    async def scenario() -> None:
        async with serving(data_grace=0.6, data_rate=100, idle=2.0) as service:
            peer = await service.connect()
            await peer.begin()
            started = asyncio.get_running_loop().time()
            while asyncio.get_running_loop().time() - started < 1.2:
                peer.send(b"x" * 8 + b"\r\n")
                await asyncio.sleep(0.005)
            peer.send(END)
            assert await peer.reply() == "250 2.0.0 OK"

    run_with_patience(scenario())


def test_a_peer_that_reads_nothing_is_cut_off(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("mailbot.smtp.stream._LINGER", 0.01)
    caplog.set_level(logging.INFO)

    async def scenario() -> None:
        loop = asyncio.get_running_loop()
        sock = socket.create_server(("127.0.0.1", 0))
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        async with serving(sock=sock, idle=0.2) as service:
            with socket.create_connection(("127.0.0.1", service.port)) as deaf:
                deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
                deaf.setblocking(False)
                await loop.sock_recv(deaf, 100)
                commands = b"HELO x\r\nMAIL FROM:<>\r\n" + b"RCPT TO:<security>\r\n" * 9_000
                sending = asyncio.create_task(loop.sock_sendall(deaf, commands))
                await service.one_ended()
                sending.cancel()
                await asyncio.gather(sending, return_exceptions=True)

    run_with_patience(scenario())
    assert "too-many-commands" not in caplog.text


# Numbers


async def greeted(service: Service, count: int) -> list[str]:
    return [await (await service.connect()).reply() for _ in range(count)]


def test_a45_idle_connections_beyond_the_limit_are_turned_away() -> None:
    async def scenario() -> None:
        async with serving(connections=5) as service:
            replies = await greeted(service, 8)
            assert replies[:5] == ["220 mx.example.org ESMTP"] * 5
            assert replies[5:] == ["421 4.3.2 Too many connections, try again later"] * 3
            assert await service.peers[0].say("QUIT") == "221 2.0.0 Bye"
            assert await service.peers[0].closed()
            assert await greeted(service, 1) == ["220 mx.example.org ESMTP"]

    run_with_patience(scenario())


def test_a45_when_all_are_taken_a_new_peer_replaces_the_one_that_did_nothing_for_longest(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("mailbot.smtp.listener.EVICTABLE", 0.0)

    async def scenario() -> None:
        async with serving(connections=3) as service:
            assert await greeted(service, 3) == ["220 mx.example.org ESMTP"] * 3
            first, second, third = service.peers
            await first.say("HELO x")
            await first.say("MAIL FROM:<>")
            await third.say("NOOP")
            await second.say("NOOP")
            fourth = await service.connect()
            assert await fourth.reply() == "220 mx.example.org ESMTP"
            assert await third.reply() == "421 4.3.2 Too many connections, try again later"
            assert await first.say("RCPT TO:<security>") == "250 2.1.5 OK"

    run_with_patience(scenario())


def test_a_client_may_have_so_many_connections_unless_it_is_trusted() -> None:
    async def scenario() -> None:
        async with serving(per_client=2, trusted_hosts=()) as service:
            replies = await greeted(service, 3)
            assert replies == ["220 mx.example.org ESMTP"] * 2 + ["421 4.7.0 Too many connections from your address"]
        async with serving(per_client=2) as service:
            assert await greeted(service, 3) == ["220 mx.example.org ESMTP"] * 3

    run_with_patience(scenario())


def test_trusted_hosts_are_addresses_and_networks() -> None:
    limits = Limits(trusted_hosts=("127.0.0.1", "10.1.0.0/16", "2001:db8::/32"))
    assert limits.trusts("127.0.0.1")
    assert limits.trusts("::ffff:10.1.2.3")
    assert limits.trusts("2001:db8::1")
    assert limits.trusts("unix")
    assert not limits.trusts("10.2.0.1")
    assert not limits.trusts("::1")
    with pytest.raises(ConfigError, match=r'listener\.trusted_hosts: found "mx\.example"'):
        Limits(trusted_hosts=("mx.example",))


def test_one_ipv6_client_is_a_whole_64() -> None:
    assert client_key("2001:db8::1") == client_key("2001:db8::ffff") != client_key("2001:db8:0:1::1")
    assert client_key("::ffff:192.0.2.1") == client_key("192.0.2.1") == "192.0.2.1"
    assert client_key("fe80::1%eth0") == client_key("fe80::2%eth0")


# Memory


def test_mail_beyond_the_memory_budget_is_put_off_and_fits_later() -> None:
    async def scenario() -> None:
        gate = Gate()
        async with serving(accept=gate, memory_budget=10_000) as service:
            first, second = await service.connect(), await service.connect()
            await first.begin()
            first.send((b"x" * 78 + b"\r\n") * 100 + END)
            await gate.entered.wait()
            assert service.listener.site.budget.used == 8000
            # One that says its size is stopped before it sends, one that does not at its end.
            await second.reply()
            await second.say("EHLO x")
            assert (
                await second.say("MAIL FROM:<> SIZE=3000") == "452 4.3.1 Too much mail at the moment, try again later"
            )
            await second.mail()
            second.send((b"x" * 78 + b"\r\n") * 30 + END)
            assert await second.reply() == "452 4.3.1 Too much mail at the moment, try again later"
            gate.open.set()
            assert await first.reply() == "250 2.0.0 OK"
            await second.mail()
            second.send((b"x" * 78 + b"\r\n") * 30 + END)
            assert await second.reply() == "250 2.0.0 OK"
            assert service.listener.site.budget.used == 0

    run_with_patience(scenario())


def test_no_data_is_begun_while_the_budget_is_used_up() -> None:
    async def scenario() -> None:
        gate = Gate()
        async with serving(accept=gate, memory_budget=len(MAIL)) as service:
            first, second = await service.connect(), await service.connect()
            await first.begin()
            first.send(MAIL + END)
            await gate.entered.wait()
            await second.reply()
            await second.say("EHLO x")
            await second.say("MAIL FROM:<>")
            await second.say("RCPT TO:<security>")
            assert await second.say("DATA") == "452 4.3.1 Too much mail at the moment, try again later"
            assert await second.say("DATA") == "503 5.5.1 Send MAIL first"
            gate.open.set()
            assert await first.reply() == "250 2.0.0 OK"

    run_with_patience(scenario())
