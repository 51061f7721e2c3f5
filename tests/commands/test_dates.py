"""Embargo, fix, exploitation: what members type moves the clocks, says so, and tells who must know."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.commands.mails import RITA, address, command, kinds, run, transcript
from tests.openpgp_keys import Lab
from tests.world import Sent, World, mail, world

ALICE = "alice@members.example"
DAY = timedelta(days=1)
RULES = """
[embargo]
lift_quorum = 2

[slo]
regulatory = true
regulatory_contacts = ["legal@example.com"]
"""


@pytest.fixture
def bot(short_path: Path, lab: Lab) -> Iterator[World]:
    with world(short_path, lab, extra=RULES) as made:
        made.receive(mail(subject="Crash"), RITA)
        made.sent.clear()
        yield made


def clocks(bot: World) -> dict[str, dict[str, Any]]:
    return {clock["name"]: clock for clock in bot.show(1)["clocks"]}


def say(bot: World, text: str, by: str = "alice") -> list[Sent]:
    return bot.receive(command(bot.lab, text, by, at=bot.now), f"{by}@members.example", address())


def told(sent: list[Sent], recipient: str, kind: str) -> Sent:
    (one,) = [one for one in sent if one.recipient == recipient and one.kind == kind]
    return one


# Embargo


@pytest.mark.parametrize(
    ("typed", "end"),
    [
        ("2026-12-24", "2026-12-24T12:00:00Z"),
        ("2026-12-24T15:00Z", "2026-12-24T15:00:00Z"),
        ("2026-12-24 15:00Z", "2026-12-24T15:00:00Z"),
        ("2026-12-24T15:00+02:00", "2026-12-24T13:00:00Z"),
        ("+14d", "2026-12-08T09:00:00Z"),
    ],
)
def test_an_embargo_moves_to_what_a_member_typed_and_the_reporter_hears_of_it(bot: World, typed: str, end: str) -> None:
    sent = say(bot, f"/embargo {typed} the vendors asked for it")
    assert kinds(sent) == [
        ("embargo_reporter", RITA), ("transcript", "alice"), ("changed", "bob"), ("changed", "dave"),
    ]  # fmt: skip
    assert bot.show(1)["embargo_until"] == end
    assert (clocks(bot)["embargo"]["due_at"], clocks(bot)["embargo"]["state"]) == (end, "running")
    assert clocks(bot)["embargo"]["started_at"] == "2026-11-24T09:00:00Z"
    assert "embargo: Mon 22 Feb 2027 09:00 UTC -> " in transcript(sent).replace("\n", " ")
    assert "the vendors asked for it" in transcript(sent).replace("\n", " ")
    to_reporter = told(sent, RITA, "embargo_reporter").words
    assert "is now" in to_reporter
    assert "vendors" not in to_reporter


@pytest.mark.parametrize("typed", ["2026-12-24T15:00", "2026-12-24 15:00", "2026-02-30", "soon", "2020-01-01", "+5bd"])
def test_a_date_that_is_not_one_changes_nothing(bot: World, typed: str) -> None:
    before = bot.show(1)
    answer = run(bot, f"/embargo {typed}")
    assert "error: " in answer
    assert (bot.show(1)["embargo_until"], bot.show(1)["clocks"]) == (before["embargo_until"], before["clocks"])


def test_a_time_without_a_zone_is_told_how_to_write_it(bot: World) -> None:
    assert "write 2026-12-24T15:00Z if you mean UTC" in run(bot, "/embargo 2026-12-24T15:00").replace("\n", " ")


@pytest.mark.parametrize(("date", "warned"), [("2026-12-25", "Friday"), ("2026-12-27", "Sunday"), ("2026-12-24", "")])
def test_an_end_at_the_weekend_is_warned_of(bot: World, date: str, warned: str) -> None:
    answer = run(bot, f"/embargo {date}")
    assert ("warning: " in answer) is bool(warned)
    assert warned in answer


def test_none_ends_the_embargo_and_its_clock(bot: World) -> None:
    sent = say(bot, "/embargo none it is public")
    assert bot.show(1)["embargo_until"] is None
    assert clocks(bot)["embargo"]["state"] == "cancelled"
    assert "no embargo" in told(sent, RITA, "embargo_reporter").words
    assert [one for one in bot.pass_time(200 * DAY) if one.kind == "deadline"] == []


def test_reminders_come_before_the_day_on_the_day_and_every_day_after_it(bot: World) -> None:
    say(bot, "/embargo +8d")
    days = [sum(one.kind == "deadline" and one.member_id == "alice" for one in bot.pass_time(DAY)) for _ in range(12)]
    #       1  2  3  4  5  6  7  8  9 ...
    assert days == [1, 0, 0, 0, 1, 0, 1, 1, 1, 1, 1, 1]
    assert clocks(bot)["embargo"]["state"] == "missed"
    say(bot, "/embargo +30d")
    assert (clocks(bot)["embargo"]["state"], bot.show(1)["embargo_until"]) == ("running", "2027-01-05T09:00:00Z")
    assert [one for one in bot.pass_time(DAY) if one.kind == "deadline"] == []


def test_a_date_sooner_than_its_reminders_is_not_reminded_of_at_once(bot: World) -> None:
    sent = say(bot, "/embargo +2d")
    assert "deadline" not in {one.kind for one in [*sent, *bot.pass_time(timedelta(hours=1))]}


# Lifting


def test_an_embargo_is_lifted_at_once_when_enough_members_agree(bot: World) -> None:
    sent = say(bot, "/lift it is on a mailing list")
    assert ("lift", "bob") in kinds(sent)
    assert "lift: none -> 1 of 2 agree (alice)" in transcript(sent).replace("\n", " ")
    assert "the others are asked to /agree or to /object" in transcript(sent)
    assert bot.show(1)["embargo_until"] is not None
    sent = say(bot, "/agree", by="bob")
    assert "lift: 1 of 2 agree (alice) -> 2 of 2 agree (alice, bob)" in transcript(sent)
    assert "lifted" in transcript(sent)
    assert bot.show(1)["embargo_until"] is None
    assert clocks(bot)["embargo"]["state"] == "met"
    assert "has been lifted" in told(sent, RITA, "embargo_reporter").words


def test_the_proposer_alone_is_not_enough_however_often_they_agree(bot: World) -> None:
    run(bot, "/lift")
    run(bot, "/agree")
    assert "error: that is proposed already" in run(bot, "/lift again")
    assert bot.show(1)["embargo_until"] is not None


def test_an_objection_stands_until_its_author_agrees(bot: World) -> None:
    run(bot, "/lift")
    assert "bob objects" in run(bot, "/object two vendors have no fix", by="bob").replace("\n", " ")
    run(bot, "/agree")
    assert bot.show(1)["embargo_until"] is not None
    assert "lifted" in run(bot, "/agree", by="bob")
    assert bot.show(1)["embargo_until"] is None


def test_an_objection_needs_a_reason_and_a_proposal(bot: World) -> None:
    assert "nothing is proposed" in run(bot, "/object no", by="bob")
    assert "nothing is proposed" in run(bot, "/agree", by="bob")
    run(bot, "/lift")
    assert "it needs the reason" in run(bot, "/object", by="bob")


def test_a_new_date_ends_a_proposal(bot: World) -> None:
    run(bot, "/lift")
    run(bot, "/embargo +20d", by="bob")
    assert "nothing is proposed" in run(bot, "/agree", by="bob")
    run(bot, "/embargo none")
    assert "has no embargo" in run(bot, "/lift once more")


# Fix and exploitation


def test_a_fix_starts_the_time_until_publication_once(bot: World) -> None:
    assert "publish by: due Tue 2 Mar 2027 09:00 UTC" in run(bot, "/fixed 1f2e3d4").replace("\n", " ")
    bot.pass_time(DAY)
    assert "it was fixed before" in run(bot, "/fixed 9a9a9a9")
    assert clocks(bot)["publish_by"]["due_at"] == "2027-03-02T09:00:00Z"
    assert "released: none -> 3.2" in run(bot, "/released 3.2")
    assert "deadline" in {one.kind for one in bot.pass_time(97 * DAY)}


def test_exploitation_starts_the_legal_deadlines_and_filing_stops_them(bot: World) -> None:
    answer = run(bot, "/exploited since 2026-11-20").replace("\n", " ")
    assert "regulatory 24h: due Wed 25 Nov 2026 09:00 UTC" in answer
    assert "regulatory 72h: due Fri 27 Nov 2026 09:00 UTC" in answer
    assert "regulatory_final" not in clocks(bot)
    assert {one.kind for one in bot.pass_time(timedelta(hours=18))} == {"regulatory"}
    assert "regulatory 24h: in time" in run(bot, "/filed 24h CERT-1")
    assert "no such deadline runs" in run(bot, "/filed 24h")
    run(bot, "/fixed")
    assert clocks(bot)["regulatory_final"]["due_at"] == "2026-12-09T03:00:00Z"
    sent = [one for one in bot.pass_time(3 * DAY) if one.kind.startswith("regulatory")]
    assert [one.recipient for one in sent if one.kind == "regulatory_contact"] == ["legal@example.com"]
    assert "security+1." not in str(sent[-1].mail["Reply-To"])
    assert clocks(bot)["regulatory_72h"]["state"] == "missed"


def test_without_the_legal_clocks_in_the_config_exploitation_is_only_noted(bot: World) -> None:
    bot.reload(lambda text: text.replace("regulatory = true", "regulatory = false"))
    assert "no legal deadlines run here" in run(bot, "/exploited").replace("\n", " ")
    assert not [name for name in clocks(bot) if name.startswith("regulatory")]


@pytest.mark.parametrize("typed", ["since yesterday", "since 2027-01-01", "since 2026-13-01", "2026-11-20T10"])
def test_exploitation_since_no_date_is_refused(bot: World, typed: str) -> None:
    assert "error: " in run(bot, f"/exploited {typed}")
    assert not [name for name in clocks(bot) if name.startswith("regulatory")]


# Claims


def test_a_claim_stops_the_search_for_a_coordinator(bot: World) -> None:
    assert "coordinator: in time" in run(bot, "/claim")
    assert bot.show(1)["owner"] == "alice"
    assert "appointed" not in {one.kind for one in bot.pass_time(5 * DAY)}


def test_whoever_is_on_call_is_asked_and_then_all_members_hear(bot: World) -> None:
    asked = [one for one in bot.pass_time(2 * DAY) if one.kind == "appointed"]
    assert [one.recipient for one in asked] == [ALICE]
    assert (bot.show(1)["appointed"], bot.show(1)["owner"], clocks(bot)["coordinator"]["state"]) == (
        "alice", None, "missed",
    )  # fmt: skip
    assert clocks(bot)["coordinator"]["next_at"] == "2026-11-28T09:00:00Z"
    after = [one.member_id for one in bot.pass_time(2 * DAY) if one.kind == "nobody_coordinates"]
    assert after == ["alice", "bob", "dave"]
    assert bot.show(1)["appointed"] is None
    assert [one for one in bot.pass_time(20 * DAY) if one.kind in ("appointed", "nobody_coordinates")] == []
    assert "coordinator: late" in run(bot, "/claim", by="bob")
    assert clocks(bot)["coordinator"]["state"] == "missed"


def test_a_reply_starts_the_clock_of_silence_and_the_coordinator_is_reminded_first(bot: World) -> None:
    run(bot, "/claim")
    assert "word to the reporter: due Sun 29 Nov 2026 09:00 UTC" in run(bot, "/reply\n\nWe are on it.").replace(
        "\n", " "
    )
    assert [one.member_id for one in bot.pass_time(5 * DAY) if one.kind == "silence"] == ["alice"]
    wide = [one for one in bot.pass_time(timedelta(days=2.5)) if one.kind == "silence"]
    assert [one.member_id for one in wide] == ["alice", "bob", "dave"]
    run(bot, "/reply\n\nStill on it.", by="bob")
    assert clocks(bot)["silence"]["state"] == "running"
