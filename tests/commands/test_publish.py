"""Making it public: not before its time, not by one member alone, and announced to whom the config names."""

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from mailbot.storage import outcomes
from tests.commands.mails import RITA, address, command, kinds, run, transcript
from tests.openpgp_keys import Lab
from tests.world import Sent, World, mail, world

ANNOUNCE = "announce@lists.example"
RULES = f"""
[embargo]
lift_quorum = 2

[disclosure]
announce_to = ["{ANNOUNCE}"]
"""


@pytest.fixture
def bot(short_path: Path, lab: Lab) -> Iterator[World]:
    with world(short_path, lab, extra=RULES) as made:
        made.receive(mail("The zymurgic parser crashes.\n", subject="Crash"), RITA)
        made.sent.clear()
        yield made


def say(bot: World, text: str, by: str = "alice") -> list[Sent]:
    bot.now += timedelta(seconds=1)  # else the same text would be the same signature
    return bot.receive(command(bot.lab, text, by, at=bot.now), f"{by}@members.example", address())


def confirm(bot: World, asked: list[Sent], by: str) -> list[Sent]:
    question = next(one for one in asked if one.kind == "second" and one.member_id == by)
    token = re.search(r"^    /confirm (\S+)$", question.text, re.MULTILINE)
    assert token is not None
    return say(bot, f"/confirm {token[1]}", by)


def lifted(bot: World) -> None:
    say(bot, "/lift")
    say(bot, "/agree", "bob")


def test_nothing_is_published_during_an_embargo(bot: World) -> None:
    answer = run(bot, "/publish").replace("\n", " ")
    assert "error: EX-1 cannot be published: its embargo ends on Mon 22 Feb 2027 09:00 UTC" in answer
    assert bot.show(1)["published_at"] is None


def test_two_members_publish_and_the_public_and_the_reporter_hear_of_it(bot: World) -> None:
    lifted(bot)
    say(bot, "/title Crash in the parser\n/severity high\n/cve CVE-2026-12345\n/fixed 1f2e3d4\n/released 3.2")
    asked = say(bot, "/publish")
    assert {one.member_id for one in asked if one.kind == "second"} == {"bob", "dave"}
    assert "waits for the /confirm of another member" in transcript(asked).replace("\n", " ")
    assert bot.show(1)["published_at"] is None
    sent = confirm(bot, asked, "bob")
    assert bot.show(1)["published_at"] is not None
    announcement = next(one for one in sent if one.kind == "announcement")
    assert (announcement.recipient, announcement.subject) == (ANNOUNCE, "EX-1: Crash in the parser")
    assert announcement.mail.get_content_type() == "multipart/signed"
    for word in ("CVE-2026-12345", "high", "in 3.2", "Crash in the parser"):
        assert word in announcement.words
    for word in ("rita", "Rita", "zymurgic", "alice", "bob", "Credit"):
        assert word not in announcement.text
    assert announcement.mail["Reply-To"] is None
    assert ("embargo_reporter", RITA) in kinds(sent)
    states = {clock["name"]: clock["state"] for clock in bot.show(1)["clocks"]}
    assert (states["embargo"], states["publish_by"]) == ("met", "met")
    note = say(bot, "Well done.")
    assert ("note", "bob") in kinds(note)
    assert RITA not in [one.recipient for one in note]


def test_who_asked_for_it_cannot_confirm_it(bot: World) -> None:
    lifted(bot)
    asked = say(bot, "/publish")
    question = next(one for one in asked if one.kind == "second" and one.member_id == "bob")
    token = re.search(r"^    /confirm (\S+)$", question.text, re.MULTILINE)
    assert token is not None
    assert "another member must confirm" in transcript(say(bot, f"/confirm {token[1]}")).replace("\n", " ")
    assert bot.show(1)["published_at"] is None


def test_an_embargo_that_was_set_meanwhile_stops_it(bot: World) -> None:
    lifted(bot)
    asked = say(bot, "/publish")
    say(bot, "/embargo +30d", "bob")
    sent = confirm(bot, asked, "bob")
    assert bot.show(1)["published_at"] is None
    assert not [one for one in sent if one.kind == "announcement"]


def test_after_the_date_no_lift_is_needed_and_the_reminders_stop(bot: World) -> None:
    assert "deadline" in {one.kind for one in bot.pass_time(timedelta(days=91))}
    confirm(bot, say(bot, "/publish"), "bob")
    assert {clock["name"]: clock["state"] for clock in bot.show(1)["clocks"]}["embargo"] == "missed"
    assert [one for one in bot.pass_time(timedelta(days=5)) if one.kind == "deadline"] == []


def test_the_reporter_is_named_as_they_wished(bot: World) -> None:
    lifted(bot)
    say(bot, "/credit Rita of Example Labs")
    sent = confirm(bot, say(bot, "/publish"), "bob")
    assert "Credit: Rita of Example Labs" in next(one for one in sent if one.kind == "announcement").words


def test_a_drill_is_announced_to_nobody(bot: World) -> None:
    with bot.store.operate() as unit:
        unit.change_issue(1, {"drill": True, "embargo_until": None})
    sent = confirm(bot, say(bot, "/publish"), "bob")
    assert bot.show(1)["published_at"] is not None
    assert not [one for one in sent if one.kind == "announcement"]


def test_a_drill_goes_through_every_clock_and_every_mail_says_so(bot: World) -> None:
    mail_ = command(bot.lab, "/drill a heap overflow", at=bot.now + timedelta(seconds=1), subject="")
    sent = bot.receive(mail_, "alice@members.example", address("control"))
    assert bot.show(2)["drill"] is True
    for days in (1, 1, 2, 90):
        sent += bot.pass_time(timedelta(days=days))
    about = [one for one in sent if one.mail["X-Mailbot-Issue"] == "EX-2" or "EX-2" in one.subject]
    assert {"report", "reminder", "escalated", "appointed", "nobody_coordinates", "deadline"} <= {
        one.kind for one in about
    }
    for one in about:
        assert "DRILL" in one.subject, one.kind
        if one.encrypted or one.member_id is None:
            assert "drill" in one.words.lower(), one.kind
    assert not [one for one in about if one.kind == "escalation_reporter"]
    with bot.store.database.read() as connection:
        counted = outcomes.stored(connection)
        assert sum(count for (name, _), count in counted.items() if name == "embargo") == 1, "only the real one"
