"""neomutt: a person writes a report, signs and encrypts it, and sends it through their own SMTP setting."""

import os
import pty
import select
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from mailbot.openpgp.process import stop_agent
from tests.abuse.victim import MEMBERS, Victim, recipients, to
from tests.bot import PATIENCE
from tests.clients.conftest import program
from tests.openpgp_keys import Home
from tests.shapes.checks import nothing_gets_out
from tests.shapes.mails import TEXT
from tests.world import Sent, mail

CAROL = "carol@reporters.example"
SUBJECT = "Overflow xyzzy"
RC = """\
set from = "Carol <{carol}>"
set hostname = "reporters.example"
set use_envelope_from = yes
set envelope_from_address = "{carol}"
set smtp_url = "smtp://127.0.0.1:{port}/"
set ssl_starttls = no
set ssl_force_tls = no
set folder = "{folder}"
set spoolfile = "{folder}/spool"
set record = ""
set mbox_type = Maildir
set crypt_use_gpgme = yes
set pgp_default_key = "0x{key}"
set pgp_sign_as = "0x{key}"
set crypt_autosign = {sign}
set crypt_autoencrypt = {encrypt}
set crypt_confirm_hook = no
set crypt_protected_headers_write = yes
set crypt_protected_headers_subject = "..."
set fast_reply = yes
set autoedit = yes
set editor = "true"
set abort_unmodified = no
set edit_headers = no
set confirm_append = no
set wait_key = no
set sendmail_wait = 0
unset signature
crypt-hook security\\+.* 0x{group}
"""


@pytest.fixture(scope="module")
def keyring(served: Victim) -> Iterator[Path]:
    """Carol's own GnuPG home, and Alice's in one, in the directory of the bot because that path is short."""
    home = Home.create(served.bot.installation.directory / "c")
    for who in ("carol", "alice"):
        home.gpg("--import", data=served.lab.people.secret(who).encode())
    home.gpg("--import", data=served.lab.group.public("group").encode())
    # Carol has compared the fingerprint: else neomutt asks her.
    home.gpg("--trust-model=pgp", "--import-ownertrust", data=f"{served.lab.group_key}:6:\n".encode())
    yield home.path
    stop_agent(home.path)


def write(
    served: Victim, keyring: Path, tmp_path: Path, *, sign: str, encrypt: str, who: str = "carol", author: str = CAROL,
    to_address: str = "security@example.org", subject: str = SUBJECT, text: str = TEXT, causes: int = 4,
) -> list[Sent]:  # fmt: skip
    """Write one mail with neomutt, as a person at a terminal. What was sent because of it: `causes` mails."""
    (tmp_path / "spool" / "cur").mkdir(parents=True)
    for name in ("new", "tmp"):
        (tmp_path / "spool" / name).mkdir()
    body = tmp_path / "body.txt"
    body.write_text(text + "\n")
    rc = tmp_path / "neomuttrc"
    rc.write_text(
        RC.format(
            carol=author, port=served.bot.port, folder=tmp_path, key=served.lab.fingerprint(who), sign=sign,
            encrypt=encrypt, group=served.lab.group_key,
        )
    )  # fmt: skip
    command = [program("neomutt"), "-n", "-F", str(rc), "-s", subject, "-i", str(body)]
    environment = {
        "PATH": os.environ["PATH"], "HOME": str(tmp_path), "GNUPGHOME": str(keyring), "TERM": "xterm",
        "LANG": "C.UTF-8", "LINES": "24", "COLUMNS": "80",
    }  # fmt: skip
    before = len(served.sent())
    shown = at_terminal([*command, to_address], environment)
    served.bot.wait(lambda: len(served.sent()) >= before + causes, f"the mail of neomutt, which showed {shown[-2000:]}")
    return served.sent()[before:]


def at_terminal(command: list[str], environment: dict[str, str]) -> str:
    """Run neomutt at a terminal until it ends, and type y when it asks for it; what it showed."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=environment) as process:
        os.close(theirs)
        shown = bytearray()
        typed = False
        deadline = time.monotonic() + PATIENCE
        while process.poll() is None and time.monotonic() < deadline:
            if select.select([ours], [], [], 0.2)[0]:
                try:
                    shown += os.read(ours, 65536)
                except OSError:  # the terminal is gone with the program
                    break
            if not typed and b"y:Send" in shown:
                os.write(ours, b"y")
                typed = True
        if process.poll() is None:
            process.kill()
        os.close(ours)
    return shown.decode(errors="replace")


def test_an_encrypted_and_signed_report(served: Victim, keyring: Path, tmp_path: Path) -> None:
    sent = write(served, keyring, tmp_path, sign="yes", encrypt="yes")
    nothing_gets_out(sent, SUBJECT)
    assert recipients(sent) == sorted([*MEMBERS, CAROL])
    relay = to(sent, "alice@members.example")
    assert TEXT in relay.text
    assert "encrypted to us; signed by the unknown key" in relay.words
    assert str(relay.inside["Subject"]).endswith(SUBJECT)
    assert served.query("SELECT encrypted FROM issue ORDER BY id DESC LIMIT 1") == [(1,)]


def test_a_signed_report(served: Victim, keyring: Path, tmp_path: Path) -> None:
    sent = write(served, keyring, tmp_path, sign="yes", encrypt="no")
    relay = to(sent, "alice@members.example")
    assert "in clear; signed by the unknown key" in relay.words
    assert TEXT in relay.text


@pytest.mark.parametrize("encrypt", ["yes", "no"])
def test_a_members_signed_commands(served: Victim, keyring: Path, tmp_path: Path, encrypt: str) -> None:
    """The subject that neomutt signs along with the text says which issue it is."""
    author = f"rita.{encrypt}@out.example"
    served.receive(mail(author=author, message_id=f"<neomutt.{encrypt}@out.example>"), author)
    ((number,),) = served.query("SELECT max(id) FROM issue")
    sent = write(
        served, keyring, tmp_path, sign="yes", encrypt=encrypt, who="alice", author="alice@members.example",
        to_address=f"security+{number}@example.org", subject=f"Re: [EX-{number}] Heap overflow",
        text="/claim\n/reply\n\nThank you.\n\n> quoted\n-- \nAlice", causes=6,
    )  # fmt: skip
    transcript = to(sent, "alice@members.example")
    assert "2 of 2 commands done" in transcript.text
    assert served.query("SELECT owner FROM issue ORDER BY id DESC LIMIT 1") == [("alice",)]
    assert to(sent, author).text == "Thank you.\n"
