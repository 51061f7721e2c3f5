"""A member's own words: no quote, no attribution, no copied original and no signature block is among them."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailbot.mail.quoting import own_text

SECRET = "| Owner: alice"

# How mail programs put what they answer below (or above) an answer.
QUOTES = {
    "mutt": "On Tue, Nov 24, 2026 at 09:00:00AM +0000, Example Group wrote:\n> | Owner: alice\n>\n> > older\n",
    "gmail": "On Tue, Nov 24, 2026 at 9:00 AM Example Security Response Group <\n"
    "security+1@example.org> wrote:\n\n> | Owner: alice\n",
    "gmail, German": "Am Di., 24. Nov. 2026 um 09:00 Uhr schrieb Gruppe <\n"
    "security+1@example.org>:\n\n> | Owner: alice\n",
    "thunderbird": "On 11/24/26 09:00, Example Group wrote:\n> | Owner: alice\n",
    "apple mail": "> On 24 Nov 2026, at 09:00, Example Group <security+1@example.org> wrote:\n>\n> | Owner: alice\n",
    "iphone, German": "Am 24.11.2026 um 09:00 schrieb Example Group <security+1@example.org>:\n\n\n> | Owner: alice\n",
    "proton": "On Tuesday, November 24th, 2026 at 9:00 AM, Group <security+1@example.org> wrote:\n\n| Owner: alice\n",
    "outlook": "-----Original Message-----\nFrom: Group\nSent: Tuesday\n\n| Owner: alice\n",
    "outlook, German": "-----Ursprüngliche Nachricht-----\nVon: Gruppe\n\n| Owner: alice\n",
    "outlook 365": "________________________________\nFrom: Group <security+1@example.org>\n"
    "Sent: Tuesday\n\n| Owner: alice\n",
    "outlook, header only": "From: Group <security+1@example.org>\nSent: Tuesday, 9:00\nTo: Alice\n"
    "Subject: x\n\n| Owner: alice\n",
    "outlook, starred": "*From:* Group\n*Sent:* Tuesday\n\n| Owner: alice\n",
    "outlook, French": "De : Groupe\nEnvoyé : mardi\nÀ : Alice\nObjet : x\n\n| Owner: alice\n",
    "outlook, Chinese": "发件人\uff1a Group\n发送时间\uff1a 2026\n\n| Owner: alice\n",
    "forwarded by gmail": "---------- Forwarded message ---------\nFrom: x\n\n| Owner: alice\n",
    "forwarded by apple": "Begin forwarded message:\n\nFrom: x\n\n| Owner: alice\n",
    "yahoo": "--- Bob wrote ---\n| Owner: alice\n",
    "signature": "-- \nAlice\n| Owner: alice\n",
    "signature without its space": "--\nAlice\n| Owner: alice\n",
    "initials": "AB> | Owner: alice\n",
    "html entity": "&gt; | Owner: alice\n",
}


@pytest.mark.parametrize("quote", QUOTES.values(), ids=list(QUOTES))
def test_a_quote_below_the_answer_is_left_out(quote: str) -> None:
    assert own_text(f"Thank you.\n\nWe can reproduce it.\n\n{quote}") == "Thank you.\n\nWe can reproduce it."


@pytest.mark.parametrize("name", ["mutt", "gmail", "gmail, German", "thunderbird", "apple mail", "iphone, German"])
def test_an_answer_below_or_between_quotes_is_kept_without_them(name: str) -> None:
    assert own_text(f"{QUOTES[name]}\nThank you.\n\n> more | Owner: alice\n\nBye.\n") == "Thank you.\n\nBye."


@pytest.mark.parametrize(
    "text",
    [
        "Please use this format:\n\nName: value",
        "From: what you wrote, the cause is clear.",
        "We looked at it on Monday, and wrote:\nno test for it.",
        "It is 3 < 4 and 5 > 4.",
        "Steps:\n- one\n- two\n----\nmore",
        "Title\n=====\n\n| a | b |\n| 1 | 2 |",
        "a -- b",
        "Call f() -> int:\nreturn",
    ],
)
def test_the_writers_own_text_stays_whole(text: str) -> None:
    assert own_text(text) == text


def test_nothing_of_ones_own_is_nothing() -> None:
    for quote in QUOTES.values():
        assert own_text(quote) == ""
    assert own_text("") == own_text("\n \n") == ""


@given(st.text(max_size=400))
def test_it_never_raises_and_adds_nothing(text: str) -> None:
    assert all(line.rstrip() in text for line in own_text(text).split("\n"))


@given(st.lists(st.sampled_from([*QUOTES.values(), "Own words.\n", "\n", "On\n", "From: x\n", "x:\n"]), max_size=8))
def test_no_quoted_line_is_ever_among_the_own_words(pieces: list[str]) -> None:
    assert SECRET not in own_text("".join(pieces))


@pytest.mark.parametrize(
    "line", ["-" * 60_000, "_" * 60_000, "On " * 20_000 + ":", "x@y " * 15_000 + ":", "=-" * 30_000]
)
def test_a_hostile_line_takes_no_time(line: str) -> None:
    started = time.process_time()
    own_text(f"{line}\n" * 3)
    assert time.process_time() - started < 1.0


@pytest.mark.parametrize("line", ["-" * 999, "- " * 499 + "x", "_*" * 499 + "original"])
def test_rows_of_hyphens_take_no_time(line: str) -> None:
    started = time.monotonic()
    assert own_text(f"{line}\n" * 250).startswith(line[:20])
    assert time.monotonic() - started < 5  # it was a minute
