"""The sender's side: what was handed in, how often, and what got its 250.

It behaves as a mail server in front of the bot does: what did not get a 250 is handed in again, byte for byte, until it
does. `books` compares the ledger with what the bot has in its tables and with what came out.
"""

import contextlib
import itertools
import os
import smtplib
import threading
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.policy import SMTP

from tests.bot import PATIENCE, Bot
from tests.openpgp_keys import Lab


@dataclass
class Entry:
    """One mail, and what has to come of it."""

    message_id: str
    raw: bytes
    sender: str
    recipients: tuple[str, ...] = ("security@example.org",)
    state: str = "done"
    disposition: str = "report"
    relay: str = "report"
    """The event of the one notice by which members get it; "" if they get none."""
    root: str = ""
    """Message-ID of the mail whose issue it belongs to; "" if it opens its own (or has none)."""
    acknowledged: bool = True
    """Its sender is owed an acknowledgement."""
    attempts: int = 0
    """How often it was handed in, with a 250 at the end or not."""
    accepted: int = 0
    """How often it got its 250."""

    @property
    def opens(self) -> bool:
        return self.disposition in ("report", "unreadable") and not self.root


@dataclass
class Ledger:
    bot: Bot
    entries: dict[str, Entry] = field(default_factory=dict)
    port: int = 0
    """Set by who restarts the bot and knows it; 0: look it up each time."""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def hand_in(self, entry: Entry, pause: float = 0.05) -> None:
        """Until it gets its 250. Fails after `PATIENCE`."""
        deadline = time.monotonic() + PATIENCE
        while self.attempt(entry) != 250:
            assert time.monotonic() < deadline, "the bot takes no mail"
            time.sleep(pause)

    def attempt(self, entry: Entry) -> int:
        """Hand it in once. Returns the reply's code, 0 if there was none."""
        with self._lock:
            self.entries[entry.message_id] = entry
        code = 0
        # Whatever goes wrong after the 250 is nobody's business any more.
        with contextlib.suppress(OSError, smtplib.SMTPException), self._session() as session:
            entry.attempts += 1
            try:
                session.sendmail(entry.sender, entry.recipients, entry.raw)
                code = 250
                entry.accepted += 1
            except smtplib.SMTPResponseException as error:
                code = error.smtp_code
        return code

    def attempt_all(self, entries: Sequence[Entry]) -> list[int]:
        """`attempt` for each, side by side."""
        with ThreadPoolExecutor(len(entries)) as pool:
            return list(pool.map(self.attempt, entries))

    def hand_in_all(self, conversations: Iterable[list[Entry]]) -> None:
        """Conversations side by side, the mails of each one after the other."""

        def converse(mails: list[Entry]) -> None:
            for mail in mails:
                self.hand_in(mail)

        with ThreadPoolExecutor(8) as pool:
            for result in [pool.submit(converse, mails) for mails in conversations]:
                result.result()

    def _session(self) -> smtplib.SMTP:
        return smtplib.SMTP("127.0.0.1", self.port or self.bot.port, local_hostname="mx.example.org", timeout=PATIENCE)


class Post:
    """Writes mails, each unlike any other."""

    def __init__(self, lab: Lab, tag: str) -> None:
        self._lab = lab
        self._tag = tag
        self._numbers = itertools.count(1)
        self._inside: dict[tuple[str, ...], str] = {}

    def address(self, name: str) -> str:
        return f"{name}.{self._tag}@out.example"

    def plain(self, sender: str, text: str = "There is an overflow.\n", **fields: str) -> Entry:
        """A report in plain text."""
        mail = self._mail(sender, **fields)
        mail.set_content(text)
        return Entry(str(mail["Message-ID"]), mail.as_bytes(policy=SMTP), sender)

    def encrypted(self, sender: str, *options: str) -> Entry:
        """A report encrypted to the group and signed by carol; `options` are gpg's. The ciphertext of same options is
        made once, because gpg is slow."""
        if options not in self._inside:
            content = EmailMessage()
            content["Subject"] = "Overflow, in confidence"
            content.set_content("A secret overflow.\n")
            group = self._lab.people.fingerprints["group"]
            armored = self._lab.people.encrypt(content.as_bytes(policy=SMTP), [group], *options, by="carol")
            self._inside[options] = armored.decode()
        mail = self._mail(sender, **{"MIME-Version": "1.0"})
        body = [
            *('Content-Type: multipart/encrypted; protocol="application/pgp-encrypted"; boundary="b"', ""),
            *("--b", "Content-Type: application/pgp-encrypted", "", "Version: 1", ""),
            *(
                "--b",
                "Content-Type: application/octet-stream",
                "",
                *self._inside[options].splitlines(),
                "",
                "--b--",
                "",
            ),
        ]
        raw = mail.as_bytes().rstrip() + b"\r\n" + "\r\n".join(body).encode()
        return Entry(str(mail["Message-ID"]), raw, sender)

    def follow_up(self, to: Entry) -> Entry:
        """The sender of `to` adds something, in the same thread."""
        entry = self.plain(to.sender, **{"In-Reply-To": to.message_id, "References": to.message_id})
        entry.disposition = entry.relay = "follow_up"
        entry.disposition, entry.root, entry.acknowledged = "follow-up", to.root or to.message_id, False
        return entry

    def key_request(self, sender: str) -> Entry:
        entry = self.plain(sender, "Which key do you use?\n")
        entry.recipients = ("security+key@example.org",)
        entry.disposition, entry.relay, entry.acknowledged = "key-request", "", False
        return entry

    def automatic(self, sender: str) -> Entry:
        """Automatic mail that threads to nothing: it opens an issue, and nobody is answered."""
        entry = self.plain(sender, **{"Auto-Submitted": "auto-generated"})
        entry.acknowledged = False
        return entry

    def unreadable(self, sender: str) -> Entry:
        """More parts than any honest mail has."""
        mail = self._mail(sender, **{"MIME-Version": "1.0"})
        body = "Content-Type: multipart/mixed; boundary=b\r\n\r\n" + "--b\r\n\r\nx\r\n" * 300 + "--b--\r\n"
        raw = mail.as_bytes().rstrip() + b"\r\n" + body.encode()
        return Entry(str(mail["Message-ID"]), raw, sender, disposition="unreadable", relay="unreadable")

    def large(self, sender: str) -> Entry:
        """A report with an attachment of several chunks."""
        mail = self._mail(sender)
        mail.set_content("See the attachment.\n")
        mail.add_attachment(os.urandom(600_000), "application", "octet-stream", filename="proof.bin")
        return Entry(str(mail["Message-ID"]), mail.as_bytes(policy=SMTP), sender)

    def bounce(self, sender: str) -> Entry:
        """A bounce to an address that we never gave out: it does nothing."""
        entry = self.plain(sender, "Your mail could not be delivered.\n")
        entry.recipients = ("security+bounce.nobody@example.org",)
        entry.disposition, entry.relay, entry.acknowledged = "bounce", "", False
        return entry

    def note(self, to: Entry) -> Entry:
        """Alice writes in the thread of `to`, signed."""
        sender = "alice@members.example"
        mail = self._mail(sender, **{"In-Reply-To": to.message_id, "MIME-Version": "1.0"})
        part = f"Content-Type: text/plain; charset=utf-8\r\n\r\nI look at {to.message_id}.\r\n"
        signature = self._lab.people.sign("alice", part.encode()).decode().replace("\n", "\r\n")
        kind = 'multipart/signed; protocol="application/pgp-signature"; micalg=pgp-sha512; boundary="b"'
        body = (
            f"Content-Type: {kind}\r\n\r\n--b\r\n{part}\r\n"
            f"--b\r\nContent-Type: application/pgp-signature\r\n\r\n{signature}\r\n--b--\r\n"
        )
        raw = mail.as_bytes().rstrip() + b"\r\n" + body.encode()
        return Entry(
            str(mail["Message-ID"]), raw, sender, disposition="member", relay="note", root=to.root or to.message_id,
            acknowledged=False,
        )  # fmt: skip

    def _mail(self, sender: str, **fields: str) -> EmailMessage:
        number = next(self._numbers)
        mail = EmailMessage(policy=SMTP)
        mail["From"] = f"Reporter <{sender}>"
        mail["To"] = "security@example.org"
        mail["Subject"] = f"Overflow {self._tag} {number}"
        mail["Message-ID"] = f"<{self._tag}.{number}@out.example>"
        for name, value in fields.items():
            mail[name] = value
        return mail
