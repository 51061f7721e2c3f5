"""delivery.tls: never, if it can be had, or not at all."""

import ssl
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.smarthost import FakeSmarthost
from tests.unit.smtp.delivering import IMPATIENT, Clock, delivering, run, until
from tests.unit.smtp.memory_outbox import MemoryOutbox


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A self-signed certificate for 127.0.0.1, with its key in the same file."""
    path = tmp_path_factory.mktemp("tls") / "smarthost.pem"
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=smarthost"
    names = ["-addext", "subjectAltName=IP:127.0.0.1", "-addext", "keyUsage=digitalSignature,keyCertSign"]
    subprocess.run(
        [*command.split(), *names, "-keyout", path, "-out", path.with_suffix(".crt")], check=True, capture_output=True
    )
    path.write_bytes(path.read_bytes() + path.with_suffix(".crt").read_bytes())
    return path


@pytest.fixture
def server_tls(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


@pytest.fixture
def trusted(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The system's authorities include the smarthost's certificate."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate.with_suffix(".crt")))


def sent(smarthost: FakeSmarthost, tls: str, host: str = "127.0.0.1", **options: Any) -> None:
    async def story() -> None:
        outbox = MemoryOutbox()
        for _ in range(3):
            outbox.add(body=b"hello\r\n" * 60_000)
        async with smarthost, delivering(smarthost, outbox, tls=tls, host=host, parallel=1, **options):
            await until(outbox, lambda: set(outbox.states()) == {"sent"})

    run(story())


def held_back(smarthost: FakeSmarthost, tls: str, host: str = "127.0.0.1", **options: Any) -> str:
    """Nothing may leave; returns the reason that the operator reads."""
    reason = []

    async def story() -> None:
        outbox, clock = MemoryOutbox(), Clock()
        outbox.add()
        async with smarthost:
            async with delivering(smarthost, outbox, clock=clock, tls=tls, host=host, limits=IMPATIENT, **options):
                await until(outbox, lambda: len(outbox.transactions) >= 3)
            assert (outbox.rows[1].state, outbox.rows[1].attempts) == ("waiting", 0)
            assert "MAIL" not in smarthost.verbs()
            reason.append(outbox.rows[1].last_error)

    run(story())
    return reason[0]


def test_none_never_starts_tls(server_tls: ssl.SSLContext) -> None:
    smarthost = FakeSmarthost(tls=server_tls)
    sent(smarthost, "none")
    assert {mail.encrypted for mail in smarthost.mails} == {False}


def test_opportunistic_starts_tls_if_offered_whoever_signed_the_certificate(server_tls: ssl.SSLContext) -> None:
    smarthost = FakeSmarthost(tls=server_tls)
    sent(smarthost, "opportunistic")
    assert {mail.encrypted for mail in smarthost.mails} == {True}
    assert smarthost.connections == 1
    assert smarthost.verbs()[:3] == ["EHLO", "STARTTLS", "EHLO"]


def test_opportunistic_goes_on_in_clear_if_tls_is_not_offered() -> None:
    smarthost = FakeSmarthost()
    sent(smarthost, "opportunistic")
    assert smarthost.connections == 1


def test_opportunistic_goes_on_in_clear_if_starttls_is_refused(server_tls: ssl.SSLContext) -> None:
    smarthost = FakeSmarthost(tls=server_tls)
    smarthost.on("STARTTLS", "454 4.7.0 no TLS today")
    sent(smarthost, "opportunistic")
    assert {mail.encrypted for mail in smarthost.mails} == {False}
    assert smarthost.connections == 1


def test_opportunistic_connects_again_without_tls_if_the_handshake_fails(server_tls: ssl.SSLContext) -> None:
    server_tls.minimum_version = ssl.TLSVersion.TLSv1_3
    server_tls.maximum_version = ssl.TLSVersion.TLSv1_2
    smarthost = FakeSmarthost(tls=server_tls)
    sent(smarthost, "opportunistic")
    assert {mail.encrypted for mail in smarthost.mails} == {False}
    assert smarthost.connections == 2


@pytest.mark.usefixtures("trusted")
def test_required_sends_over_tls_if_the_certificate_is_good(server_tls: ssl.SSLContext) -> None:
    smarthost = FakeSmarthost(tls=server_tls)
    sent(smarthost, "required")
    assert {mail.encrypted for mail in smarthost.mails} == {True}


def test_required_sends_nothing_to_a_certificate_that_nobody_vouches_for(server_tls: ssl.SSLContext) -> None:
    reason = held_back(FakeSmarthost(tls=server_tls), "required")
    assert reason == (
        "the certificate of 127.0.0.1 is not accepted (self-signed certificate): "
        'delivery.tls is "required", so nothing was sent'
    )


def test_required_sends_if_an_authority_of_the_file_vouches(server_tls: ssl.SSLContext, certificate: Path) -> None:
    smarthost = FakeSmarthost(tls=server_tls)
    sent(smarthost, "required", ca_file=certificate.with_suffix(".crt"))
    assert {mail.encrypted for mail in smarthost.mails} == {True}


def test_the_authorities_of_the_file_stand_in_the_place_of_the_systems(server_tls: ssl.SSLContext) -> None:
    other = Path(__file__).with_name("loopback.pem")
    reason = held_back(FakeSmarthost(tls=server_tls), "required", ca_file=other)
    assert reason.startswith("the certificate of 127.0.0.1 is not accepted (")


def test_required_sends_nothing_if_the_file_of_authorities_went_away(
    server_tls: ssl.SSLContext, tmp_path: Path
) -> None:
    reason = held_back(FakeSmarthost(tls=server_tls), "required", ca_file=tmp_path / "gone")
    assert reason.startswith(f"{tmp_path}/gone: delivery.tls_ca_file: cannot be used: No such file or directory")


@pytest.mark.usefixtures("trusted")
@pytest.mark.parametrize(("host", "name", "good"), [("localhost", "127.0.0.1", True), ("127.0.0.1", "mx.x", False)])
def test_the_name_of_the_config_is_the_one_that_the_certificate_must_hold(
    server_tls: ssl.SSLContext, host: str, name: str, good: bool
) -> None:
    smarthost = FakeSmarthost(tls=server_tls)
    if good:
        sent(smarthost, "required", host, tls_name=name)
        assert {mail.encrypted for mail in smarthost.mails} == {True}
    else:
        reason = held_back(smarthost, "required", host, tls_name=name)
        assert reason.startswith("the certificate of mx.x is not accepted (Hostname mismatch")


@pytest.mark.usefixtures("trusted")
def test_required_sends_nothing_to_a_certificate_for_another_name(server_tls: ssl.SSLContext) -> None:
    reason = held_back(FakeSmarthost(tls=server_tls), "required", "localhost")
    assert reason.startswith("the certificate of localhost is not accepted (Hostname mismatch")


def test_required_sends_nothing_if_tls_is_not_offered() -> None:
    reason = held_back(FakeSmarthost(), "required")
    assert reason == 'STARTTLS is not offered: delivery.tls is "required", so nothing was sent'


def test_required_sends_nothing_if_starttls_is_refused(server_tls: ssl.SSLContext) -> None:
    smarthost = FakeSmarthost(tls=server_tls)
    smarthost.on("STARTTLS", "454 4.7.0 no TLS today")
    reason = held_back(smarthost, "required")
    assert reason == 'STARTTLS: 454 4.7.0 no TLS today: delivery.tls is "required", so nothing was sent'


@pytest.mark.parametrize("trouble", ["silent", "drop", "handshake"])
def test_required_sends_nothing_if_tls_breaks_off(server_tls: ssl.SSLContext, trouble: str) -> None:
    smarthost = FakeSmarthost(tls=server_tls)
    if trouble == "handshake":
        server_tls.minimum_version = ssl.TLSVersion.TLSv1_3
        server_tls.maximum_version = ssl.TLSVersion.TLSv1_2
    else:
        smarthost.on("STARTTLS", silent=trouble == "silent", drop=trouble == "drop")
    assert held_back(smarthost, "required").endswith('delivery.tls is "required", so nothing was sent')


def test_what_was_smuggled_in_before_tls_is_not_believed_after_it(server_tls: ssl.SSLContext) -> None:
    # RFC 3207 4.2: knowledge from before TLS is dropped; CVE-2021-38371 and its kin are the reason for the reply.
    smarthost = FakeSmarthost(tls=server_tls)
    smarthost.on("STARTTLS", "220 go ahead\r\n250-evil\r\n250 SIZE 1", times=1)
    sent(smarthost, "opportunistic")
    assert {mail.encrypted for mail in smarthost.mails} == {True}
