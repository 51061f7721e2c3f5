"""Whoever tries to use the listener up: time, memory and connections are bounded, and others are served."""

import contextlib
import shutil
import smtplib
import socket
import ssl
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.abuse.victim import Victim
from tests.bot import PATIENCE, bot
from tests.openpgp_keys import Lab

CERTIFICATE = Path(__file__).parents[1] / "unit" / "smtp" / "loopback.pem"
LIMITS = f"""port = 0
data_grace = "1s"
max_connections = 100
tls_certificate = "{CERTIFICATE}"
tls_key = "{CERTIFICATE}"
"""


@pytest.fixture(scope="module")
def bounded(lab: Lab) -> Iterator[Victim]:
    """A bot with STARTTLS that waits for nobody longer than a second."""
    directory = Path(tempfile.mkdtemp(prefix="mb-"))
    try:
        with bot(directory, lab) as made:
            config = made.installation.config
            config.write_text(config.read_text().replace("port = 0\n", LIMITS, 1))
            made.start()
            yield Victim(made, lab)
    finally:
        shutil.rmtree(directory, ignore_errors=True)


@contextlib.contextmanager
def peer(bounded: Victim) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", bounded.bot.port), timeout=PATIENCE) as made:
        yield made


def begin(made: socket.socket) -> None:
    """As far as 354."""
    for line in (b"", b"EHLO x", b"MAIL FROM:<a45@out.example>", b"RCPT TO:<security@example.org>", b"DATA"):
        if line:
            made.sendall(line + b"\r\n")
        heard = b""
        while not heard.endswith(b"\n") or heard[heard.rfind(b"\n", 0, -1) + 1 :][3:4] != b" ":
            heard += made.recv(4096)


def listener_bytes(bounded: Victim) -> int:
    """The memory of the process that strangers talk to."""
    (pid,) = bounded.bot.processes("listener")
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4096


def last_words(made: socket.socket) -> bytes:
    heard = b""
    with contextlib.suppress(ConnectionResetError):
        while piece := made.recv(4096):
            heard += piece
    return heard


@pytest.mark.parametrize("where", ["command", "data"])
def test_a45_a_line_without_an_end_is_cut_off_and_held_nowhere(bounded: Victim, where: str) -> None:
    before = listener_bytes(bounded)
    with peer(bounded) as made:
        if where == "data":
            begin(made)
        with contextlib.suppress(ConnectionError):
            for _ in range(120):
                made.sendall(b"x" * 1_000_000)
        assert last_words(made)[:1] in (b"", b"2", b"5")
    assert listener_bytes(bounded) - before < 60_000_000
    bounded.serves_the_next()


def test_a45_a_byte_at_a_time_is_too_slow(bounded: Victim) -> None:
    with peer(bounded) as made:
        begin(made)
        started = time.monotonic()
        made.settimeout(0.2)
        heard = b""
        while not heard and time.monotonic() - started < PATIENCE:
            with contextlib.suppress(ConnectionError):
                made.sendall(b"x")
            with contextlib.suppress(TimeoutError):
                heard = made.recv(4096)
        assert heard == b"421 4.4.2 Data comes too slowly\r\n"
    bounded.serves_the_next()


def test_a45_of_5000_recipients_100_are_taken_and_the_mail_still_comes(bounded: Victim) -> None:
    before = len(bounded.dispositions())
    with smtplib.SMTP("127.0.0.1", bounded.bot.port, timeout=PATIENCE) as smtp:
        smtp.ehlo("out.example")
        smtp.mail("a45@out.example")
        smtp.send(b"RCPT TO:<security@example.org>\r\n" * 5000)
        codes = [smtp.getreply()[0] for _ in range(5000)]
        assert codes == [250] * 100 + [452] * 4900
        assert smtp.data(b"From: a45@out.example\r\nSubject: many\r\n\r\nx\r\n")[0] == 250
    bounded.bot.wait(lambda: len(bounded.dispositions()) == before + 1 and bounded.idle(), "the mail")
    bounded.serves_the_next()


def test_a45_500_idle_connections_do_not_keep_others_out(bounded: Victim) -> None:
    with contextlib.ExitStack() as stack:
        # They stay; most are turned away with 421, and the rest does nothing.
        for _ in range(500):
            stack.enter_context(peer(bounded))

        def admitted() -> bool:
            try:
                with smtplib.SMTP("127.0.0.1", bounded.bot.port, timeout=PATIENCE) as smtp:
                    return smtp.ehlo("out.example")[0] == 250
            except (smtplib.SMTPConnectError, smtplib.SMTPServerDisconnected):
                return False

        bounded.bot.wait(admitted, "a place for somebody who has something to say")
        bounded.serves_the_next()


def test_a45_what_is_pipelined_behind_starttls_is_lost(bounded: Victim) -> None:
    before = len(bounded.dispositions())
    unchecked = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    unchecked.check_hostname, unchecked.verify_mode = False, ssl.CERT_NONE
    with smtplib.SMTP("127.0.0.1", bounded.bot.port, timeout=PATIENCE) as smtp:
        smtp.ehlo("out.example")
        smtp.send(
            b"STARTTLS\r\nEHLO evil.example\r\nMAIL FROM:<evil@evil.example>\r\nRCPT TO:<security@example.org>\r\n"
        )
        assert smtp.getreply()[0] == 220
        assert smtp.sock is not None
        smtp.sock = unchecked.wrap_socket(smtp.sock)
        smtp.file = None
        # Neither the greeting nor the transaction from before counts.
        assert smtp.docmd("DATA")[0] == 503
        assert smtp.ehlo("out.example")[0] == 250
        assert smtp.docmd("RCPT", "TO:<security@example.org>")[0] == 503
        smtp.sendmail("tls@out.example", "security@example.org", b"From: tls@out.example\r\nSubject: x\r\n\r\nx\r\n")
    bounded.bot.wait(lambda: len(bounded.dispositions()) == before + 1 and bounded.idle(), "the one mail")
    bounded.serves_the_next()
