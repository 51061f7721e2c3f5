"""Durations added to instants: what people who live in a zone expect of a promise."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailbot.domain.calendar import Calendar
from mailbot.duration import Duration

BERLIN = ZoneInfo("Europe/Berlin")
UTC_ZONE = ZoneInfo("UTC")


def after(start: str, duration: str, *holidays: str, zone: str = "UTC") -> str:
    """The wall clock in `zone`, `duration` after `start` on it; both as ``2026-11-24 09:00``."""
    calendar = Calendar(ZoneInfo(zone), [date.fromisoformat(day) for day in holidays])
    found = calendar.add(datetime.fromisoformat(start).replace(tzinfo=ZoneInfo(zone)), Duration.parse(duration))
    assert found.tzinfo is UTC
    return found.astimezone(ZoneInfo(zone)).strftime("%Y-%m-%d %H:%M")


@pytest.mark.parametrize(
    ("start", "duration", "end"),
    [
        ("2026-11-24 09:00", "1bd", "2026-11-25 09:00"),
        ("2026-11-27 17:00", "1bd", "2026-11-30 17:00"),  # Friday to Monday
        ("2026-11-27 17:00", "2bd", "2026-12-01 17:00"),
        ("2026-11-28 10:00", "1bd", "2026-11-30 10:00"),  # what comes on a Saturday has until Monday
        ("2026-11-29 23:59", "1bd", "2026-11-30 23:59"),  # and on a Sunday
        ("2026-11-24 00:00", "5bd", "2026-12-01 00:00"),  # a week
        ("2026-11-24 09:00", "250bd", "2027-11-09 09:00"),  # fifty weeks
        ("2026-12-31 12:00", "1bd", "2027-01-01 12:00"),  # no day is a holiday by itself
        ("2028-02-28 08:00", "1bd", "2028-02-29 08:00"),  # a leap day
        ("2027-02-26 08:00", "1bd", "2027-03-01 08:00"),
    ],
)
def test_business_days_skip_weekends_and_keep_the_time_of_day(start: str, duration: str, end: str) -> None:
    assert after(start, duration) == end


def test_holidays_are_skipped_at_the_end_of_the_year() -> None:
    holidays = ("2026-12-24", "2026-12-25", "2026-12-31", "2027-01-01")
    assert after("2026-12-23 09:00", "1bd", *holidays) == "2026-12-28 09:00"
    assert after("2026-12-30 09:00", "1bd", *holidays) == "2027-01-04 09:00"
    assert after("2026-12-23 09:00", "5bd", *holidays) == "2027-01-05 09:00"


def test_a_holiday_on_a_weekend_costs_nothing() -> None:
    assert after("2026-11-27 09:00", "1bd", "2026-11-28") == "2026-11-30 09:00"


def test_weekends_are_those_of_the_groups_zone() -> None:
    # Friday evening in UTC is Saturday in Auckland, so that Monday is the first business day after it.
    friday = datetime(2026, 11, 27, 20, 0, tzinfo=UTC)
    there = Calendar(ZoneInfo("Pacific/Auckland")).add(friday, Duration.parse("1bd"))
    here = Calendar(UTC_ZONE).add(friday, Duration.parse("1bd"))
    assert there == datetime(2026, 11, 29, 20, 0, tzinfo=UTC)  # Monday 09:00 in Auckland
    assert here == datetime(2026, 11, 30, 20, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("friday", "elapsed"),
    [("2026-03-27 17:00", timedelta(hours=71)), ("2026-10-23 17:00", timedelta(hours=73))],
)
def test_over_a_change_of_the_clocks_business_days_keep_the_wall_time(friday: str, elapsed: timedelta) -> None:
    start = datetime.fromisoformat(friday).replace(tzinfo=BERLIN)
    end = Calendar(BERLIN).add(start, Duration.parse("1bd"))
    assert end.astimezone(BERLIN).strftime("%a %H:%M") == "Mon 17:00"
    assert end - start.astimezone(UTC) == elapsed


def test_over_a_change_of_the_clocks_elapsed_time_is_elapsed_time() -> None:
    assert after("2026-03-28 12:00", "24h", zone="Europe/Berlin") == "2026-03-29 13:00"
    assert after("2026-10-24 12:00", "1d", zone="Europe/Berlin") == "2026-10-25 11:00"


def test_a_time_of_day_that_the_target_day_does_not_have_is_moved_past_the_gap() -> None:
    # In Cairo clocks go forward from 00:00 to 01:00 on a Friday, which is a business day here.
    assert after("2026-04-23 00:30", "1bd", zone="Africa/Cairo") == "2026-04-24 01:30"


def test_elapsed_time_counts_weekends_leap_days_and_year_ends() -> None:
    assert after("2026-12-31 23:00", "2h") == "2027-01-01 01:00"
    assert after("2028-02-28 09:00", "48h") == "2028-03-01 09:00"
    assert after("2026-11-27 09:00", "90d", "2026-11-28") == "2027-02-25 09:00"


def test_nothing_added_is_the_same_instant() -> None:
    start = datetime(2026, 11, 28, 9, 0, 0, 123456, tzinfo=UTC)
    assert Calendar(BERLIN).add(start, Duration.parse("0s")) == start
    assert Calendar(BERLIN).add(start, Duration.parse("0bd")) == start


ZONES = st.sampled_from(
    [ZoneInfo(name) for name in ("UTC", "Europe/Berlin", "America/New_York", "Asia/Kathmandu", "Pacific/Apia")]
)
INSTANTS = st.datetimes(datetime(2020, 1, 1), datetime(2039, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - bounds
HOLIDAYS = st.frozensets(st.dates(date(2020, 1, 1), date(2039, 12, 31)), max_size=20)
NEARBY = st.frozensets(st.integers(0, 40), max_size=15)


@settings(deadline=None)
@given(ZONES, INSTANTS, st.integers(1, 60), NEARBY)
def test_business_days_end_on_one_at_the_same_time_of_day_and_count_right(
    zone: ZoneInfo, start: datetime, days: int, offs: frozenset[int]
) -> None:
    first = start.astimezone(zone)
    holidays = {first.date() + timedelta(days=off) for off in offs}
    calendar = Calendar(zone, holidays)
    end = calendar.add(start, Duration(f"{days}bd", business_days=days)).astimezone(zone)
    assert end.weekday() < 5
    assert end.date() not in holidays
    between = [first.date() + timedelta(days=day) for day in range(1, (end.date() - first.date()).days + 1)]
    assert sum(day.weekday() < 5 and day not in holidays for day in between) == days
    # The changes of these zones' clocks are at night on weekends, so every business day has every time of day.
    assert end.time() == first.time()


@settings(deadline=None)
@given(ZONES, INSTANTS, st.integers(0, 50), st.integers(0, 50), HOLIDAYS)
def test_more_business_days_are_never_sooner(
    zone: ZoneInfo, start: datetime, some: int, more: int, holidays: frozenset[date]
) -> None:
    calendar = Calendar(zone, holidays)
    sooner = calendar.add(start, Duration("", business_days=some))
    later = calendar.add(start, Duration("", business_days=some + more))
    assert start <= sooner <= later


@settings(deadline=None)
@given(INSTANTS, INSTANTS, st.integers(1, 30), NEARBY)
def test_who_comes_first_on_business_days_is_due_first(
    one: datetime, other: datetime, days: int, offs: frozenset[int]
) -> None:
    calendar = Calendar(UTC_ZONE, {one.date() + timedelta(days=off) for off in offs})
    starts = sorted(start for start in (one, other) if calendar.is_business_day(start.date()))
    ends = [calendar.add(start, Duration("", business_days=days)) for start in starts]
    assert ends == sorted(ends)


@settings(deadline=None)
@given(ZONES, INSTANTS, INSTANTS, st.integers(0, 10**8), HOLIDAYS)
def test_elapsed_durations_keep_every_order_and_know_no_zone(
    zone: ZoneInfo, one: datetime, other: datetime, seconds: int, holidays: frozenset[date]
) -> None:
    calendar = Calendar(zone, holidays)
    duration = Duration("", seconds=seconds)
    first, second = sorted([one, other])
    assert calendar.add(first, duration) <= calendar.add(second, duration)
    assert calendar.add(one.astimezone(zone), duration) == one + timedelta(seconds=seconds)


def test_a_day_knows_whether_it_is_a_business_day() -> None:
    calendar = Calendar(UTC_ZONE, {date(2026, 11, 26)})
    week = [date(2026, 11, 23) + timedelta(days=day) for day in range(7)]
    assert [calendar.is_business_day(day) for day in week] == [True, True, True, False, True, False, False]


def test_midnight_is_a_time_of_day_too() -> None:
    midnight = datetime.combine(date(2026, 11, 27), time(0), tzinfo=BERLIN)
    end = Calendar(BERLIN).add(midnight, Duration.parse("1bd"))
    assert end.astimezone(BERLIN).isoformat() == "2026-11-30T00:00:00+01:00"
