"""swaks, the SMTP test program that operators try a new installation with."""

import subprocess
from pathlib import Path

from tests.abuse.victim import MEMBERS, Victim, recipients, to
from tests.clients.conftest import program
from tests.shapes.checks import nothing_gets_out
from tests.shapes.mails import TEXT, encrypt, encrypted, mail
from tests.world import Sent

RITA = "rita@out.example"


def swaks(served: Victim, *arguments: str) -> list[Sent]:
    """Hand in one mail with swaks; what was sent because of it."""
    command = [program("swaks"), "--server", f"127.0.0.1:{served.bot.port}", "--helo", "out.example"]
    before = len(served.sent())
    done = subprocess.run(
        [*command, "--from", RITA, "--to", "security@example.org", *arguments],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    served.bot.wait(lambda: len(served.sent()) >= before + 4, "three members' mails and an acknowledgement")
    return served.sent()[before:]


def test_a_plain_report(served: Victim) -> None:
    sent = swaks(served, "--header", "Subject: Overflow", "--body", "The parser overflows.")
    assert recipients(sent) == sorted([*MEMBERS, RITA])
    assert "The parser overflows." in to(sent, "alice@members.example").text


def test_a_report_with_an_attachment(served: Victim, tmp_path: Path) -> None:
    poc = tmp_path / "poc.bin"
    poc.write_bytes(bytes(range(256)))
    sent = swaks(served, "--body", "See the file.", "--attach", f"@{poc}")
    assert "poc.bin, application/octet-stream, 256 bytes, SHA-256" in to(sent, "alice@members.example").words


def test_an_encrypted_report_from_a_file(served: Victim, tmp_path: Path) -> None:
    entity = f"Content-Type: text/plain; charset=utf-8\r\n\r\n{TEXT}\r\n"
    data = tmp_path / "mail.eml"
    data.write_bytes(mail(encrypted(encrypt(served.lab, entity, by="alice"))))
    sent = swaks(served, "--data", f"@{data}")
    nothing_gets_out(sent)
    relay = to(sent, "alice@members.example")
    assert TEXT in relay.text
    assert "encrypted to us; good signature by Alice Example" in relay.words


def test_an_inline_block_as_the_body(served: Victim, tmp_path: Path) -> None:
    body = tmp_path / "body.asc"
    body.write_text(encrypt(served.lab, f"{TEXT}\n").replace("\r\n", "\n"))
    sent = swaks(served, "--header", "Subject: report", "--body", f"@{body}")
    nothing_gets_out(sent)
    assert TEXT in to(sent, "alice@members.example").text
