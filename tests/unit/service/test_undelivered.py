"""Who is told of a mail that failed, and how often."""

from datetime import timedelta

import pytest

from mailbot.service import audiences
from mailbot.service.notices import NOTICES
from mailbot.service.undelivered import TO_THE_GROUP, untold
from tests.unit.service.cases import NOW

HOUR = timedelta(hours=1)


def test_what_counts_as_the_lists_goes_to_members_and_nobody_else() -> None:
    """Else an expert whose mailbox is full would be taken for the list."""
    assert {NOTICES[kind].audience for kind in TO_THE_GROUP} <= {
        audiences.relay,
        audiences.reminded,
        audiences.chosen,
        audiences.others,
    }


@pytest.mark.parametrize(
    ("hours", "count"),
    [
        ([], 0),
        ([0], 1),
        ([0, 0], 0),
        ([0, 1, 23], 0),
        ([0, 1, 23, 24], 3),
        ([0, 24], 1),
        ([0, 24, 25], 0),
        ([0, 24, 25, 48], 2),
        ([0, 1, 2, 100], 3),
    ],
)
def test_operators_are_told_at_most_once_a_day_with_the_count_since(hours: list[int], count: int) -> None:
    assert untold([NOW + HOUR * one for one in hours]) == count
