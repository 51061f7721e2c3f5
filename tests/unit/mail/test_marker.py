"""What must not leave the group is found again in a reply, whatever a mail program did to it."""

import pytest

from mailbot.mail.marker import MARKER, internal_lines, set_apart
from mailbot.mail.samples import SAMPLES
from mailbot.mail.templates import Templates, packaged_templates


@pytest.mark.parametrize("prefix", ["", "> ", ">> ", "  > > ", "On Thursday you wrote: "])
def test_the_marker_is_found_however_it_is_quoted(prefix: str) -> None:
    assert internal_lines(f"Hello\n\n{prefix}{MARKER.replace(' ', '  ').upper()}\nbye") == [3]


def test_every_line_of_a_card_is_found() -> None:
    body = Templates(packaged_templates()).write(SAMPLES["report"]).body
    lines = body.split("\n")
    card = [number for number, line in enumerate(lines, 1) if line.startswith("|")]
    assert len(card) > 10
    assert internal_lines("\n".join("> " + line for line in lines)) == [1, *card, len(lines) - 1]


@pytest.mark.parametrize(
    "line",
    [
        "| From | To |",
        "| a | b |",
        "|   | b |",
        "|---|---|",
        "From: jane",
        "a || b",
        "| grep Issue: x",
        "cat x | wc",
        "Next: y",
    ],
)
def test_ordinary_text_is_not_taken_for_the_card(line: str) -> None:
    assert internal_lines(line) == []


def test_text_that_pretends_to_be_ours_is_quoted_and_the_rest_is_left_alone() -> None:
    text = f"Hello\n{MARKER}\n| Owner: mallory\n> | Owner: bob\n| a | b |\nbye"
    assert set_apart(text) == f"Hello\n> {MARKER}\n> | Owner: mallory\n> | Owner: bob\n| a | b |\nbye"
