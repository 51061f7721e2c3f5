"""The table of verbs: complete, readable, and the same in every place where people see it."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from mailbot.mail.control import read
from mailbot.service.verbs import NAMES, VERBS
from mailbot.service.verbs.verb import Verb
from tests.documents import ROOT

MEMBER = ROOT / "docs" / "member.md"
verbs = pytest.mark.parametrize("verb", VERBS.values(), ids=lambda verb: verb.name)
_TABLE = re.compile(r"(?<=\| Command \| Does \|\n\|---\|---\|\n)(?:\|.*\n)*")


def test_the_table_in_the_document_is_the_table_of_verbs(golden: Callable[..., None]) -> None:
    rows = "".join(f"| `{verb.usage}` | {verb.help[0].upper()}{verb.help[1:]} |\n" for verb in VERBS.values())
    text = MEMBER.read_text(encoding="utf-8")
    assert _TABLE.search(text)
    golden(MEMBER, _TABLE.sub(lambda _: rows, text))


def test_every_file_of_a_verb_is_in_the_table() -> None:
    folder = Path(ROOT / "mailbot" / "service" / "verbs")
    files = {path.stem for path in folder.glob("*.py")} - {"__init__", "verb"}
    assert files == {name.replace("-", "_") for name in NAMES}


@verbs
def test_its_example_is_a_command_and_nothing_else(verb: Verb) -> None:
    block = read(verb.example, NAMES)
    assert [command.verb for command in block.commands] == [verb.name]
    assert block.message == ""


@verbs
def test_its_words_fit_a_line_of_help(verb: Verb) -> None:
    assert re.fullmatch(r"[a-z]{2,12}", verb.name)
    assert 10 < len(verb.help) < 140
    assert not verb.help.endswith(".")
    assert "|" not in verb.usage + verb.help
