"""Dates as members type them, and when a lift is agreed."""

from datetime import UTC, datetime

import pytest

from mailbot.domain.embargo import AGREE, OBJECT, lift, read_end, weekend

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("typed", "end"),
    [
        ("2026-12-24", "2026-12-24T12:00:00+00:00"),
        ("2028-02-29", "2028-02-29T12:00:00+00:00"),
        ("2026-12-24T15:30Z", "2026-12-24T15:30:00+00:00"),
        ("2026-12-24t15:30z", "2026-12-24T15:30:00+00:00"),
        ("2026-12-24 15:30:10Z", "2026-12-24T15:30:10+00:00"),
        ("2026-12-24T23:30-05:00", "2026-12-25T04:30:00+00:00"),
        ("2026-12-31T23:59Z", "2026-12-31T23:59:00+00:00"),
        ("+14d", "2026-12-08T09:00:00+00:00"),
        ("+2w", "2026-12-08T09:00:00+00:00"),
        ("+36h", "2026-11-25T21:00:00+00:00"),
    ],
)
def test_a_date_is_read(typed: str, end: str) -> None:
    found = read_end(typed, NOW)
    assert found is not None
    assert found.isoformat() == end


@pytest.mark.parametrize("typed", ["none", "None", " NONE "])
def test_none_is_no_embargo(typed: str) -> None:
    assert read_end(typed, NOW) is None


@pytest.mark.parametrize(
    ("typed", "why"),
    [
        ("2026-12-24T15:30", "has a time without a zone; write 2026-12-24T15:30Z"),
        ("2026-12-24 15:30", "has a time without a zone; write 2026-12-24T15:30Z"),
        ("2027-02-29", "is no date of the calendar"),
        ("2026-12-24T25:00Z", "is no date of the calendar"),
        ("2026-11-24T09:00Z", "is past"),
        ("2026-11-23", "is past"),
        ("+0d", "is past"),
        ("+5bd", "is no time from now"),
        ("+14", "is no time from now"),
        ("-14d", "is no date"),
        ("24.12.2026", "is no date"),
        ("tomorrow", "is no date"),
        ("2036-12-24", "more than ten years away"),
        ("+9999999w", "is no time from now"),
        ("", "is no date"),
    ],
)
def test_what_is_no_date_says_why_and_what_is_accepted(typed: str, why: str) -> None:
    with pytest.raises(ValueError, match=r".") as raised:
        read_end(typed, NOW)
    assert why in str(raised.value)


@pytest.mark.parametrize(
    ("day", "warned"),
    [(21, False), (22, False), (23, False), (24, False), (25, True), (26, True), (27, True), (28, False)],
)
def test_from_friday_to_sunday_is_a_weekend(day: int, warned: bool) -> None:
    assert bool(weekend(datetime(2026, 12, day, 12, 0, tzinfo=UTC))) is warned


def test_a_lift_needs_so_many_members_and_no_objection() -> None:
    members = ["alice", "bob", "carol", "dave"]
    assert not lift({"alice": AGREE, "bob": AGREE}, members, 3).done
    assert lift({"alice": AGREE, "bob": AGREE, "carol": AGREE}, members, 3).done
    stopped = lift({"alice": AGREE, "bob": AGREE, "carol": AGREE, "dave": OBJECT}, members, 3)
    assert not stopped.done
    assert stopped.words == "3 of 3 agree (alice, bob, carol); dave objects"


def test_who_left_has_no_say() -> None:
    assert lift({"alice": AGREE, "bob": OBJECT}, ["alice"], 1).done
    assert not lift({"alice": AGREE, "bob": AGREE}, ["alice"], 2).done
