"""What templates do with values."""

import pytest

from mailbot.mail.filters import card, fingerprint, passage, size, status, wrap


@pytest.mark.parametrize(
    ("count", "words"),
    [
        *((0, "0 bytes"), (999, "999 bytes"), (1000, "1.0 kB")),
        *((999_949, "999.9 kB"), (999_950, "1.0 MB"), (25_000_000, "25.0 MB")),
    ],
)
def test_sizes_are_said_in_units_of_a_thousand(count: int, words: str) -> None:
    assert size(count) == words


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("5.1.1", "5.1.1: the address is wrong or no longer exists"),
        ("5.7.26", "5.7.26: their mail system refuses our mail"),
        ("550", "550: refused"),
        ("5.9.1", "5.9.1: refused"),
        ("", "no reason was given"),
        ("5\r\nX", "5 X: refused"),
    ],
)
def test_a_status_code_is_said_in_words(code: str, words: str) -> None:
    assert status(code) == words


def test_a_fingerprint_is_grouped_as_gpg_prints_it() -> None:
    assert fingerprint("5F2A91C0E3B84D7796AC10D2F4EE83B7C6519A0D") == (
        "5F2A 91C0 E3B8 4D77 96AC  10D2 F4EE 83B7 C651 9A0D"
    )


def test_prose_is_filled_and_indented_lines_stay_whole() -> None:
    long = "    " + "x" * 90
    filled = wrap(f"one\ntwo\n\n\n{long}\n    y\nand then " + "word " * 20).split("\n")
    assert filled[:4] == ["one two", "", long, "    y"]
    assert [len(line) for line in filled[4:]] == [68, 39]
    assert " ".join(filled[4:]).split() == ["and", "then", *["word"] * 20]


@pytest.mark.parametrize("together", ["Thu 26 Nov 2026 14:47 UTC", "24 h", "5 days", "12.3 kB"])
def test_a_number_is_not_parted_from_its_unit(together: str) -> None:
    for padding in range(40, 75):
        text = wrap("x" * padding + " " + together)
        assert together.rsplit(" ", 1)[-1] not in text.split("\n")
        assert "14:47 UTC" not in text.split("\n")


def test_a_card_line_has_a_known_label() -> None:
    assert card("x", "From") == "| From: x"
    with pytest.raises(ValueError, match="label"):
        card("x", "Colour")


def test_a_passage_keeps_its_inner_lines() -> None:
    assert passage("\n\n a\n\n\nb \n\n") == " a\n\n\nb "
