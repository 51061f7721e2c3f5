"""A relay too large for the smarthost goes out without the original, and says how to get it."""

import base64
import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.abuse.victim import MEMBERS, Victim, recipients, to, victim
from tests.openpgp_keys import Lab
from tests.world import Sent, mail


@pytest.fixture
def served(lab: Lab, short_path: Path) -> Iterator[Victim]:
    # Not one for all: the smarthost's limit holds for connections, which are kept for the next mail.
    with victim(short_path, lab) as made:
        yield made


def large(author: str) -> bytes:
    """A report with an attachment that no cipher makes smaller."""
    data = base64.encodebytes(os.urandom(60_000)).decode()
    text = (
        "--b\nContent-Type: text/plain\n\nThe proof is attached.\n--b\nContent-Type: application/zip\n"
        f'Content-Transfer-Encoding: base64\nContent-Disposition: attachment; filename="proof.zip"\n\n{data}\n--b--\n'
    )
    raw = mail(text, author=author, message_id=f"<large.{author}>")
    return raw.replace(b"text/plain; charset=utf-8", b"multipart/mixed; boundary=b", 1)


def raw_of(served: Victim, number: int) -> bytes:
    config = str(served.bot.installation.config)
    command = [sys.executable, "-m", "mailbot", "--config", config, "queue", "show", "in", str(number), "--raw"]
    return subprocess.run(command, check=True, capture_output=True).stdout


@pytest.mark.parametrize("how", ["announced", "refused at MAIL", "refused after the data"])
def test_a_relay_larger_than_the_smarthost_takes_goes_out_without_the_original(served: Victim, how: str) -> None:
    fake = served.bot.smarthost
    if how == "announced":
        fake.extensions = ("8BITMIME", "SIZE 30000")
    elif how == "refused at MAIL":
        fake.extensions = ("8BITMIME", "SIZE")
        fake.on("MAIL", "552 5.3.4 Message size exceeds fixed limit", matching=" SIZE=89")  # of 89 kB
    else:
        fake.extensions = ("8BITMIME",)
        fake.on("content", "552 5.3.4 Message too big", matching="alice@", times=1)
    author = f"{how.replace(' ', '.')}@out.example"
    raw = large(author)
    sent = served.receive(raw, author)
    assert recipients(sent) == sorted([*MEMBERS, author])  # each once, and no word about anything undelivered
    relay = to(sent, "alice@members.example")
    assert len(relay.raw) < 30_000
    assert "Text of the report (the original is not attached):" in relay.text
    assert "The proof is attached." in relay.text
    states = served.query("SELECT state, count(*) FROM outbox GROUP BY state ORDER BY state")
    assert states == [("cancelled", 1 if how == "refused after the data" else 2), ("sent", 4)]
    (number,) = served.query("SELECT max(id) FROM inbox")[0]
    digest = hashlib.sha256(raw).hexdigest()
    assert (
        "the original is not attached, because with it this mail is larger than the mail server takes; it has "
        f"{len(raw)} bytes and the SHA-256 {digest}; an operator gets it with `mailbot queue show in {number} --raw`"
    ) in relay.words
    assert "proof.zip, application/zip, 60.0 kB, SHA-256" in relay.words
    assert raw_of(served, number) == raw
    others = to(sent, "bob@members.example")
    assert (len(others.raw) > 80_000) is (how == "refused after the data")


def bounce(relay: Sent, status: str) -> bytes:
    """What a server further on says (RFC 3464)."""
    text = (
        "--b\nContent-Type: text/plain\n\nIt could not be delivered.\n--b\nContent-Type: message/delivery-status\n\n"
        f"Reporting-MTA: dns; mx.members.example\n\nFinal-Recipient: rfc822; {relay.recipient}\nAction: failed\n"
        f"Status: {status}\n\n--b--\n"
    )
    raw = mail(text, author="MAILER-DAEMON@mx.members.example", message_id=f"<{status}.{relay.recipient}>")
    report = b"multipart/report; report-type=delivery-status; boundary=b"
    return raw.replace(b"text/plain; charset=utf-8", report, 1)


def test_a_relay_that_a_server_further_on_finds_too_large_goes_out_again_without_the_original(served: Victim) -> None:
    sent = served.receive(large("far@out.example"), "far@out.example")
    relay = to(sent, "alice@members.example")
    (again,) = served.receive(bounce(relay, "5.3.4"), "", relay.sender)
    assert again.recipient == "alice@members.example"
    assert "Text of the report (the original is not attached):" in again.text
    # Once is enough: now a person must look.
    told = served.receive(bounce(again, "5.2.3"), "", again.sender)
    assert recipients(told) == ["ops@example.org"]


def test_an_answer_to_it_threads(served: Victim) -> None:
    fake = served.bot.smarthost
    fake.extensions = ("SIZE 30000",)
    author = "thread@out.example"
    sent = served.receive(large(author), author)
    before = served.query("SELECT count(*) FROM issue")
    answered = str(to(sent, "alice@members.example").mail["Message-ID"])
    note = mail(
        "Looked at it.\n", author="alice@members.example", message_id="<a@members.example>", in_reply_to=answered
    )
    served.receive(note, "alice@members.example")
    assert served.query("SELECT count(*) FROM issue") == before
    assert served.dispositions()[-1] == "follow-up"  # it is not signed


def test_what_is_too_large_without_an_original_fails_for_good(served: Victim) -> None:
    fake = served.bot.smarthost
    fake.on("MAIL", "552 5.3.4 Message size exceeds fixed limit", times=1)
    raw = mail(author="key@out.example", message_id="<key@out.example>")
    assert served.receive(raw, "key@out.example", "security+key@example.org") == []
    assert served.query("SELECT kind, state FROM outbox") == [("key", "failed")]


def test_the_raw_mail_is_for_files(served: Victim) -> None:
    served.receive(mail(), "rita@out.example")
    for words in (["queue", "show", "out", "1", "--raw"], ["queue", "show", "in", "1", "--raw", "--json"]):
        done = served.bot.run(*words, check=False)
        assert done.returncode == 2
        assert "--raw goes with `mailbot queue show in ID` and nothing else" in done.stderr
    assert served.bot.run("queue", "show", "in", "999", "--raw", check=False).returncode == 2
