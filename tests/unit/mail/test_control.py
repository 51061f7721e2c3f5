"""The grammar of command mails: what runs is only what stands at the top, and nothing else ever does."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailbot.mail.control import LINE, LINES, Block, ids, plain, read

VERBS = frozenset({"claim", "note", "close", "on", "severity"})


def verbs(text: str) -> list[tuple[str, str]]:
    block = read(text, VERBS)
    assert block.unknown is None
    return [(command.verb, command.args) for command in block.commands]


def test_commands_stand_one_a_line_with_blank_lines_and_comments_between() -> None:
    block = read("\n# for EX-7\n/on EX-42\n\n/claim force\n#/close fixed\nHello,\n/close fixed\n", VERBS)
    assert [(one.verb, one.args) for one in block.commands] == [("on", "EX-42"), ("claim", "force")]
    assert block.comments == ("# for EX-7", "#/close fixed")
    assert block.message == "Hello,\n/close fixed\n"


@pytest.mark.parametrize(
    "text",
    [
        "Hello\n/claim\n",
        "> /claim\n",
        ">/claim\n",
        "-- \n/claim\n",
        "--\n/claim\n",
        "On Mon, 1 Jan 2026, Bob wrote:\n> hello\n/claim\n",
        "-----Original Message-----\n/claim\n",
        "    /claim\n",
        "\t/claim\n",
        "*/claim*\n",
        "",
        "\n\n",
        "# /claim\n",
    ],
)
def test_what_stands_below_or_within_anything_else_is_no_command(text: str) -> None:
    assert not read(text, VERBS)


@pytest.mark.parametrize(
    "line", ["/CLAIM", "/Claim", "/claim.", "/claim ", " /claim", "/claim\u00a0", "[U+FEFF]/claim"]
)
def test_what_phones_make_of_a_command_is_that_command(line: str) -> None:
    assert verbs(line + "\n") == [("claim", "")]


def test_arguments_keep_what_was_typed_and_plain_gives_what_was_meant() -> None:
    ((_, args),) = verbs("/severity \u201cHigh\u201d.\n")
    assert args == "\u201cHigh\u201d."
    assert plain("\u201cHigh\u201d") == "High"
    assert plain("EX\u201342.") == "EX-42"
    assert plain("a\u00a0 b") == "a b"
    assert plain("and so on...") == "and so on..."


@pytest.mark.parametrize(
    ("line", "nearest"), [("/clame", "claim"), ("/severty high", "severity"), ("/usr/lib/x crashes", ""), ("/", "")]
)
def test_an_unknown_verb_stops_all_and_names_the_nearest(line: str, nearest: str) -> None:
    block = read(f"/claim\n{line}\n/note\nhello\n", VERBS)
    assert block
    assert block.unknown is not None
    assert block.unknown.line == line
    assert block.nearest == nearest
    assert block.lines == ("/claim", line)


def test_too_many_or_too_long_commands_stop_all() -> None:
    assert read("/claim\n" * LINES, VERBS).unknown is None
    assert read("/claim\n" * (LINES + 1), VERBS).unknown is not None
    assert read("/close " + "x" * LINE, VERBS).unknown is not None


def test_ids_are_those_of_this_instance_in_order() -> None:
    assert ids("see [ex-42], EX-7. ZEX-9 EX-0 EX-1x EX\u20138 ZZ-3 EX-12345678901", "EX") == [42, 7]
    assert ids("A.B-1 AxB-1", "A.B") == [1]


@given(st.text(alphabet=st.characters(), max_size=400))
def test_it_never_raises_and_loses_nothing(text: str) -> None:
    block = read(text, VERBS)
    assert block.message == "" or text.endswith(block.message)
    assert read(block.message, VERBS) == Block(message=block.message) or block.unknown is not None


@given(st.text(alphabet="/>#- \nclaimonteEX42", max_size=200))
def test_a_quoted_line_never_runs(text: str) -> None:
    quoted = "\n".join(f"> {line}" for line in text.split("\n"))
    assert not read(quoted, VERBS)
    assert not read(f"Hello\n{text}", VERBS)
