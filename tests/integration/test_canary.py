"""Canary words go through a whole life of two issues, and come out in clear nowhere.

The words stand in bodies, subjects, names of attachments, a reporter's name and address. They may be read inside what
is encrypted to members, and the address where mail to the reporter must name it; nowhere else: not in what is sent, the
log, process arguments and environments, temporary files, the database and its log, or what the listener answers.
"""

import base64
import os
import re
import shutil
import smtplib
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.policy import SMTP
from pathlib import Path

import pytest

from tests.bot import PATIENCE, Bot, bot
from tests.faults.orders import HOOK, Orders
from tests.openpgp_keys import Lab
from tests.smarthost import ReceivedMail

ADDRESS = "kwaxreporter@kwaxdomain.example"
PLAIN_WORDS = ["kwaxplainbody", "kwaxplainsubject", "kwaxplainfile"]
SECRET_WORDS = ["kwaxsecretbody", "kwaxsecretsubject", "kwaxsecretfile", "kwaxoutersubject"]
LATER_WORDS = ["kwaxfollowbody", "kwaxfollowsubject", "kwaxnotebody", "kwaxpoisonbody", "kwaxpoisonsubject"]
NAME = "kwaxname"
WORDS = [*PLAIN_WORDS, *SECRET_WORDS, *LATER_WORDS, NAME, "kwaxreporter", "kwaxdomain"]

CONFIG = """
[slo]
first_response_remind = "15s"
first_response_escalate = "20s"

[[slo.escalation]]
after = "0s"
to = ["escalation@example.org"]
"""
CAGE = """\
import os, sys
sys.path.insert(0, sys.argv[1])
from mailbot.cage import worker
usual = worker.parse
def parse(raw):
    if b"kwax" + b"poisonbody" in raw:
        os.kill(os.getpid(), 9)
    return usual(raw)
worker.parse = parse
worker.main()
"""
GPG = """\
#!/bin/sh
{{ echo "$@"; env; }} >> {log}
exec {gpg} "$@"
"""
DEBUG = """\
import runpy
from mailbot import maillog
usual = maillog.set_up
maillog.set_up = lambda level="": usual("DEBUG")
runpy.run_path({hook!r})
"""


def forms(word: str) -> list[bytes]:
    """How a word may look where it is not hidden: as it is, in hexadecimal, in base64 at each of three positions."""
    data = word.encode()
    found = [data, data.hex().encode()]
    for shift in range(3):
        text = base64.b64encode(b"\0" * shift + data)
        found.append(text[(shift * 4 + 2) // 3 : -4 or None])
    return found


FORMS = {word: forms(word) for word in WORDS}


def canaries(data: bytes) -> set[str]:
    """The words that can be read in `data`, whatever their letter case."""
    lower = data.lower()
    return {
        word for word, looks in FORMS.items()
        if any(look in data for look in looks) or any(look in lower for look in looks[:2])
    }  # fmt: skip


def test_canaries_are_found_in_every_form() -> None:
    for before in ("", "a", "ab"):
        assert canaries(base64.b64encode(f"{before}kwaxname cd".encode())) == {"kwaxname"}
    for text in (b"xx KWAXNAME", b"6b7761786e616d65"):
        assert canaries(text) == {"kwaxname"}
    assert canaries(b"nothing") == set()


@dataclass
class Watch:
    """What can be seen of a running bot by anybody on the machine, and what is in its files."""

    directory: Path
    seen: dict[str, set[str]] = field(default_factory=dict)
    """Where which words were."""
    commands: set[str] = field(default_factory=set)
    temporary: set[str] = field(default_factory=set)
    _over: threading.Event = field(default_factory=threading.Event)

    def look(self) -> None:
        for path in Path("/proc").glob("[0-9]*"):
            if path.name == str(os.getpid()):
                continue
            for what in ("cmdline", "environ"):
                self._note(f"/proc {what}", _read(path / what))
            self.commands.add(_read(path / "cmdline").replace(b"\0", b" ").decode(errors="replace"))
        for path in (self.directory / "tmp").rglob("*"):
            self.temporary.add(path.name)
            self._note("a temporary file's name", path.name.encode())
            self._note(f"the temporary file {path.name}", _read(path))
        for path in self.directory.glob("mailbot.db*"):
            self._note(path.name, _read(path))

    def _note(self, where: str, data: bytes) -> None:
        if words := canaries(data):
            self.seen.setdefault(where, set()).update(words)

    @contextmanager
    def watching(self) -> Iterator[None]:
        thread = threading.Thread(target=self._run, daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._over.set()
            thread.join()

    def _run(self) -> None:
        while not self._over.wait(0.02):  # between looks, so that the bot gets to work
            self.look()


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""  # gone already, not ours, or no file


class Talk(smtplib.SMTP):
    """Remembers what the listener says."""

    replies: list[bytes]

    def getreply(self) -> tuple[int, bytes]:
        code, text = super().getreply()
        self.replies.append(text)
        return code, text


@dataclass
class Life:
    bot: Bot
    lab: Lab
    replies: list[bytes] = field(default_factory=list)

    def send(self, raw: bytes, sender: str, *recipients: str) -> None:
        Talk.replies = self.replies
        with Talk("127.0.0.1", self.bot.port, timeout=PATIENCE) as smtp:
            smtp.sendmail(sender, recipients or ("security@example.org",), raw)
            for command in (f"VRFY {ADDRESS}", f"RCPT TO:<{ADDRESS}>", f"MAIL FROM:<{ADDRESS}", f"NONSENSE {NAME}"):
                smtp.docmd(command)

    def wait(self, condition: Callable[[], bool], what: str) -> None:
        self.bot.wait(condition, what)

    def to(self, recipient: str) -> list[ReceivedMail]:
        return [mail for mail in self.bot.smarthost.mails if mail.recipient == recipient]

    def log(self) -> str:
        return self.bot.log_path.read_text()

    def settled(self) -> bool:
        listed = self.bot.json("queue", "list", "--limit", "0")
        return all(row["state"] != "new" for row in listed["inbox"]) and all(
            row["state"] != "waiting" for row in listed["outbox"]
        )


def report(subject: str, body: str, file: str, message_id: str) -> bytes:
    return (
        f"From: {NAME} Reporter <{ADDRESS}>\r\nTo: security@example.org\r\nSubject: {subject}\r\n"
        f"Message-ID: {message_id}\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
        f"--b\r\nContent-Type: text/plain\r\n\r\n{body}\r\n--b\r\nContent-Type: application/octet-stream\r\n"
        f'Content-Disposition: attachment; filename="{file}.bin"\r\n\r\nabc\r\n--b--\r\n'
    ).encode()


def encrypted_report(lab: Lab) -> bytes:
    inner = report("kwaxsecretsubject", "kwaxsecretbody", "kwaxsecretfile", "<2@x.example>").replace(
        b"multipart/mixed;", b'multipart/mixed; hp="cipher";'
    )
    armor = lab.people.encrypt(inner, [lab.group_key]).replace(b"\n", b"\r\n")
    return (
        f"From: {NAME} Reporter <{ADDRESS}>\r\nTo: security@example.org\r\nSubject: kwaxoutersubject\r\n"
        "Message-ID: <2@x.example>\r\nMIME-Version: 1.0\r\n"
        'Content-Type: multipart/encrypted; protocol="application/pgp-encrypted"; boundary=b\r\n\r\n'
        "--b\r\nContent-Type: application/pgp-encrypted\r\n\r\nVersion: 1\r\n\r\n"
        "--b\r\nContent-Type: application/octet-stream\r\n\r\n"
    ).encode() + armor + b"\r\n--b--\r\n"  # fmt: skip


def note(lab: Lab) -> bytes:
    content = b"Content-Type: text/plain\r\n\r\nkwaxnotebody\r\n"
    signature = lab.people.sign("alice", content, "--digest-algo=SHA512").replace(b"\n", b"\r\n")
    return (
        b"From: Alice <alice@members.example>\r\nTo: security+1@example.org\r\nSubject: x\r\nMessage-ID: <n@m>\r\n"
        b'Content-Type: multipart/signed; protocol="application/pgp-signature"; boundary=s\r\n\r\n'
        b"--s\r\n"
        + content
        + b"\r\n--s\r\nContent-Type: application/pgp-signature\r\n\r\n"
        + signature
        + b"\r\n--s--\r\n"
    )


def bounce(to: str) -> bytes:
    return (
        f"From: MAILER-DAEMON@kwaxdomain.example\r\nTo: {to}\r\nSubject: Undelivered: {ADDRESS}\r\n"
        "Content-Type: multipart/report; report-type=delivery-status; boundary=r\r\n\r\n"
        f"--r\r\n\r\nNo {ADDRESS} here.\r\n--r\r\nContent-Type: message/delivery-status\r\n\r\n"
        f"Reporting-MTA: dns; kwaxdomain.example\r\n\r\nFinal-Recipient: rfc822; {ADDRESS}\r\nAction: failed\r\n"
        f"Status: 5.1.1\r\nDiagnostic-Code: smtp; 550 no {NAME}\r\n\r\n--r--\r\n"
    ).encode()


def poison() -> bytes:
    return (
        f"From: {NAME} <{ADDRESS}>\r\nTo: security@example.org\r\nSubject: kwaxpoisonsubject\r\n"
        "Message-ID: <p@x.example>\r\n\r\nkwaxpoisonbody\r\n"
    ).encode()


def live(life: Life) -> None:
    """Everything that happens to a report today."""
    smarthost = life.bot.smarthost
    # The smarthost quotes the address in refusals for now and for good.
    smarthost.on("RCPT", reply=f"450 4.2.0 <{ADDRESS}>: {NAME} is busy", matching=ADDRESS, times=1)
    life.send(report("kwaxplainsubject", "kwaxplainbody", "kwaxplainfile", "<1@x.example>"), ADDRESS)
    life.wait(lambda: len(life.to("alice@members.example")) == 1, "the relay")
    life.wait(lambda: " deferred attempts=1 code=450" in life.log(), "the refusal for now")
    (deferred,) = re.findall(r"out=(\d+) deferred", life.log())
    life.bot.run("queue", "retry", deferred)
    life.wait(lambda: len(life.to(ADDRESS)) >= 1, "the acknowledgement")
    ack = life.to(ADDRESS)[0]
    assert b"Subject: [EX-1] We have received your report" in ack.content
    keyed = str(message_from_bytes(ack.content, policy=SMTP)["Reply-To"].addresses[0].addr_spec)
    life.send(
        report("kwaxfollowsubject", "kwaxfollowbody", "kwaxplainfile", "<3@x.example>"), ADDRESS, keyed
    )  # fmt: skip
    life.send(note(life.lab), "alice@members.example", "security+1@example.org")
    life.send(encrypted_report(life.lab), ADDRESS)
    life.send(poison(), ADDRESS)
    life.send(bounce(ack.sender), "", ack.sender)
    life.wait(lambda: " quarantined issue=" in life.log(), "quarantine")
    smarthost.on("RCPT", reply=f"550 5.1.1 <{ADDRESS}>: no {NAME} here", matching=ADDRESS)
    life.wait(lambda: len(life.to("escalation@example.org")) == 3, "three escalations")
    life.wait(life.settled, "the end of all work")
    states = {(row["kind"], row["state"]) for row in life.bot.json("queue", "list", "--limit", "0")["outbox"]}
    assert {
        ("acknowledgement", "bounced"),
        ("escalation_reporter", "failed"),
        ("undelivered_reporter", "sent"),
    } <= states
    assert {"report", "follow_up", "note", "reminder", "escalated", "unreadable"} <= {kind for kind, _ in states}


@pytest.fixture
def life(short_path: Path, lab: Lab) -> Iterator[Life]:
    with bot(short_path, lab, extra=CONFIG) as made:
        orders = Orders(short_path / "orders")
        orders.directory.mkdir()
        orders.put("cage", CAGE)
        (short_path / "tmp").mkdir()
        (short_path / "debug").mkdir()
        (short_path / "debug" / "sitecustomize.py").write_text(DEBUG.format(hook=str(HOOK / "sitecustomize.py")))
        made.environment |= orders.environment
        made.environment["PYTHONPATH"] = f"{short_path / 'debug'}:{made.environment['PYTHONPATH']}"
        made.environment["TMPDIR"] = str(short_path / "tmp")
        # gpg is gone before anybody looks: it goes through a script that notes its arguments and environment.
        (short_path / "bin").mkdir()
        (short_path / "bin" / "gpg").write_text(GPG.format(log=short_path / "gpg.log", gpg=shutil.which("gpg")))
        (short_path / "bin" / "gpg").chmod(0o700)
        made.environment["PATH"] = f"{short_path / 'bin'}:{os.environ['PATH']}"
        yield Life(made, lab)


def test_no_canary_is_seen_in_clear(life: Life) -> None:
    watch = Watch(life.bot.installation.directory)
    life.bot.start()
    assert [_core_limit(pid) for pid in life.bot.processes("worker")] == ["0"]
    with watch.watching():
        live(life)
    watch.look()
    assert life.bot.stop() == 0
    watch.look()

    assert watch.seen == {}
    # The watch saw what there was to see.
    assert any(" -m mailbot.roles worker " in command for command in watch.commands)
    gpg = (life.bot.installation.directory / "gpg.log").read_bytes()
    assert canaries(gpg) == set()
    for word in (b"--decrypt", b"--encrypt", b"--verify", b"--detach-sign"):
        assert word in gpg
    assert "pubring.kbx" in watch.temporary
    assert not {path.name for path in (life.bot.installation.directory / "tmp").rglob("*") if path.is_file()}

    log = life.bot.log_path.read_bytes()
    assert b" DEBUG step " in log
    assert canaries(log) == set()
    assert life.replies
    assert canaries(b"\n".join(life.replies)) == set()
    for mail in life.bot.smarthost.mails:
        assert canaries(readable(mail)) <= allowed(mail), mail.content.decode(errors="replace")[:3000]
    # And inside the encryption to members, every word arrived.
    inside = b"".join(opened(life.lab, mail) for mail in life.to("alice@members.example"))
    assert canaries(inside) == set(WORDS) - {"kwaxnotebody"}  # her own note does not come back to her
    bobs = b"".join(opened(life.lab, mail) for mail in life.to("bob@members.example"))
    assert "kwaxnotebody" in canaries(bobs)


def readable(mail: ReceivedMail) -> bytes:
    """Envelope, wire, and everything that a mail program decodes without a key."""
    found = [mail.sender.encode(), mail.content]
    for part in message_from_bytes(mail.content, policy=SMTP).walk():
        found += [f"{name}: {value}".encode(errors="replace") for name, value in part.items()]
        if not part.is_multipart():
            found.append(bytes(part.get_payload(decode=True) or b""))
    return b"\n".join(found)


def allowed(mail: ReceivedMail) -> set[str]:
    """What may be read: mail to the reporter names the address to which it goes."""
    if mail.recipient != ADDRESS:
        return set()
    content = mail.content.replace(f"To: {ADDRESS}\r\n".encode(), b"")
    assert canaries(content) == set(), content.decode(errors="replace")[:3000]
    return {"kwaxreporter", "kwaxdomain"}


def opened(lab: Lab, mail: ReceivedMail) -> bytes:
    parts = list(message_from_bytes(mail.content, policy=SMTP).iter_parts())
    assert parts[0].get_content_type() == "application/pgp-encrypted"
    inside = lab.people.gpg("--decrypt", data=parts[1].get_content(), fail=True)
    assert inside
    return inside


def _core_limit(pid: int) -> str:
    """Soft limit of a process for core files, in bytes."""
    lines = Path(f"/proc/{pid}/limits").read_text().splitlines()
    return next(line for line in lines if line.startswith("Max core file size")).split()[4]
