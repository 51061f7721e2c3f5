"""Times in mails are absolute, in UTC, with the weekday, and say what is left."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from mailbot.mail.times import left, span, when

NOW = datetime(2026, 11, 26, 14, 47, tzinfo=UTC)


def test_a_time_names_weekday_and_zone() -> None:
    assert when(NOW) == "Thu 26 Nov 2026 14:47 UTC"
    assert when(datetime(2027, 1, 1, 0, 30, tzinfo=timezone(timedelta(hours=2)))) == "Thu 31 Dec 2026 22:30 UTC"


@pytest.mark.parametrize(
    ("distance", "words"),
    [
        (timedelta(seconds=1.9), "now"),
        (timedelta(seconds=-1.9), "now"),
        (timedelta(seconds=2.8), "in 3 s"),
        (timedelta(seconds=-20), "20 s ago"),
        (timedelta(seconds=89), "in 89 s"),
        (timedelta(seconds=90), "in 2 min"),
        (timedelta(minutes=45), "in 45 min"),
        (timedelta(hours=24), "in 24 h"),
        (timedelta(hours=47, minutes=59, seconds=55), "in 48 h"),
        (timedelta(hours=72), "in 72 h"),
        (timedelta(days=5), "in 5 days"),
        (timedelta(days=90), "in 90 days"),
        (timedelta(hours=-3), "3 h ago"),
        (timedelta(days=-50), "50 days ago"),
    ],
)
def test_what_is_left_is_said_to_the_nearest_unit(distance: timedelta, words: str) -> None:
    assert left(NOW + distance, NOW) == words


def test_a_span_has_no_direction() -> None:
    assert span(timedelta(hours=-2)) == span(timedelta(hours=2)) == "2 h"
