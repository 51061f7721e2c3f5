"""The table of verbs: complete, readable, and the same in every place where people see it."""

import pkgutil
import re
from collections.abc import Callable

import pytest

from mailbot.cli.issue_verbs import NOT_HERE
from mailbot.mail.control import read
from mailbot.service import verbs as package
from mailbot.service.verbs import NAMES, VERBS
from mailbot.service.verbs.verb import Verb
from tests.documents import ROOT

MEMBER, OPERATOR = ROOT / "docs" / "member.md", ROOT / "docs" / "operator.md"
verbs = pytest.mark.parametrize("verb", VERBS.values(), ids=lambda verb: verb.name)
_TABLE = re.compile(r"(?<=\| Command \| Does \|\n\|---\|---\|\n)(?:\|.*\n)*")


def test_the_table_in_the_document_is_the_table_of_verbs(golden: Callable[..., None]) -> None:
    rows = "".join(f"| `{verb.usage}` | {verb.help[0].upper()}{verb.help[1:]} |\n" for verb in VERBS.values())
    text = MEMBER.read_text(encoding="utf-8")
    assert _TABLE.search(text)
    golden(MEMBER, _TABLE.sub(lambda _: rows, text))


def test_what_an_operator_can_type_is_in_the_operators_table(golden: Callable[..., None]) -> None:
    here = [verb for verb in VERBS.values() if verb.name not in NOT_HERE]
    rows = "".join(
        f"| `mailbot issue {f'{verb.name} EX-42 {verb.arguments}'.rstrip()}{' < TEXT' if verb.message else ''}` "
        f"| {verb.help} |\n"
        for verb in here
    )
    text = OPERATOR.read_text(encoding="utf-8")
    names = "|".join(["VERB-ROWS", *(verb.name for verb in here)])
    table = re.compile(rf"(?:\| `mailbot issue (?:{names})\b.*\n)+")
    assert len(table.findall(text)) == 1
    golden(OPERATOR, table.sub(lambda _: rows, text))


def test_every_file_of_a_verb_is_in_the_table() -> None:
    files = {module.name for module in pkgutil.iter_modules(package.__path__)} - {"verb"}
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
