"""Adding durations to instants: elapsed time, or business days that keep the time of day."""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
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

    def postpone(self, moment: datetime, since: datetime, until: datetime, *, business: bool) -> datetime:
        """`moment` after a pause from `since` to `until`: what was left at `since` is left at `until`, as aware UTC.

        Elapsed time moves by the length of the pause. In business days, as many of them are left as before, and the
        same difference between the times of day; what falls on no business day falls on the next one.
        """
        if not business:
            return moment.astimezone(UTC) + (until - since)
        here, there = since.astimezone(self.timezone), moment.astimezone(self.timezone)
        days = self._business_days(here.date(), there.date())
        resumed = until.astimezone(self.timezone)
        day = resumed.date()
        left = datetime.combine(day, there.time()) - datetime.combine(day, here.time())
        for _ in range(days):
            day = self._next_business_day(day)
        naive = datetime.combine(day, resumed.time()) + left
        while not self.is_business_day(naive.date()):
            naive += timedelta(days=1)
        return naive.replace(tzinfo=self.timezone).astimezone(UTC)

    def daily(self, hour: int, after: datetime) -> datetime:
        """The next time that it is `hour` o'clock in the group's zone, later than `after`; as aware UTC."""
        day = after.astimezone(self.timezone).date()
        while True:
            moment = datetime.combine(day, time(hour), tzinfo=self.timezone).astimezone(UTC)
            if moment > after:
                return moment
            day += timedelta(days=1)

    def _business_days(self, first: date, last: date) -> int:
        """How many business days lie after `first`, up to and with `last`."""
        return sum(self.is_business_day(first + timedelta(days=n)) for n in range(1, (last - first).days + 1))

    def _next_business_day(self, day: date) -> date:
        day += timedelta(days=1)
        while not self.is_business_day(day):
            day += timedelta(days=1)
        return day
