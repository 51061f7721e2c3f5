"""A real Mailman 3 in front (a public list as the group's address) and behind (a private list for the members)."""

import shutil
import tempfile
from collections.abc import Iterator
from email import message_from_bytes
from pathlib import Path

import pytest

from tests.abuse.victim import Victim, recipients, to, victim
from tests.mailman.core import Mailman, mailman
from tests.openpgp_keys import Lab
from tests.shapes import mails
from tests.world import Sent, mail

PUBLIC, PRIVATE, BOT = "reports@lists.example", "private@lists.example", "security@example.org"
ROSA = "rosa@university.example"
CONFIG = f"""
[relay]
to = "list"
list_address = "{PRIVATE}"
list_key = "{{bob}}"

[ack]
per_sender = "0s"
"""


@pytest.fixture(scope="module")
def lists() -> Iterator[Mailman]:
    directory = Path(tempfile.mkdtemp(prefix="mm-"))
    try:
        with mailman(directory) as made:
            made.make(PUBLIC, [BOT])
            made.make("munged@lists.example", [BOT], munge=True)
            made.make("replies@lists.example", [BOT], munge=True, replies="point_to_list")
            # Each of our mails has a sender of its own, so that a pattern must let them in.
            made.make(
                PRIVATE, [BOT, "alice@members.example", "bob@members.example"], strangers="hold",
                accept=(r"^security(\+.*)?@example\.org$",),
            )  # fmt: skip
            made.make("closed@lists.example", [BOT], strangers="reject")
            made.make("bare@lists.example", [BOT], strangers="accept", footer=False)
            yield made
    finally:
        shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture(scope="module")
def served(lab: Lab) -> Iterator[Victim]:
    directory = Path(tempfile.mkdtemp(prefix="mb-"))
    intake = ["reports.lists.example", "munged@lists.example", "replies.lists.example"]
    try:
        with victim(directory, lab, extra=CONFIG.format(bob=lab.fingerprint("bob"))) as made:
            config = made.bot.installation.config
            config.write_text(config.read_text().replace("[listener]", f"[listener]\nintake_lists = {intake}", 1))
            made.bot.stop()
            made.bot.start()
            yield made
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def bounces(name: str) -> str:
    return name.replace("@", "-bounces@")


@pytest.mark.parametrize("name", [PUBLIC, "munged@lists.example", "replies@lists.example"])
def test_a_report_over_a_public_list_is_its_authors(lists: Mailman, served: Victim, name: str) -> None:
    raw = mail("It crashes.\n", author=f"Rosa Reporter <{ROSA}>", message_id=f"<{name}>", reply_to="rosa@home.example")
    passed_on = lists.post(raw.replace(b"security@example.org", name.encode()), ROSA, name, BOT)
    assert (f"via {name.split('@')[0].title()}".encode() in passed_on) == (name != PUBLIC)
    sent = served.receive(passed_on, bounces(name))
    assert recipients(sent) == [PRIVATE, ROSA]
    told = to(sent, PRIVATE)
    assert "It crashes." in told.text
    assert (
        f"[Added by the mailing list {'munged@lists.example' if 'munged' in name else name.replace('@', '.')}:]"
        in told.text
    )
    assert ROSA in told.text


def opened(served: Victim, lists: Mailman, number: str) -> Sent:
    """A report, and its relay as it stands on the private list."""
    raw = mail(author=ROSA, message_id=f"<opening{number}@x>")
    relay = to(served.receive(raw, ROSA), PRIVATE)
    again = lists.post(relay.raw, relay.sender, PRIVATE, BOT)
    assert served.receive(again, bounces(PRIVATE)) == []
    assert served.dispositions()[-1] == "own"
    return relay


@pytest.mark.parametrize("how", ["signed", "plain"])
def test_a_members_answer_over_the_private_list_is_on_the_issue_and_goes_to_nobody(
    lists: Mailman, served: Victim, lab: Lab, how: str
) -> None:
    relay = opened(served, lists, how)
    entity = mails.text("I can reproduce it.")
    raw = _answer(relay, mails.signed(lab, "alice", entity) if how == "signed" else entity, how)
    passed_on = lists.post(raw, "alice@members.example", PRIVATE, BOT)
    assert served.receive(passed_on, bounces(PRIVATE)) == []
    assert served.dispositions()[-1] == ("member" if how == "signed" else "follow-up")


def test_the_lists_own_talk_opens_no_issue(lists: Mailman, served: Victim) -> None:
    raw = mail("Who comes on Friday?\n", author="Bob <bob@members.example>", subject="Friday", message_id="<friday@x>")
    before = served.query("SELECT count(*) FROM issue")
    passed_on = lists.post(raw.replace(b"security@example.org", PRIVATE.encode()), "bob@members.example", PRIVATE, BOT)
    assert served.receive(passed_on, bounces(PRIVATE)) == []
    assert served.dispositions()[-1] == "member"
    assert served.query("SELECT count(*) FROM issue") == before


def _answer(relay: Sent, entity: str, name: str) -> bytes:
    head = [
        "From: Alice <alice@members.example>", f"To: {PRIVATE}", f"Subject: Re: {relay.subject}",
        f"Message-ID: <answer-{name}@members.example>", f"In-Reply-To: {relay.mail['Message-ID']}", "MIME-Version: 1.0",
    ]  # fmt: skip
    return ("\r\n".join(head) + "\r\n" + entity).encode()


def test_a_list_without_a_footer_leaves_a_signature_whole(lists: Mailman, served: Victim, lab: Lab) -> None:
    relay = opened(served, lists, "bare")
    raw = _answer(relay, mails.signed(lab, "alice", mails.text("I can.")), "bare")
    passed_on = lists.post(raw, "alice@members.example", "bare@lists.example", BOT)
    assert message_from_bytes(passed_on).get_content_type() == "multipart/signed"


def test_what_the_list_rejects_is_told_to_the_operators_and_makes_no_loop(lists: Mailman, served: Victim) -> None:
    """Mailman sends it back to From, in a form of its own."""
    relay = opened(served, lists, "rejected")
    told = lists.post(relay.raw, relay.sender, "closed@lists.example", "security+")
    told = told.replace(b"closed", b"private")
    sent = served.receive(told, bounces(PRIVATE), str(relay.mail["Reply-To"].addresses[0].addr_spec))
    assert recipients(sent) == ["ops@example.org"]
    assert served.dispositions()[-1] == "bounce"
    # What it only has to say is kept, and not sent to it.
    said = mail("Your mail awaits a moderator.\n", author="private-owner@lists.example", message_id="<held@lists>")
    assert served.receive(said, bounces(PRIVATE)) == []
    assert served.dispositions()[-1] == "automatic"
