"""Who is asked to coordinate next: the members on call take turns, and who is away is left out."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Away:
    """A time in which a member takes nothing on; `ends_at` does not belong to it."""

    member: str
    begins_at: datetime
    ends_at: datetime

    def covers(self, moment: datetime) -> bool:
        return self.begins_at <= moment < self.ends_at


def away_at(periods: Collection[Away], moment: datetime) -> frozenset[str]:
    """Who is away at `moment`."""
    return frozenset(period.member for period in periods if period.covers(moment))


def next_member(
    oncall: Sequence[str], away: Collection[str], asked: Collection[str], last: Mapping[str, int]
) -> str | None:
    """The member on call who is there, was not asked in this round, and whose last turn is longest ago; of those who
    never had one, the first in the config. None when the round is over.

    `last` holds the number of each member's last turn, on whatever issue: turns are counted through, since several may
    be given at one moment.
    """
    free = [member for member in oncall if member not in away and member not in asked]
    never = [member for member in free if member not in last]
    if never:
        return never[0]
    return min(free, key=lambda member: (last[member], oncall.index(member)), default=None)
