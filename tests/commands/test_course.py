"""An issue's course by mail: who has it, what the members think, waiting, the end, and after it."""

import re
from datetime import timedelta
from pathlib import Path

import pytest

from mailbot.openpgp.process import stop_agent
from tests.commands.mails import RITA, address, command, kinds, run, transcript, wrap
from tests.openpgp_keys import Home, Lab
from tests.shapes import mails
from tests.world import World, mail

ALICE, BOB = "alice@members.example", "bob@members.example"


def clocks(bot: World) -> dict[str, str]:
    return {clock["name"]: clock["state"] for clock in bot.show(1)["clocks"]}


def test_a_claim_is_given_back_and_others_are_asked(bot: World) -> None:
    run(bot, "/claim")
    assert "error: alice has it, not you" in run(bot, "/unclaim", "bob")
    told = run(bot, "/unclaim I am on holiday")
    assert "owner: alice -> nobody" in told
    assert "reason: I am on holiday" in told
    assert "error: nobody has it" in run(bot, "/unclaim")


def test_an_appointment_counts_when_it_is_claimed(bot: World) -> None:
    told = run(bot, "/assign bob")
    assert "appointed: nobody -> bob" in told
    assert (bot.show(1)["owner"], bot.show(1)["appointed"]) == (None, "bob")
    run(bot, "/claim", "bob")
    assert (bot.show(1)["owner"], bot.show(1)["appointed"]) == ("bob", None)
    assert "Accepted: alice, bob, dave" in run(bot, "/assign carol")


def test_who_declines_is_passed_over(bot: World) -> None:
    run(bot, "/assign alice")
    assert "appointed: alice -> " in run(bot, "/decline I wrote that code")
    assert bot.show(1)["appointed"] != "alice"


def test_an_issue_waits_and_goes_on(bot: World) -> None:
    sent = bot.receive(command(bot.lab, "/ask\n\nWhich version?"), ALICE, address())
    assert "status: open -> waiting" in transcript(sent)
    assert bot.show(1)["status"] == "waiting"
    assert "and now we wait for their answer" in next(one for one in sent if one.member_id == "bob").words
    assert "status: waiting -> open" in run(bot, "/resume")
    assert "does not wait" in run(bot, "/resume\n# again")
    assert "status: open -> waiting" in run(bot, "/wait until +14d")
    assert "Accepted: /wait reporter" in run(bot, "/wait for godot")


def test_the_reporters_answer_ends_the_waiting(bot: World) -> None:
    sent = bot.receive(command(bot.lab, "/ask\n\nWhich version?"), ALICE, address())
    reply = next(one for one in sent if one.recipient == RITA)
    keyed = re.search(r"security\+1\.\w+@example\.org", str(reply.mail["Reply-To"]))
    assert keyed is not None
    bot.receive(mail("2.4\n", message_id="<2@out.example>"), RITA, keyed[0])
    assert bot.show(1)["status"] == "open"


def test_opinions_are_counted_and_change_nothing(bot: World) -> None:
    told = run(bot, "/verdict embargo remote")
    assert "embargo: 1 (alice)" in told
    assert "not answered yet: bob, dave" in told
    run(bot, "/verdict abstain", "bob")
    assert bot.show(1)["verdicts"] == [
        {"member": "alice", "verdict": "embargo", "reason": "remote", "at": "2026-11-24T09:00:00Z"},
        {"member": "bob", "verdict": "abstain", "reason": None, "at": "2026-11-24T09:00:00Z"},
    ]
    assert bot.show(1)["status"] == "open"
    assert "Accepted: not-security, embargo, public, abstain" in run(bot, "/verdict no")


@pytest.mark.parametrize(("outcome", "verdict"), [("not-security", "not-security"), ("public-bug", "public")])
def test_that_a_report_is_no_security_issue_takes_two(bot: World, outcome: str, verdict: str) -> None:
    sent = bot.receive(command(bot.lab, f"/close {outcome} it is documented"), ALICE, address())
    assert bot.show(1)["status"] == "open"
    assert "not closed: 1 of 2 members agree so far" in transcript(sent)
    asked = {one.member_id for one in sent if one.kind == "opinion"}
    assert asked == {"bob", "dave"}
    assert [(one["member"], one["verdict"]) for one in bot.show(1)["verdicts"]] == [("alice", verdict)]
    again = run(bot, f"/close {outcome}\n# again")
    assert "1 of 2 members" in again, "one member counts once, however often they say it"
    told = run(bot, f"/close {outcome}", "bob")
    assert f"status: open -> closed ({outcome})" in told
    assert bot.show(1)["outcome"] == outcome
    assert set(clocks(bot).values()) <= {"cancelled", "met", "missed"}


def test_other_ends_take_one(bot: World) -> None:
    told = run(bot, "/close fixed")
    assert "status: open -> closed (fixed)" in told
    assert "first response" in told
    assert "error: EX-1 is closed; /reopen comes first" in run(bot, "/claim\n# late")
    assert "status: closed (fixed) -> open" in run(bot, "/reopen the fix is incomplete")
    assert bot.show(1)["status"] == "open"
    assert "running" not in clocks(bot).values()
    assert "/duplicate EX-41 above it" in run(bot, "/close duplicate")
    assert "Accepted: fixed, not-security" in run(bot, "/close done")


def test_a_duplicate_is_closed_in_one_mail(bot: World) -> None:
    bot.receive(mail(message_id="<2@out.example>"), RITA)
    told = run(bot, "/duplicate EX-1\n/close duplicate", to=address(2), subject="[EX-2]")
    assert "2 of 2 commands done" in told
    assert bot.show(2)["outcome"] == "duplicate"


def test_lists_answer_only_the_asker(bot: World) -> None:
    run(bot, "/claim")
    bot.receive(mail(subject="Second", message_id="<2@out.example>"), RITA)
    sent = bot.receive(
        command(bot.lab, "/list\n/list mine\n/list unclaimed\n/list due\n/list nothing"), ALICE, address()
    )
    assert kinds(sent) == [("transcript", "alice")]
    parts = transcript(sent).split("\n> ")
    assert "EX-2  open, nobody has it: Second" in parts[1]
    assert "EX-1  open, alice: Crash" in parts[1]
    assert "EX-2" not in parts[2]
    assert "EX-1" not in parts[3]
    assert "Accepted: /list mine" in parts[5]


def test_show_tells_everything(bot: World) -> None:
    run(bot, "/claim\n/severity high\n/tag +png\n/verdict embargo")
    told = run(bot, "/show")
    for words in (
        "owner: alice", "reporter: Rita Reporter <rita@out.example>", "severity: high", "tags: png",
        "credit: not said yet",
        "embargo: 1 (alice)", "There is a heap overflow in frobnicate().",
    ):  # fmt: skip
        assert words in told


def test_who_is_away_is_not_asked(bot: World) -> None:
    told = run(bot, "/claim\n/away 2026-11-24..2026-12-01")
    assert "away: Tue 24 Nov 2026 00:00 UTC to Wed 2 Dec 2026 00:00 UTC" in told
    assert "you coordinate EX-1: please hand over" in told
    assert "ended or dropped: 1 time away" in run(bot, "/oncall")
    for bad in (
        "",
        "tomorrow",
        "2026-13-01",
        "2026-12-02..2026-12-01",
        "2025-01-01..2025-02-01",
        "2026-01-01..2036-01-01",
    ):
        assert "1 error" in run(bot, f"/away {bad}")


def test_another_key_waits_for_an_operator_and_everybody_hears_of_it(bot: World, lab: Lab) -> None:
    other = lab.fingerprint("planted")
    sent = bot.receive(command(lab, f"/key\n\n{lab.people.public('planted')}"), ALICE, address("control"))
    assert "it counts when an operator has put it into the config" in transcript(sent)
    told = {one.recipient: one for one in sent if one.kind == "member_key"}
    assert set(told) == {ALICE, BOB, "dave@members.example", "ops@example.org"}
    assert f'fingerprint = "{other}"' in told["ops@example.org"].text
    assert "alice brings another key" in told["ops@example.org"].subject
    # It is there, and nothing is encrypted to it.
    assert any(lab.people.public("planted")[:40] in armor for armor in bot.store.keys()[1])
    relay = bot.receive(mail(message_id="<again@out.example>", author="Kim <kim@out.example>"), "kim@out.example")
    info = bot.gpg.info(other)
    assert info is not None
    (to_alice,) = [one for one in relay if one.member_id == "alice" and one.kind == "report"]
    assert to_alice.encrypted


def test_a_revocation_counts_at_once(bot: World, lab: Lab, short_path: Path) -> None:
    home = Home.create(short_path / "r")
    home.make("another", "Another <another@out.example>")  # which makes what gpg keeps there
    certificate = lab.people.path / "openpgp-revocs.d" / f"{lab.fingerprint('alice')}.rev"
    home.gpg("--import", data=lab.people.public("alice").encode())
    home.gpg("--import", data=certificate.read_bytes().replace(b"\n:-----", b"\n-----"))
    armor = home.gpg("--armor", "--export", lab.fingerprint("alice")).decode()
    stop_agent(home.path)
    sent = bot.receive(command(lab, f"/key\n\n{armor}"), ALICE, address("control"))
    assert ("transcript", "alice") in kinds(sent)
    relay = bot.receive(mail(message_id="<again@out.example>", author="Kim <kim@out.example>"), "kim@out.example")
    (to_alice,) = [one for one in relay if one.member_id == "alice"]
    assert not to_alice.encrypted
    assert "revoked" in to_alice.text
    assert "heap" not in to_alice.text


def test_a_member_brings_a_newer_copy_of_their_key(bot: World, lab: Lab) -> None:
    before, _ = bot.store.keys()
    assert "it brings no key" in run(bot, "/key")
    foreign = f"/key\n\n{lab.people.public('bob')}"
    assert "which is the key of bob" in run(bot, foreign)
    assert "is now as in your mail" in run(bot, f"/key\n\n{lab.people.public('alice')}")
    after, _ = bot.store.keys()
    assert after == before + 1
    told = transcript(bot.receive(command(lab, "/claim"), ALICE, address()))
    assert "owner" in told


def test_a_drill_is_marked_and_reaches_nobody_outside(bot: World) -> None:
    sent = bot.receive(command(bot.lab, "/drill heap overflow", subject=""), ALICE, "security+control@example.org")
    assert {kind for kind, _ in kinds(sent)} >= {"transcript", "report"}
    assert not [one for one in sent if one.member_id is None]
    shown = bot.show(2)
    assert shown["drill"] is True
    assert shown["title"] == "DRILL: heap overflow"
    bob = next(one for one in sent if one.member_id == "bob" and one.kind == "report")
    assert "this is a drill by alice" in bob.words
    assert bob.inside["Subject"] == "[EX-2] DRILL: heap overflow"
    sent = bot.receive(command(bot.lab, "/reply\n\nThank you.", "bob", subject="[EX-2]"), BOB, address(2))
    assert ALICE in {one.recipient for one in sent if one.kind == "reply"}
    late = bot.pass_time(timedelta(hours=49))
    assert not [one for one in late if one.recipient == "escalation@example.org" and "EX-2" in one.subject]


def test_a_command_mail_of_each_mail_program_is_understood(bot: World, lab: Lab, tmp_path: Path) -> None:
    """Flowed, quoted-printable and base64 bodies; the same line comes out."""
    texts = {
        "flowed": mails.part('text/plain; charset=utf-8; format=flowed; protected-headers="v1"',
                             "/title Heap overflow in \nthe reader\n", "Subject: [EX-1]"),
        "quoted-printable": mails.part('text/plain; charset=utf-8; protected-headers="v1"',
                                       "/title Heap overflow =\nin the reader\n", "Subject: [EX-1]",
                                       "Content-Transfer-Encoding: quoted-printable"),
        "base64": mails.part('text/plain; charset=utf-8; protected-headers="v1"',
                             mails.base64_of("/title Heap overflow in the reader\r\n"), "Subject: [EX-1]",
                             "Content-Transfer-Encoding: base64"),
    }  # fmt: skip
    for name, inside in texts.items():
        run(bot, f"/title before {name}")
        armor = lab.people.encrypt(inside.encode(), [lab.group_key], by="alice", at="20261124T085900")
        bot.receive(wrap(mails.encrypted(mails.armored(armor))), ALICE, address())
        assert bot.show(1)["title"] == "Heap overflow in the reader", name
