"""What must not leave the group is found however it got into an answer."""

import time

import pytest

from mailbot.mail.leaks import leaks
from mailbot.mail.marker import MARKER

NOTE = (
    "I looked at the parser. Bob thinks that the vendor will never fix this in time, sadly.\n\nDo not tell them yet.\n"
)


def lines(text: str, *notes: str, known: tuple[str, ...] = ()) -> list[int]:
    return [leak.line for leak in leaks(text, notes, known)]


@pytest.mark.parametrize(
    "text",
    [
        f"Hello\n{MARKER}",
        f"Hello\n> > {MARKER.lower()}",
        "Hello\n| Owner: alice",
        "Hello\n  > | Due: first response Wed",
    ],
)
def test_the_marker_and_lines_of_a_card_are_found_quoted_or_not(text: str) -> None:
    assert lines(text) == [2]


@pytest.mark.parametrize(
    "text",
    [
        "Hello.\nBob thinks that the vendor will never fix this in time, sadly.",
        "Hello.\nbob THINKS that the\nvendor will never fix \u201cthis\u201d",
        "Hello.\n> Bob thinks that the vendor will never fix",
        "Hello.\nSo the vendor will never fix this in time.",
        "Hello.\nDo not tell them yet!",
    ],
)
def test_a_passage_of_a_note_is_found_whatever_became_of_its_form(text: str) -> None:
    assert 2 in lines(text, NOTE)
    assert 1 not in lines(text, NOTE)


@pytest.mark.parametrize(
    "text", ["Thank you for your report.", "The vendor will fix this.", "We looked at a parser too"]
)
def test_what_two_people_may_write_alike_is_no_passage(text: str) -> None:
    assert lines(text, NOTE, "I agree.", "Patch tonight") == []


def test_what_a_note_only_quotes_or_repeats_of_the_reporter_is_theirs() -> None:
    theirs = "The length field of the header is taken without any check at all."
    assert lines(f"You wrote: {theirs}", f"> {theirs}\n\nTrue.") == []
    assert lines(f"You wrote: {theirs}", f"She says: {theirs}") == [1]
    assert lines(f"You wrote: {theirs}", f"She says: {theirs}", known=(theirs,)) == []


def test_many_long_notes_take_no_time() -> None:
    notes = [" ".join(f"w{number}x{word}" for word in range(2_000)) for number in range(100)]
    started = time.process_time()
    assert leaks("\n".join(notes[7:9]), notes)
    assert time.process_time() - started < 2.0


def test_a_strangers_long_text_takes_no_time() -> None:
    """Seconds of it would be seconds of the database's write lock."""
    started = time.monotonic()
    sentences = "\n".join(f"sentence {number} of five words" for number in range(2_000))
    assert leaks("We have fixed it.", [sentences], ["a " * 128_000] * 5) == []
    assert time.monotonic() - started < 5  # it was a minute and more
