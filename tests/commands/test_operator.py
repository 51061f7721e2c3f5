"""``mailbot issue VERB``: an operator on the machine does what members do by mail, through the same functions."""

import io

import pytest

from mailbot.cli.issue_verbs import NOT_HERE
from mailbot.cli.parser import run as cli
from mailbot.service.verbs import VERBS
from tests.commands.mails import RITA
from tests.world import World

HERE = sorted(set(VERBS) - set(NOT_HERE))


def do(bot: World, capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    code = cli(["--config", str(bot.installation.config), "issue", *words])
    shown = capsys.readouterr()
    return code, shown.out + shown.err


def test_a_change_is_told_to_the_members_and_written_down(bot: World, capsys: pytest.CaptureFixture[str]) -> None:
    assert do(bot, capsys, "severity", "EX-1", "high") == (0, "severity: none -> high\n")
    assert bot.show(1)["severity"] == "high"
    assert ("operator", "severity") in {(row["actor"], row["action"]) for row in bot.show(1)["history"]}
    sent = bot.settle()
    assert {(one.kind, one.member_id) for one in sent} == {("changed", name) for name in ("alice", "bob", "dave")}
    assert "an operator:" in sent[0].words


def test_words_that_look_like_options_are_arguments(bot: World, capsys: pytest.CaptureFixture[str]) -> None:
    do(bot, capsys, "tag", "1", "+a", "+b")
    assert do(bot, capsys, "tag", "EX-1", "-a")[1] == "tags: a, b -> b\n"


def test_a_reply_is_read_from_standard_input(
    bot: World, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("Thank you.\n-- \nOps\n"))
    code, shown = do(bot, capsys, "reply", "EX-1")
    assert code == 0
    assert "goes to rita@out.example" in shown
    sent = bot.settle()
    assert next(one for one in sent if one.recipient == RITA).text == "Thank you.\n"
    assert "ANSWERED by an operator" in next(one for one in sent if one.member_id == "alice").words


def test_what_is_refused_changes_nothing_and_says_what_is_accepted(
    bot: World, capsys: pytest.CaptureFixture[str]
) -> None:
    code, shown = do(bot, capsys, "severity", "EX-1", "bad")
    assert code == 2
    assert "Accepted: critical, high" in shown
    assert do(bot, capsys, "title", "EX-9", "x")[0] == 2
    assert bot.settle() == []


@pytest.mark.parametrize("verb", HERE)
def test_every_example_is_carried_out_or_refused_in_words(
    verb: str, bot: World, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("Thank you.\n"))
    arguments = VERBS[verb].example.split()[1:]
    code, shown = do(bot, capsys, verb, "EX-1", *arguments)
    assert code in (0, 2)
    assert shown.strip()
    bot.settle()
