"""What the dialogs cannot show: failures of the store, limits of time, number and memory, and the end of service."""

import asyncio
import itertools
import logging
import socket
import ssl
import subprocess
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import pytest

from mailbot.errors import ConfigError
from mailbot.mail.envelope import Envelope
from mailbot.smtp.limits import Limits, client_key
from tests.unit.smtp.service import NOW, PATIENCE, Peer, Protocol, Service, serving

MAIL = b"Subject: Double free\r\n\r\nSee attachment.\r\n"
END = b".\r\n"


def run_with_patience(scenario: Coroutine[Any, Any, None]) -> None:
    """Run a coroutine, and fail if it hangs."""

    async def bounded() -> None:
        async with asyncio.timeout(PATIENCE):
            await scenario

    asyncio.run(bounded())


class Gate:
    """An `accept` that waits until it is opened."""

    def __init__(self) -> None:
        self.entered = asyncio.Event()
        self.open = asyncio.Event()

    async def __call__(self, envelope: Envelope, raw: bytes) -> int:
        self.entered.set()
        await self.open.wait()
        return 1


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


# Other sockets


@pytest.mark.parametrize("protocol", ["smtp", "lmtp"])
def test_a_unix_socket_is_served_and_outlives_the_listener(protocol: Protocol, short_path: Path) -> None:
    async def scenario() -> None:
        path = short_path / "s"
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        sock.bind(str(path))
        async with serving(sock=sock, protocol=protocol, per_client=1) as service:
            for _ in range(2):
                peer = await service.connect()
                await peer.reply()
                await peer.say("LHLO x" if protocol == "lmtp" else "EHLO x")
                await peer.mail()
                peer.send(MAIL + END)
                assert await peer.reply() == "250 2.0.0 OK"
        assert [envelope.peer for envelope, _ in service.mails] == ["unix", "unix"]
        assert path.exists()

    run_with_patience(scenario())


def test_two_listeners_on_one_socket_share_a_burst() -> None:
    async def scenario() -> None:
        shared = socket.create_server(("127.0.0.1", 0))
        async with serving(sock=shared) as first, serving(sock=shared.dup()) as second:
            peers = await asyncio.gather(*(first.connect() for _ in range(20)))
            for peer in peers:
                await peer.reply()
            assert first.listener.connections + second.listener.connections == 20
            assert first.listener.connections
            assert second.listener.connections

    run_with_patience(scenario())


# TLS

CERTIFICATE = Path(__file__).with_name("loopback.pem")


def test_a45_what_is_pipelined_behind_starttls_is_lost() -> None:
    async def scenario() -> None:
        offered = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        offered.load_cert_chain(CERTIFICATE)
        trusted = ssl.create_default_context(cafile=str(CERTIFICATE))
        trusted.check_hostname = False
        async with serving(tls=offered) as service:
            peer = await service.connect()
            await peer.reply()
            assert "250-STARTTLS" in (await peer.say("EHLO x")).split("\n")
            peer.send(b"STARTTLS\r\nMAIL FROM:<smuggled@x>\r\nRCPT TO:<security>\r\n")
            assert await peer.reply() == "220 Ready to start TLS"
            await peer.start_tls(trusted)
            assert await peer.say("MAIL FROM:<>") == "503 5.5.1 Say hello first"
            assert "250-STARTTLS" not in (await peer.say("EHLO x")).split("\n")
            assert await peer.say("STARTTLS") == "502 5.5.1 Not implemented"
            assert await peer.say("RCPT TO:<security>") == "503 5.5.1 Send MAIL first"
            await peer.mail()
            peer.send(MAIL + END)
            assert await peer.reply() == "250 2.0.0 OK"
            assert await peer.say("QUIT") == "221 2.0.0 Bye"
        assert [raw for _, raw in service.mails] == [MAIL]

    run_with_patience(scenario())


def test_a_failed_tls_handshake_ends_the_session() -> None:
    async def scenario() -> None:
        offered = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        offered.load_cert_chain(CERTIFICATE)
        async with serving(tls=offered) as service:
            peer = await service.connect()
            await peer.reply()
            await peer.say("EHLO x")
            assert await peer.say("STARTTLS") == "220 Ready to start TLS"
            peer.send(b"this is no handshake\r\n")
            await service.one_ended()
            assert service.listener.connections == 0

    run_with_patience(scenario())


def other_certificate(directory: Path) -> Path:
    """A certificate and its key in one file, for 127.0.0.1 as the usual one."""
    path = directory / "other.pem"
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=renewed"
    made = subprocess.run([*command.split(), "-keyout", "-", "-out", "-"], check=True, capture_output=True)
    path.write_bytes(made.stdout)
    return path


@pytest.mark.parametrize("protocol", ["smtp", "lmtp"])
def test_a_renewed_certificate_counts_for_new_sessions_and_ends_none(protocol: Protocol, tmp_path: Path) -> None:
    hello = "LHLO" if protocol == "lmtp" else "EHLO"
    unchecked = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    unchecked.check_hostname, unchecked.verify_mode = False, ssl.CERT_NONE

    def offered(path: Path) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path)
        return context

    async def secured(peer: Peer) -> bytes:
        """Start TLS; the certificate that the listener showed."""
        await peer.say("STARTTLS")
        await peer.start_tls(unchecked)
        shown = peer.writer.get_extra_info("ssl_object").getpeercert(True)
        assert isinstance(shown, bytes)
        await peer.say(f"{hello} x")
        return shown

    async def greeted_peer(service: Service) -> Peer:
        peer = await service.connect()
        await peer.reply()
        await peer.say(f"{hello} x")
        return peer

    async def scenario() -> None:
        async with serving(tls=offered(CERTIFICATE), protocol=protocol) as service:
            before, waiting = await greeted_peer(service), await greeted_peer(service)
            old = await secured(before)
            await before.mail()
            service.listener.use(service.listener.site.limits, offered(other_certificate(tmp_path)))
            before.send(MAIL + END)
            assert await before.reply() == "250 2.0.0 OK"
            assert await secured(waiting) == old
            assert await secured(await greeted_peer(service)) != old
            service.listener.use(service.listener.site.limits, None)
            assert "STARTTLS" not in await (await greeted_peer(service)).say(f"{hello} x")
            await before.mail()
            before.send(MAIL + END)
            assert await before.reply() == "250 2.0.0 OK"

    run_with_patience(scenario())
