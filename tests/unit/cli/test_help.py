"""Help is what people read first: it fits a terminal of 80 columns, shows an example, and costs next to nothing."""

import argparse
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import mailbot
from mailbot.cli.parser import build, run

COLUMNS = 80
HEAVY = (
    "sqlalchemy",
    "gnupg",
    "alembic",
    "pydantic",
    "jinja2",
    "aiosmtpd",
    "aiosmtplib",
    "apscheduler",
    "nacl",
    "rich",
)


def parsers(parser: argparse.ArgumentParser, words: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The words of every command, groups of commands included."""
    yield words
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, child in action.choices.items():
                yield from parsers(child, (*words, name))


ALL = sorted(parsers(build()))


def help_of(words: tuple[str, ...], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("COLUMNS", str(COLUMNS))
    with pytest.raises(SystemExit) as ended:
        run([*words, "--help"])
    assert ended.value.code == 0
    return capsys.readouterr().out


def test_every_noun_is_there() -> None:
    nouns = {words[0] for words in ALL if words}
    assert nouns >= {"init", "check", "serve", "demo", "issue", "member", "key", "queue", "db", "audit"}


def test_the_list_of_commands_is_the_same_whether_their_modules_are_imported_or_not() -> None:
    assert build(()).format_help() == build().format_help()


@pytest.mark.parametrize("words", ALL, ids=" ".join)
def test_help_fits_the_terminal(
    words: tuple[str, ...], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = help_of(words, capsys, monkeypatch)
    assert [line for line in shown.splitlines() if len(line) > COLUMNS] == []


@pytest.mark.parametrize(
    "words", [words for words in ALL if not any(words == longer[:-1] for longer in ALL)], ids=" ".join
)
def test_every_command_shows_an_example_that_can_be_copied(
    words: tuple[str, ...], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    examples = [
        line for line in help_of(words, capsys, monkeypatch).splitlines() if line.startswith("example: mailbot ")
    ]
    # On one line, and the command itself.
    assert len(examples) == 1
    assert f" {' '.join(words)}" in examples[0]


@pytest.mark.parametrize("words", ALL, ids=" ".join)
def test_every_argument_is_explained(words: tuple[str, ...]) -> None:
    parser = build()
    for word in words:
        (commands,) = (action for action in parser._actions if isinstance(action, argparse._SubParsersAction))
        parser = commands.choices[word]
    unexplained = [
        action.dest
        for action in parser._actions
        if not action.help and not isinstance(action, argparse._SubParsersAction)
    ]
    assert unexplained == []


def test_help_imports_no_library_and_no_command() -> None:
    code = (
        "import sys\n"
        "from mailbot.cli.parser import run\n"
        "try: run(['--help'])\n"
        "except SystemExit: pass\n"
        "sys.stderr.write(' '.join(sys.modules))\n"
    )
    root = Path(mailbot.__file__).parent.parent
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert "usage: mailbot" in done.stdout
    loaded = {name.split(".")[0] for name in done.stderr.split()}
    assert "argparse" in loaded
    assert loaded.isdisjoint(HEAVY)
    assert {name for name in done.stderr.split() if name.startswith("mailbot")} == {
        "mailbot", "mailbot.cli", "mailbot.cli.parser", "mailbot.errors",
    }  # fmt: skip
