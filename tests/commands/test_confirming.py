"""The second step: unsigned commands wait for their author, and some commands for another member."""

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from mailbot.service.verbs import VERBS
from tests.commands.mails import RITA, address, command, kinds, plain, secret, transcript, wrap
from tests.openpgp_keys import Lab
from tests.shapes import mails
from tests.world import Sent, World, mail, world

ALICE, BOB, DAVE = (f"{name}@members.example" for name in ("alice", "bob", "dave"))
CONTROL = "security+control@example.org"


@pytest.fixture
def bot(short_path: Path, lab: Lab) -> Iterator[World]:
    """EX-1 in a group that takes commands without OpenPGP."""
    with world(short_path, lab, extra='\n[commands]\nauth = "confirm"\n\n[relay]\nkeyless = "plain"\n') as made:
        made.receive(mail(subject="Crash"), RITA)
        made.sent.clear()
        yield made


def owner(bot: World) -> str | None:
    found: str | None = bot.show(1)["owner"]
    return found


def asked(sent: list[Sent]) -> Sent:
    (one,) = [one for one in sent if one.kind == "confirm"]
    return one


def token(one: Sent) -> str:
    found = re.search(r"^    /confirm (\S+)$", one.text, re.MULTILINE)
    assert found is not None
    return found[1]


def answer_to(one: Sent) -> str:
    return str(one.mail["Reply-To"]).rpartition("<")[2].rstrip(">")


@pytest.mark.parametrize("who", ["alice", "dave"], ids=["with a key", "without one"])
def test_unsigned_commands_wait_for_their_authors_confirmation(bot: World, who: str) -> None:
    sent = bot.receive(plain("/claim\n/severity high\n\nI take it.\n", who, dmarc="pass"), "x@y.example", address())
    assert owner(bot) is None
    assert kinds(sent) == [("confirm", who)]
    question = asked(sent)
    assert question.recipient == f"{who}@members.example"
    assert question.encrypted is (who == "alice")
    assert "> /claim\n> /severity high\n>\n> I take it.\n" in question.text
    assert answer_to(question) == f"security+confirm.{token(question)}@example.org"
    sent = bot.receive(plain("/confirm\n\n> quoted", who, dmarc="pass"), "x@y.example", answer_to(question))
    assert owner(bot) == who
    assert "2 of 2 commands done" in transcript(sent)
    note = next(one for one in sent if one.kind == "note")
    assert "I take it." in note.text
    assert f"owner: nobody -> {who}" in note.text
    assert bot.show(1)["severity"] == "high"


def test_it_runs_once_and_only_for_three_days(bot: World) -> None:
    question = asked(bot.receive(plain("/claim", dmarc="pass"), ALICE, address()))
    late = asked(bot.receive(plain("/title late", dmarc="pass"), ALICE, address()))
    line = f"/confirm {token(question)}"
    assert "owner: nobody -> alice" in transcript(bot.receive(plain(line, dmarc="pass"), ALICE, CONTROL))
    assert "already processed" in transcript(bot.receive(plain(line, dmarc="pass"), ALICE, CONTROL))
    bot.now += timedelta(days=3, seconds=1)
    told = transcript(bot.receive(plain(f"/confirm {token(late)}", dmarc="pass"), ALICE, address()))
    assert "too late: a /confirm counts for 3 days" in told
    assert bot.show(1)["title"] == "Crash"


def test_only_its_author_confirms_it(bot: World) -> None:
    question = asked(bot.receive(plain("/claim", dmarc="pass"), ALICE, address()))
    line = f"/confirm {token(question)}"
    assert "none of yours" in transcript(bot.receive(plain(line, "bob", dmarc="pass"), BOB, address()))
    for forged in (
        plain(line),
        plain(line, dmarc="fail"),
        plain("/confirm", dmarc="pass", Auto_Submitted="auto-replied"),
    ):
        bot.receive(forged.replace(b"Auto_Submitted", b"Auto-Submitted"), ALICE, answer_to(question))
        assert owner(bot) is None
    assert "none of yours" in transcript(bot.receive(plain("/confirm 1z" + "a" * 26, dmarc="pass"), ALICE, address()))
    told = transcript(bot.receive(command(bot.lab, line, subject="", at=bot.now), ALICE, address()))
    assert "owner: nobody -> alice" in told, "a signature is proof enough, too"


def test_a_confirmation_stands_alone_and_needs_its_token(bot: World) -> None:
    question = asked(bot.receive(plain("/claim", dmarc="pass"), ALICE, address()))
    both = plain(f"/confirm {token(question)}\n/close fixed", dmarc="pass")
    assert "stands alone" in transcript(bot.receive(both, ALICE, address()))
    assert "it has no token" in transcript(bot.receive(plain("/confirm", dmarc="pass"), ALICE, address()))
    assert owner(bot) is None


def test_an_answer_that_confirms_nothing_is_told_so(bot: World) -> None:
    question = asked(bot.receive(plain("/claim", "dave", dmarc="pass"), DAVE, address()))
    for text in ("confirm\n", "Yes, that was me.\n\n> /claim\n", "> /claim\n"):
        sent = bot.receive(plain(text, "dave", dmarc="pass"), DAVE, answer_to(question))
        assert "Nothing was confirmed: /confirm must be the first line" in " ".join(transcript(sent).split())
        assert owner(bot) is None


def test_signed_commands_run_at_once(bot: World) -> None:
    assert "owner: nobody -> alice" in transcript(bot.receive(command(bot.lab, "/claim"), ALICE, address()))


@pytest.mark.parametrize("dmarc", ["", "fail", "none"])
def test_what_did_not_pass_dmarc_is_not_even_parked(bot: World, dmarc: str) -> None:
    sent = bot.receive(plain("/claim", dmarc=dmarc), ALICE, address())
    assert {kind for kind, _ in kinds(sent)} == {"follow_up"}
    assert "NOT AUTHENTICATED" in sent[0].words


def test_a14_what_came_encrypted_without_a_signature_is_not_parked(bot: World) -> None:
    inside = mails.text("/claim", 'text/plain; charset=utf-8; protected-headers="v1"', "Subject: [EX-1] Crash")
    checked = ["Authentication-Results: mx.example.org; dmarc=pass header.from=members.example"]
    sent = bot.receive(wrap(secret(bot.lab, inside), fields=checked), ALICE, address())
    assert {kind for kind, _ in kinds(sent)} == {"follow_up"}


def test_a_result_of_somebody_elses_server_counts_for_nothing(bot: World) -> None:
    fields = {"Authentication-Results": "mx.evil.example; dmarc=pass header.from=members.example"}
    raw = plain("/claim", **fields)
    assert {kind for kind, _ in kinds(bot.receive(raw, ALICE, address()))} == {"follow_up"}


def test_the_issue_must_be_named_by_an_unsigned_mail_too(bot: World) -> None:
    sent = bot.receive(plain("/claim", subject="hello", dmarc="pass"), ALICE, address())
    assert "names no issue of this group" in transcript(sent)


def test_a_reply_that_was_confirmed_reaches_the_reporter(bot: World) -> None:
    question = asked(bot.receive(plain("/reply\n\nThank you.\n", "dave", dmarc="pass"), DAVE, address()))
    sent = bot.receive(plain("/confirm", "dave", dmarc="pass"), DAVE, answer_to(question))
    assert next(one for one in sent if one.recipient == RITA).text == "Thank you.\n"


def test_a_note_needs_no_confirmation(bot: World) -> None:
    sent = bot.receive(plain("Who knows the parser?", "dave", dmarc="pass"), DAVE, address())
    assert kinds(sent) == [("note", "alice"), ("note", "bob")]


# Commands that take two members


@pytest.fixture
def two(monkeypatch: pytest.MonkeyPatch) -> None:
    """``/close fixed`` takes two members."""
    verb = replace(VERBS["close"], second=lambda _desk, args: args == "fixed")
    monkeypatch.setitem(VERBS, "close", verb)


@pytest.mark.usefixtures("two")
@pytest.mark.parametrize("auth", ["signature", "confirm", "dmarc"])
def test_a_command_waits_for_another_member(bot: World, auth: str) -> None:
    bot.reload(lambda text: text.replace('auth = "confirm"', f'auth = "{auth}"'))
    sent = bot.receive(command(bot.lab, "/close fixed"), ALICE, address())
    assert "waits for the /confirm of another member; asked: bob, dave" in transcript(sent)
    assert "0 of 1 command done, 1 waits for another member" in transcript(sent)
    questions = {one.member_id: one for one in sent if one.kind == "second"}
    assert set(questions) == {"bob", "dave"}
    assert "Alice Example typed a command that takes two members" in questions["bob"].words
    line = f"/confirm {token(questions['bob'])}"
    assert "another member must confirm this" in transcript(bot.receive(command(bot.lab, line), ALICE, address()))
    assert bot.show(1)["status"] == "open"
    if auth == "dmarc":
        told = transcript(bot.receive(plain(line, "bob", dmarc="pass"), BOB, address()))
        assert "this takes a signed mail" in told
        assert bot.show(1)["status"] == "open"
    sent = bot.receive(command(bot.lab, line, "bob"), BOB, address())
    assert bot.show(1)["status"] == "closed"
    texts = {one.member_id: one.text for one in sent if one.kind == "transcript"}
    assert "confirmed: /close fixed" in texts["bob"]
    assert "status: open -> closed (fixed)" in texts["alice"]
    assert ("bob", "confirm") in {(row["actor"], row["action"]) for row in bot.show(1)["history"]}
    assert "already processed" in transcript(bot.receive(command(bot.lab, f"# x\n{line}", "bob"), BOB, address()))
