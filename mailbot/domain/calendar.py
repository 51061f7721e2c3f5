"""Adding durations to instants: elapsed time, or business days that keep the time of day."""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from mailbot.duration import Duration

_SATURDAY = 5


@dataclass(frozen=True, slots=True)
class Calendar:
    """Where the group lives: weekends are Saturday and Sunday in its time zone, holidays are dates there."""

    timezone: ZoneInfo
    holidays: Collection[date] = field(default=())

    def is_business_day(self, day: date) -> bool:
        return day.weekday() < _SATURDAY and day not in self.holidays

    def add(self, start: datetime, duration: Duration) -> datetime:
        """`start` plus `duration`, as aware UTC.

        Elapsed durations count seconds. Business days keep the wall-clock time of day in the group's zone and skip
        weekends and holidays: one business day after Friday 17:00 is Monday 17:00.
        """
        if not duration.business_days:
            return start.astimezone(UTC) + duration.delta
        local = start.astimezone(self.timezone)
        day = local.date()
        left = duration.business_days
        while left:
            day += timedelta(days=1)
            left -= self.is_business_day(day)
        return datetime.combine(day, local.time(), tzinfo=self.timezone).astimezone(UTC)
