"""Adding durations to instants: elapsed time, or business days that keep the time of day."""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from mailbot.duration import Duration

_SATURDAY = 5
_DAY = timedelta(days=1)


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

        Elapsed time moves by the length of the pause. In business days only the hours of those count, of the pause and
        of what was left; so a pause over a weekend moves nothing.
        """
        if not business:
            return moment.astimezone(UTC) + (until - since)
        first = since.astimezone(self.timezone).date()
        left = self._business_time(first, moment) - self._business_time(first, since)
        total = self._business_time(first, until) + left
        day = first
        while not self.is_business_day(day) or total >= _DAY:
            total -= _DAY if self.is_business_day(day) else timedelta(0)
            day += _DAY
        return (datetime.combine(day, time()) + total).replace(tzinfo=self.timezone).astimezone(UTC)

    def daily(self, hour: int, after: datetime) -> datetime:
        """The next time that it is `hour` o'clock in the group's zone, later than `after`; as aware UTC."""
        day = after.astimezone(self.timezone).date()
        while True:
            moment = datetime.combine(day, time(hour), tzinfo=self.timezone).astimezone(UTC)
            if moment > after:
                return moment
            day += timedelta(days=1)

    def _business_time(self, first: date, moment: datetime) -> timedelta:
        """The hours of business days from the beginning of `first` to `moment`, each day counted as 24."""
        local = moment.astimezone(self.timezone)
        whole = sum(self.is_business_day(first + timedelta(days=n)) for n in range((local.date() - first).days))
        begun = datetime.combine(first, local.time()) - datetime.combine(first, time())
        return whole * _DAY + (begun if self.is_business_day(local.date()) else timedelta(0))
