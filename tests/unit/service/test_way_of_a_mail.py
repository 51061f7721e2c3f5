"""A mail's way from the intake to the outbox, in one process."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from tests.openpgp_keys import Lab
from tests.world import World, mail, world


@pytest.fixture
def bot(short_path: Path, lab: Lab) -> Iterator[World]:
    with world(short_path, lab) as made:
        yield made


def test_a_report_opens_an_issue_is_acknowledged_and_reaches_every_member(bot: World) -> None:
    sent = bot.receive(mail(), "rita@out.example")
    assert sorted(one.recipient for one in sent) == [
        "alice@members.example", "bob@members.example", "dave@members.example", "rita@out.example",
    ]  # fmt: skip
    by_recipient = {one.recipient: one for one in sent}
    assert by_recipient["alice@members.example"].encrypted
    assert "There is a heap overflow" in by_recipient["alice@members.example"].text
    assert not by_recipient["dave@members.example"].encrypted
    assert b"heap overflow" not in by_recipient["dave@members.example"].raw
    assert b"verflow" not in by_recipient["rita@out.example"].raw
    shown = bot.show(1)
    assert (shown["id"], shown["title"], shown["status"]) == ("EX-1", "Heap overflow in frobnicate", "open")
    assert bot.dispositions() == ["report"]


def test_the_original_goes_along_byte_for_byte(bot: World) -> None:
    raw = mail("Größe \tx\n\n")
    (relay,) = [one for one in bot.receive(raw, "rita@out.example") if one.member_id == "alice"]
    (content,) = list(relay.mail.iter_parts())[1:]
    assert raw in bot.lab.people.gpg("--decrypt", data=content.get_content())


def test_the_same_bytes_twice_are_one_mail(bot: World) -> None:
    bot.receive(b"Received: from a\r\n" + mail(), "rita@out.example")
    assert bot.receive(b"Received: from b;\r\n later\r\n" + mail(), "rita@out.example") == []
    assert bot.dispositions() == ["report", "duplicate"]


def test_a_reply_by_the_keyed_address_is_an_authenticated_follow_up_and_is_not_acknowledged(bot: World) -> None:
    (ack,) = [one for one in bot.receive(mail(), "rita@out.example") if one.recipient == "rita@out.example"]
    keyed = str(ack.mail["Reply-To"].addresses[0].addr_spec)
    sent = bot.receive(mail("More.\n", message_id="<2@out.example>", subject="Re: x"), "rita@out.example", keyed)
    assert sorted(one.recipient for one in sent) == [
        "alice@members.example",
        "bob@members.example",
        "dave@members.example",
    ]
    assert "authenticated by their own reply address" in sent[0].words
    assert bot.dispositions() == ["report", "follow-up"]


def test_a_keyed_address_in_another_hand_is_a_strangers_mail(bot: World) -> None:
    (ack,) = [one for one in bot.receive(mail(), "rita@out.example") if one.recipient == "rita@out.example"]
    keyed = str(ack.mail["Reply-To"].addresses[0].addr_spec)
    sent = bot.receive(mail(author="m@evil.example", message_id="<9@evil.example>"), "m@evil.example", keyed)
    assert bot.dispositions() == ["report", "report"]
    assert "mentions EX-1" in next(one.words for one in sent if one.member_id == "alice")


def test_the_reminder_comes_after_24_hours_and_the_escalation_after_48(bot: World) -> None:
    bot.receive(mail(), "rita@out.example")
    assert bot.pass_time(timedelta(hours=23, minutes=59)) == []
    reminded = bot.pass_time(timedelta(minutes=1))
    assert {one.member_id for one in reminded} == {"alice", "bob", "dave"}
    escalated = bot.pass_time(timedelta(hours=24))
    assert {one.recipient for one in escalated} == {
        "escalation@example.org", "rita@out.example", "alice@members.example", "bob@members.example",
        "dave@members.example",
    }  # fmt: skip
    assert bot.show(1)["clocks"][0]["state"] == "missed"
    assert "first_response" not in [clock["name"] for clock in bot.show(1)["clocks"] if clock["next_at"]]


def test_after_an_outage_what_was_due_fires_once_and_says_late(bot: World) -> None:
    bot.receive(mail(), "rita@out.example")
    sent = bot.pass_time(timedelta(days=5))
    assert sorted(one.kind for one in sent) == [
        "appointed", "escalated", "escalated", "escalated", "escalation", "escalation_reporter",
    ]  # fmt: skip
    assert all("late" in one.words for one in sent if one.member_id in ("alice", "bob"))
    assert bot.pass_time(timedelta(0)) == []


def test_closing_stops_the_clock(bot: World) -> None:
    bot.receive(mail(), "rita@out.example")
    bot.close_issue(1, "invalid")
    assert bot.pass_time(timedelta(days=30)) == []
    assert bot.show(1)["clocks"][0]["state"] == "cancelled"
