"""Sockets that are shared, UNIX sockets, and TLS."""

import asyncio
import socket
import ssl
import subprocess
from pathlib import Path

import pytest

from tests.unit.smtp.service import END, MAIL, Peer, Protocol, Service, run_with_patience, serving

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
