"""The listener's certificate is renewed while mail comes in: new sessions see the new one, and no session ends."""

import signal
import smtplib
import socket
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.bot import PATIENCE, Bot, bot
from tests.openpgp_keys import Lab
from tests.world import mail


def certificate(directory: Path, name: str) -> None:
    """A new pair in the place of the old one."""
    command = f"openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN={name}"
    files = ["-keyout", str(directory / "bot.key"), "-out", str(directory / "bot.crt")]
    subprocess.run([*command.split(), *files], check=True, capture_output=True)


@pytest.fixture
def served(short_path: Path, lab: Lab) -> Iterator[Bot]:
    with bot(short_path, lab) as made:
        certificate(short_path, "first")
        config = made.installation.config
        named = 'port = 0\ntls_certificate = "bot.crt"\ntls_key = "bot.key"\n'
        config.write_text(config.read_text().replace("port = 0\n", named, 1))
        made.start()
        yield made


def session(served: Bot) -> smtplib.SMTP:
    """A session within TLS."""
    unchecked = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    unchecked.check_hostname, unchecked.verify_mode = False, ssl.CERT_NONE
    smtp = smtplib.SMTP("127.0.0.1", served.port, timeout=PATIENCE)
    smtp.starttls(context=unchecked)
    smtp.ehlo("out.example")
    return smtp


def shown(smtp: smtplib.SMTP) -> bytes:
    assert isinstance(smtp.sock, ssl.SSLSocket)
    found = smtp.sock.getpeercert(True)
    assert found is not None
    return found


def reload(served: Bot, word: str) -> None:
    """SIGHUP, until the listener has said what it made of it."""
    assert served.process is not None
    before = served.log_path.read_text().count(word)
    served.process.send_signal(signal.SIGHUP)
    served.wait(lambda: served.log_path.read_text().count(word) > before, word)


def test_a_certificate_is_renewed_by_sighup_and_a_bad_one_is_not_taken(served: Bot) -> None:
    directory = served.installation.directory
    with session(served) as old:
        first = shown(old)
        old.mail("rita@out.example")
        certificate(directory, "second")
        reload(served, "listener took the new config")
        with session(served) as new:
            second = shown(new)
            assert second != first
        # The session from before goes on where it was.
        old.rcpt("security@example.org")
        assert old.data(mail())[0] == 250
        (directory / "bot.key").write_text("no key")
        reload(served, "listener.tls_certificate, listener.tls_key: cannot be used")
        with session(served) as again:
            assert shown(again) == second
    served.wait(lambda: "rita@out.example" in served.recipients(), "the acknowledgement")


def test_a_unix_socket_can_be_used_by_the_mail_servers_user(short_path: Path, lab: Lab) -> None:
    with bot(short_path, lab) as made:
        config = made.installation.config
        config.write_text(config.read_text().replace("port = 0\n", 'protocol = "lmtp"\nsocket = "in.sock"\n', 1))
        made.start("listener")
        assert (short_path / "in.sock").stat().st_mode & 0o777 == 0o666
        with socket.socket(socket.AF_UNIX) as peer:
            peer.connect(str(short_path / "in.sock"))
            assert peer.recv(100).startswith(b"220 example.org LMTP")
