"""Durations as operators write them."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailbot.duration import Duration


@pytest.mark.parametrize(
    ("text", "seconds", "business_days"),
    [
        ("90s", 90, 0),
        ("15m", 900, 0),
        ("24h", 86_400, 0),
        ("5d", 432_000, 0),
        ("2w", 1_209_600, 0),
        ("5bd", 0, 5),
        ("0s", 0, 0),
        ("007d", 604_800, 0),
        (" 5d\n", 432_000, 0),
    ],
)
def test_a_duration_is_a_number_and_a_unit(text: str, seconds: int, business_days: int) -> None:
    found = Duration.parse(text)
    assert (found.seconds, found.business_days) == (seconds, business_days)
    assert str(found) == text.strip()


@pytest.mark.parametrize(
    "text",
    ["", "5", "d", "5 d", "5D", "5min", "-5d", "+5d", "1.5h", "5d5h", "5bd 2h", "1e3s", "5b", "12345678s", "\u0663d"],
)
def test_whatever_else_is_refused_with_what_is_accepted(text: str) -> None:
    with pytest.raises(ValueError, match=r'"90s", "15m", "24h", "5d", "2w" or "5bd" \(business days\)'):
        Duration.parse(text)


@pytest.mark.parametrize(
    ("text", "words"), [("90s", "90 seconds"), ("1h", "1 hour"), ("14d", "14 days"), ("1bd", "1 business day")]
)
def test_people_read_it_in_words(text: str, words: str) -> None:
    assert Duration.parse(text).words == words


def test_elapsed_time_has_a_length_and_business_days_have_none() -> None:
    assert Duration.parse("36h").delta == timedelta(days=1, hours=12)
    with pytest.raises(ValueError, match="no fixed length"):
        _ = Duration.parse("1bd").delta


@given(st.text(max_size=12) | st.from_regex(r"\d{1,9}(s|m|h|d|w|bd)", fullmatch=True))
def test_reading_raises_nothing_but_value_errors_and_what_it_reads_it_reads_again(text: str) -> None:
    try:
        found = Duration.parse(text)
    except ValueError:
        return
    assert Duration.parse(str(found)) == found
    assert not (found.seconds and found.business_days)
