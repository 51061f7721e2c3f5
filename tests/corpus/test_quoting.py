"""Replies from real mail programs: no line that is quoted in them ever runs as a command or goes out as an answer."""

from collections.abc import Iterator

import pytest

from mailbot.mail.control import read
from mailbot.mail.quoting import own_text
from mailbot.service.verbs import NAMES
from tests.corpus.test_corpus import mails

REPLIES = {path.name: path for path in mails("email_reply_trimmer/test/emails", ".txt")}
MADE_HERE = "Thank you.\n\nOn Tue, 24 Nov 2026 at 09:00, Bob wrote:\n> /claim\n>> /close fixed\n"


def texts() -> Iterator[tuple[str, str]]:
    yield "made here", MADE_HERE
    for name, path in REPLIES.items():
        yield name, path.read_text(encoding="utf-8", errors="replace")


REPLY = pytest.mark.parametrize("text", [text for _, text in texts()], ids=[name for name, _ in texts()])


@REPLY
def test_no_line_of_a_reply_runs(text: str) -> None:
    assert not read(text, NAMES)


@REPLY
def test_a_command_in_place_of_a_quoted_line_does_not_run(text: str) -> None:
    quoted = [line.startswith(">") for line in text.split("\n")]
    lines = ["> /close fixed" if is_quoted else line for is_quoted, line in zip(quoted, text.split("\n"), strict=True)]
    for start in range(len(lines)):
        if start == 0 or quoted[start]:
            assert not read("\n".join(lines[start:]), NAMES)


@REPLY
def test_commands_above_a_reply_are_all_that_runs(text: str) -> None:
    block = read(f"/claim\n\n{text}", NAMES)
    assert [command.verb for command in block.commands] == ["claim"]
    assert block.unknown is None


@REPLY
def test_no_quoted_line_goes_out(text: str) -> None:
    own = own_text(text)
    assert not [line for line in own.split("\n") if line.startswith(">")]
    marked = "\n".join(f"> {line}" for line in text.split("\n"))
    assert own_text(marked) == ""
    assert own_text(f"Thank you.\n\n{marked}") == "Thank you."


def test_the_corpus_is_where_it_is_said_to_be() -> None:
    from tests.corpus.test_corpus import CORPUS

    assert bool(REPLIES) is CORPUS.is_dir()
