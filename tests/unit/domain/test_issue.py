"""Words for issues: titles, and the values that operators' scripts read."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailbot.domain import issue
from mailbot.domain.issue import NO_TITLE, TITLE_LENGTH, title_from


@pytest.mark.parametrize(
    ("subject", "title"),
    [
        ("Heap overflow in frobnicate", "Heap overflow in frobnicate"),
        ("  Heap   overflow\tin\r\n frobnicate \n", "Heap overflow in frobnicate"),
        ("Re: [EX-42] x", "Re: [EX-42] x"),
        ("", NO_TITLE),
        (" \t\r\n\u00a0\u2003 ", NO_TITLE),
        ("{{7*7}} ${x}", "{{7*7}} ${x}"),
        ("\u041f\u0435\u0440\u0435 \u7f16", "\u041f\u0435\u0440\u0435 \u7f16"),
        ("x" * TITLE_LENGTH, "x" * TITLE_LENGTH),
        ("x" * (TITLE_LENGTH + 1), "x" * (TITLE_LENGTH - 1) + "\u2026"),
    ],
)  # fmt: skip
def test_a_title_is_the_subject_in_one_line_of_bounded_length(subject: str, title: str) -> None:
    assert title_from(subject) == title


@given(st.text(max_size=400))
def test_every_subject_gives_a_title_that_is_one_line_and_stays_the_same(subject: str) -> None:
    title = title_from(subject)
    assert 1 <= len(title) <= TITLE_LENGTH
    assert title == title.strip()
    assert len(title.splitlines()) == 1
    assert title_from(title) == title


def test_the_words_are_those_that_scripts_rely_on() -> None:
    assert [status.value for status in issue.Status] == ["open", "waiting", "closed"]
    assert {outcome.value for outcome in issue.Outcome} == {
        "fixed", "not-security", "public-bug", "duplicate", "invalid", "spam",
    }  # fmt: skip
    assert {disposition.value for disposition in issue.Disposition} == {
        "report", "follow-up", "member", "key-request", "bounce", "automatic", "own", "duplicate", "unreadable",
        "held", "discarded",
    }  # fmt: skip
