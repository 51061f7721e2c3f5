"""What members find out about an issue, written down by one line of a mail."""

from pathlib import Path
from typing import Any

import pytest

from mailbot.storage import keys
from tests.commands.mails import RITA, address, command, kinds, run, transcript
from tests.openpgp_keys import Lab
from tests.world import World, mail

ALICE = "alice@members.example"
VECTOR = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"


@pytest.mark.parametrize(
    ("line", "field", "value", "told"),
    [
        ("/title A new name", "title", "A new name", "title: Crash -> A new name"),
        ("/severity High.", "severity", "high", "severity: none -> high"),
        (f"/cvss {VECTOR}", "cvss", VECTOR, f"cvss: none -> {VECTOR}"),
        (f"/cvss {VECTOR}", "severity", "critical", "severity: none -> critical"),
        ("/tag +parser, +png", "tags", ["parser", "png"], "tags: none -> parser, png"),
        ("/category supply-chain", "category", "supply-chain", "category: none -> supply-chain"),
        ("/cve cve-2026-12345", "cves", ["CVE-2026-12345"], "cves: none -> CVE-2026-12345"),
        ("/link https://git.example/1", "links", ["https://git.example/1"], "links: none -> https://git.example/1"),
    ],
)
def test_a_line_sets_a_field(bot: World, line: str, field: str, value: Any, told: str) -> None:
    assert told in run(bot, line)
    assert bot.show(1)[field] == value


@pytest.mark.parametrize(
    ("line", "accepted"),
    [
        ("/title", "/title TEXT"),
        ("/severity hgih", "critical, high, medium, low, none"),
        ("/cvss 9.8", "a vector such as CVSS:3.1"),
        ("/tag parser", "+parser, -parser"),
        ("/tag +", "+word and -word"),
        ("/category bug", "coordinated, supply-chain, no-coordination, invalid"),
        ("/cve 2026-1", "CVE-2026-12345"),
        ("/link javascript:alert(1)", "https://..."),
        ("/credit", "TEXT, anonymous"),
        ("/duplicate 7", "an id of this group"),
        ("/cc vera@vendor.example", "+vera@vendor.example"),
    ],
)
def test_bad_input_gets_what_is_accepted_and_changes_nothing(bot: World, line: str, accepted: str) -> None:
    before = bot.show(1)
    told = run(bot, line)
    assert told.startswith("EX-1: 0 of 1 command done, 1 error")
    assert "error: " in told
    assert accepted in told
    after = bot.show(1)
    assert {key: after[key] for key in after if key != "messages"} == {
        key: before[key] for key in before if key != "messages"
    }


def test_a_severity_that_a_member_set_stays_whatever_the_vector_says(bot: World) -> None:
    assert "severity stays low" in run(bot, f"/severity low\n/cvss {VECTOR}")
    assert bot.show(1)["severity"] == "low"


def test_words_are_taken_away_again(bot: World) -> None:
    run(bot, "/tag +a +b\n/cve CVE-2026-1111\n/link https://a.example/")
    told = run(bot, "/tag -a\n/cve -CVE-2026-1111\n/link \u2013https://a.example/")
    assert "tags: a, b -> b" in told
    assert "cves: CVE-2026-1111 -> none" in told
    assert bot.show(1)["links"] == []


def test_the_credit_is_unknown_until_it_is_set(bot: World) -> None:
    assert "credit: none -> Rita, Example University" in run(bot, "/credit Rita,  Example University")
    assert "-> anonymous" in run(bot, "/credit Anonymous.")


def test_history_and_status_tell_what_happened(bot: World) -> None:
    run(bot, "/claim\n/severity high")
    told = run(bot, "/history\n/status EX-1\n/whoami\n/help claim")
    assert "alice  claim: none -> alice" in told
    assert "mailbot  clocks: first response running, due Thu 26 Nov 2026 09:00 UTC; coordinator" in told
    assert "{" not in told
    assert "owner: alice" in told
    assert "alice, Alice Example <alice@members.example>" in told
    assert "for example: /claim" in told


def test_commands_about_no_issue_need_none(bot: World) -> None:
    sent = bot.receive(command(bot.lab, "/whoami\n/help", subject=""), ALICE, "security+control@example.org")
    assert sent[0].inside["Subject"] == "[EX] 2 of 2 commands done"
    assert "/claim [force] - " in transcript(sent)
    assert "Embargo, fix and publication:\n/embargo" in transcript(sent)
    assert "Commands are the first lines of a mail" in transcript(sent)


def test_the_help_of_a_command_that_takes_a_text_says_where_it_stands(bot: World) -> None:
    assert "and below it, after an empty line, the text" in run(bot, "/help reply")
    assert "the text" not in run(bot, "/help claim").partition("for example")[2]


def test_what_a_mail_asks_of_another_issue_is_answered_apart(bot: World) -> None:
    """Each answer is sealed with the key of the issue that it tells of."""
    bot.receive(mail(subject="Zymurgy", message_id="<2@out.example>"), RITA)
    sent = bot.receive(command(bot.lab, "/status EX-2\n/status"), ALICE, address())
    told = {str(one.mail["X-Mailbot-Issue"]): one.text for one in sent if one.kind == "transcript"}
    assert "Zymurgy" in told["EX-2"]
    assert "Zymurgy" not in told["EX-1"]
    assert "answered in a mail of its own, about EX-2" in told["EX-1"]


# Duplicates


def test_a38_a_duplicates_reporter_never_learns_of_the_other(bot: World) -> None:
    bot.receive(mail("The same thing.\n", author="Ruth <ruth@other.example>", message_id="<r@other.example>"), "r@x")
    ack = next(one for one in bot.sent if one.recipient == "ruth@other.example")
    keyed = str(ack.mail["Reply-To"]).rpartition("<")[2].rstrip(">")
    told = run(bot, "/duplicate EX-1", to=address(2), subject="Re: [EX-2] Heap overflow")
    assert "duplicate of" in told.replace("duplicate_of", "duplicate of")
    assert bot.show(2)["duplicate_of"] == "EX-1"
    sent = bot.receive(command(bot.lab, "/reply\n\nThank you, Rita."), ALICE, address(1))
    assert [one.recipient for one in sent if one.member_id is None] == [RITA]
    more = mail("More.\n", author="Ruth <ruth@other.example>", message_id="<r2@other.example>")
    sent = bot.receive(more, "ruth@other.example", keyed)
    assert kinds(sent) == [("follow_up", "alice"), ("follow_up", "bob"), ("follow_up", "dave")]
    assert "duplicate of EX-1" in sent[0].words
    both = [command(bot.lab, "/reply\n\nThank you, Ruth.", subject="[EX-2] x"), command(bot.lab, "/canned duplicate")]
    for one, number in zip(both, (2, 1), strict=True):
        for outgoing in bot.receive(one, ALICE, address(number)):
            if outgoing.member_id is None:
                other = "rita" if "ruth" in outgoing.recipient else "ruth"
                readable = (outgoing.raw.decode() + outgoing.text).lower()
                assert other not in readable
                assert f"ex-{3 - number}" not in readable
    assert "duplicate_of: EX-1 -> none" in run(bot, "/duplicate none", to=address(2), subject="Re: [EX-2] x")


def test_a_duplicate_is_of_a_root_and_of_nothing_else(bot: World) -> None:
    for number in (2, 3):
        bot.receive(mail(message_id=f"<{number}@out.example>"), RITA)
    run(bot, "/duplicate EX-1", to=address(2), subject="[EX-2]")
    assert "name that one" in run(bot, "/duplicate EX-2", to=address(3), subject="[EX-3]")
    assert "change that first" in run(bot, "/duplicate EX-3")
    assert "no duplicate of itself" in run(bot, "/duplicate EX-1")
    assert "there is no EX-9" in run(bot, "/duplicate EX-9")


# People from outside


def test_somebody_in_copy_gets_what_goes_to_the_reporter_and_nothing_else(bot: World) -> None:
    sent = bot.receive(command(bot.lab, "/cc +vera@vendor.example"), ALICE, address())
    assert not [one for one in sent if one.member_id is None]
    for text in ("/note\n\ninternal", "/claim"):
        assert not [one for one in bot.receive(command(bot.lab, text), ALICE, address()) if one.member_id is None]
    sent = bot.receive(command(bot.lab, "/reply\n\nThank you."), ALICE, address())
    replies = {one.recipient: one for one in sent if one.member_id is None}
    assert set(replies) == {RITA, "vera@vendor.example"}
    for recipient, other in (("vera@vendor.example", "rita"), (RITA, "vera")):
        assert other not in replies[recipient].raw.decode().lower()
    keyed = str(replies["vera@vendor.example"].mail["Reply-To"]).rpartition("<")[2].rstrip(">")
    answer = mail("Hello.\n", author="Vera <vera@vendor.example>", message_id="<v@vendor.example>")
    assert {one.member_id for one in bot.receive(answer, "vera@vendor.example", keyed)} == {"alice", "bob", "dave"}
    run(bot, "/cc -vera@vendor.example")
    sent = bot.receive(command(bot.lab, "/reply\n\nAgain."), ALICE, address())
    assert [one.recipient for one in sent if one.member_id is None] == [RITA]
    late = mail("Late.\n", author="Vera <vera@vendor.example>", message_id="<v2@vendor.example>")
    sent = bot.receive(late, "vera@vendor.example", keyed)
    assert "NOT AUTHENTICATED" in sent[0].words


def test_an_expert_sees_the_internal_thread_encrypted_and_from_then_on(bot: World, lab: Lab) -> None:
    xenia = "carol@reporters.example"
    assert f"no imported key names {xenia}" in run(bot, f"/expert +{xenia}")
    with bot.store.database.write() as connection:
        keys.put(connection, lab.fingerprint("carol"), lab.people.public("carol"), bot.now, [xenia])
    # Another text: the same one, signed in the same second, would have been processed before.
    sent = bot.receive(command(bot.lab, f"# again\n/expert +{xenia}"), ALICE, address())
    (introduced,) = [one for one in sent if one.recipient == xenia and one.kind == "introduction"]
    assert introduced.encrypted
    assert introduced.subject == "[EX-1] new report"
    assert "There is a heap overflow in frobnicate()." in introduced.text
    assert introduced.mail["X-Mailbot-Instance"] is None
    sent = bot.receive(command(bot.lab, "What do you think?"), ALICE, address())
    (note,) = [one for one in sent if one.recipient == xenia]
    assert note.encrypted
    assert "What do you think?" in note.text
    keyed = str(note.mail["Reply-To"]).rpartition("<")[2].rstrip(">")
    answer = mail("Bad.\n", author=f"Carol <{xenia}>", message_id="<x@reporters.example>")
    sent = bot.receive(answer, xenia, keyed)
    assert {one.member_id for one in sent} == {"alice", "bob", "dave"}
    assert "expert Carol" in sent[0].words
    run(bot, f"/expert -{xenia}")
    assert xenia not in {one.recipient for one in bot.receive(command(bot.lab, "Between us."), ALICE, address())}


def test_nobody_is_two_things_at_once(bot: World) -> None:
    run(bot, "/cc +vera@vendor.example")
    told = run(bot, f"/cc +{RITA}\n/expert +vera@vendor.example\n/cc +bob@members.example\n/cc +security+1@example.org")
    assert "takes part already, as reporter" in told
    assert "takes part already, as cc" in told
    assert "is a member" in told
    assert "is the group's own" in told


def test_the_imported_key_of_an_expert_is_found_by_its_user_id(bot: World, lab: Lab, tmp_path: Path) -> None:
    from mailbot.cli.parser import run as cli

    file = tmp_path / "carol.asc"
    file.write_text(lab.people.public("carol"))
    assert cli(["--config", str(bot.installation.config), "key", "import", str(file)]) == 0
    assert "gets the report, encrypted to" in run(bot, "/expert +Carol@reporters.example")
