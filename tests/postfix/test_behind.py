"""Postfix behind: what it does to the bot's mails, and what the bot makes of its answers."""

import hashlib
import os
import smtplib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.abuse.victim import MEMBERS
from tests.bot import PATIENCE
from tests.openpgp_keys import Lab
from tests.postfix.site import Site, change, site
from tests.smarthost import FakeSmarthost, in_thread
from tests.world import Sent, mail

UMLAUTS = "Grüße: der Überlauf ist groß.\n"


@pytest.fixture
def fresh(lab: Lab) -> Iterator[Site]:
    with site(lab, "lmtp over a unix socket") as made:
        yield made


def world(made: Site, raw: bytes, sender: str, options: tuple[str, ...] = ("BODY=8BITMIME",)) -> None:
    """Hand in a mail that swaks cannot write."""
    with smtplib.SMTP("127.0.0.1", made.postfix.world, timeout=PATIENCE) as smtp:
        smtp.ehlo("out.example")
        smtp.sendmail(sender, ["security@example.org"], raw, options)


def good_signature(mail: Sent, directory: Path) -> bool:
    """Whether gpg finds the signature over the signed part, byte for byte, good."""
    whole = mail.mail
    boundary = whole.get_boundary()
    assert boundary is not None
    signed = mail.raw.split(b"\r\n--" + boundary.encode() + b"\r\n")[1]
    (directory / "signed").write_bytes(signed)
    _, signature = whole.iter_parts()
    (directory / "signature").write_text(
        signature.get_content() if isinstance(signature.get_content(), str) else signature.get_content().decode()
    )
    files = [str(directory / "signature"), str(directory / "signed")]
    checked = mail.lab.group.gpg("--status-fd=1", "--verify", *files, fail=True)
    return b"GOODSIG" in checked


def test_each_recipient_has_a_result_of_their_own(fresh: Site) -> None:
    change(fresh.bot.installation.config, "dave@members.example", "nobody@members.example")
    fresh.start()
    fresh.swaks("--body", "To those who can be reached.")
    for address in ("rita@out.example", "alice@members.example", "bob@members.example"):
        fresh.got(address)
    rows = {row["recipient"]: row for row in fresh.bot.json("queue", "list")["outbox"]}
    assert {rows[address]["state"] for address in MEMBERS[:2]} == {"sent"}
    assert rows["nobody@members.example"]["state"] == "failed"
    assert "550 5.1.1" in rows["nobody@members.example"]["last_error"]
    (told,) = fresh.got("ops@members.example")
    assert "nobody@members.example" in told.text


def test_a_mail_that_comes_back_later_brings_no_content(fresh: Site) -> None:
    with in_thread(FakeSmarthost()) as next_server:
        next_server.on("RCPT", "550 5.1.1 gone")
        fresh.start(transport=f"gone@out.example smtp:[127.0.0.1]:{next_server.port}\n")
        fresh.swaks("--body", "Nobody will read the answer.", sender="gone@out.example")
        assert fresh.settled(2) == ["report", "bounce"]
    (row,) = [row for row in fresh.bot.json("queue", "list")["outbox"] if row["recipient"] == "gone@out.example"]
    assert row["state"] == "bounced"
    config = str(fresh.bot.installation.config)
    command = [sys.executable, "-m", "mailbot", "--config", config, "queue", "show", "in", "2", "--raw"]
    report = subprocess.run(command, check=True, capture_output=True).stdout
    # RFC 3461: RET=HDRS and ENVID were heeded.
    assert b"text/rfc822-headers" in report
    assert b"BEGIN PGP" not in report
    assert b"Original-Envelope-Id: bounce." in report


def test_mail_in_clear_arrives_as_it_was_signed_through_a_server_without_8bitmime(fresh: Site, tmp_path: Path) -> None:
    with fresh.bot.installation.config.open("a") as config:
        config.write('\n[relay]\nkeyless = "plain"\n')
    # It would turn 8-bit text into quoted-printable on the way to the next server.
    fresh.start(bot_options="smtpd_discard_ehlo_keywords=8bitmime,smtputf8\n")
    raw = mail(UMLAUTS, author="Jörg <rita@out.example>", subject="Überlauf")
    world(fresh, raw, "rita@out.example")
    (plain,) = fresh.got("dave@members.example")
    assert "Grüße: der Überlauf ist groß." in plain.text
    assert good_signature(plain, tmp_path)
    attached = [part for part in plain.mail.walk() if part.get_filename() == "original.eml"]
    head, body = raw.split(b"\r\n\r\n", 1)
    original = attached[0].get_content()
    assert head in original  # Postfix put a Date behind it
    assert original.endswith(b"\r\n\r\n" + body)
    (ack,) = fresh.got("rita@out.example")
    assert good_signature(ack, tmp_path)
    (relay,) = fresh.got("alice@members.example")
    (part,) = [part for part in relay.inside.iter_parts() if part.get_content_type() == "message/rfc822"]
    assert str(part.get_content().get_content()).replace("\r\n", "\n") == UMLAUTS


def test_an_address_beyond_ascii_fails_where_the_server_does_not_take_it(fresh: Site) -> None:
    fresh.start(bot_options="smtputf8_enable=no\n")
    author = "jörg@bücher.example"
    world(fresh, mail(author=f"<{author}>"), author, ("SMTPUTF8",))
    fresh.got("alice@members.example", 2)  # the report, and that its reporter was not told
    (row,) = [row for row in fresh.bot.json("queue", "list")["outbox"] if row["recipient"] == author]
    assert row["state"] == "failed"
    assert row["last_error"] == "the address needs SMTPUTF8, which the smarthost does not offer"


def test_a_relay_larger_than_postfix_takes_goes_out_without_the_original(fresh: Site, tmp_path: Path) -> None:
    fresh.start(bot_options="message_size_limit=100000\n")
    (tmp_path / "proof.bin").write_bytes(os.urandom(200_000))
    fresh.swaks("--body", "The proof is attached.", "--attach", f"@{tmp_path}/proof.bin")
    (relay,) = fresh.got("alice@members.example")
    assert len(relay.raw) < 100_000
    assert "mailbot queue show in 1 --raw" in relay.words
    digest = hashlib.sha256((tmp_path / "proof.bin").read_bytes()).hexdigest()
    assert digest in relay.words
    states = {row["state"] for row in fresh.bot.json("queue", "list")["outbox"] if row["kind"] == "undelivered_member"}
    assert states == set()
