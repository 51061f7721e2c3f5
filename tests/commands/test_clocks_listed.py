"""What the operator sees of clocks: a table, a timeline, JSON; and the lists of issues by their clocks."""

import json
from datetime import timedelta

import pytest

from mailbot.cli.parser import run as cli
from tests.commands.mails import run
from tests.world import World


def shown(bot: World, capsys: pytest.CaptureFixture[str], *words: str) -> str:
    capsys.readouterr()
    assert cli(["--config", str(bot.installation.config), *words]) == 0
    return capsys.readouterr().out


def test_clocks_come_with_the_next_to_fire_first(bot: World, capsys: pytest.CaptureFixture[str]) -> None:
    run(bot, "/reply\n\nWe look into it.")
    rows = json.loads(shown(bot, capsys, "clocks", "--json"))
    assert [(row["issue"], row["name"], row["state"]) for row in rows] == [
        ("EX-1", "coordinator", "running"), ("EX-1", "silence", "running"), ("EX-1", "embargo", "running"),
    ]  # fmt: skip
    assert set(rows[0]) == {"issue", "subject", "name", "state", "started_at", "due_at", "next_at"}
    assert (rows[2]["next_at"], rows[2]["due_at"]) == ("2027-02-08T09:00:00Z", "2027-02-22T09:00:00Z")
    assert len(json.loads(shown(bot, capsys, "clocks", "--json", "--limit", "1"))) == 1
    table = shown(bot, capsys, "clocks")
    assert table.splitlines()[1].split() == [
        "EX-1", "coordinator", "running", "2026-11-26T09:00:00Z", "2026-11-26T09:00:00Z", "2026-11-24T09:00:00Z", "-",
    ]  # fmt: skip


def test_the_timeline_goes_day_by_day(bot: World, capsys: pytest.CaptureFixture[str]) -> None:
    bot.pass_time(timedelta(hours=48))
    run(bot, "/wait reporter")
    lines = shown(bot, capsys, "clocks", "--timeline")
    assert "Mon 8 Feb 2027\n  09:00 UTC  EX-1  embargo: fires (in " in lines
    assert "Mon 22 Feb 2027\n  09:00 UTC  EX-1  embargo: due (in " in lines


def test_lists_know_what_is_overdue_due_and_unclaimed(bot: World, capsys: pytest.CaptureFixture[str]) -> None:
    def listed(word: str) -> list[str]:
        return [row["id"] for row in bot.listed(word)]

    assert (listed("due"), listed("overdue"), listed("unclaimed")) == (["EX-1"], [], ["EX-1"])
    bot.pass_time(timedelta(hours=48))
    assert (listed("due"), listed("overdue")) == ([], ["EX-1"])
    run(bot, "/claim\n/reply\n\nSorry for the delay.")
    assert (listed("due"), listed("overdue"), listed("unclaimed")) == (["EX-1"], [], [])
    shown(bot, capsys, "issue", "list", "due")
