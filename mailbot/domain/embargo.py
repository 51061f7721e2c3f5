"""Embargoes: reading the date that a member names, and when the members have agreed to lift one."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from mailbot.duration import Duration

ACCEPTED = "2026-12-24 (12:00 UTC), 2026-12-24T15:00Z, +14d (from now) or none"
NOON = 12
"""A bare date means 12:00 UTC: it is that date nearly everywhere on Earth."""
LONGEST = timedelta(days=3650)
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_DATE_TIME = re.compile(r"\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}(:\d{2})?")
_ZONE = re.compile(r"(Z|[+-]\d{2}:\d{2})$", re.IGNORECASE)
_FRIDAY = 4
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def read_end(text: str, now: datetime) -> datetime | None:
    """When an embargo is to end, as aware UTC; None for ``none``. Raises `ValueError` whose text says what is wrong
    and what is accepted."""
    word = text.strip()
    if word.lower() == "none":
        return None
    end = _read(word, now)
    if end <= now:
        raise ValueError(f'"{word}" is past: the end of an embargo lies ahead; write {ACCEPTED}')
    if end - now > LONGEST:
        raise ValueError(f'"{word}" is more than ten years away; write {ACCEPTED}')
    return end


def _read(word: str, now: datetime) -> datetime:
    if word.startswith("+"):
        try:
            duration = Duration.parse(word[1:])
            if duration.business_days:
                raise ValueError
            return now.astimezone(UTC) + duration.delta
        except (ValueError, OverflowError):
            raise ValueError(f'"{word}" is no time from now; write {ACCEPTED}') from None
    zone = _ZONE.search(word)
    bare = word[: zone.start()] if zone and not _DATE.fullmatch(word) else word
    if _DATE_TIME.fullmatch(bare) and zone is None:
        raise ValueError(f'"{word}" has a time without a zone; write {word.replace(" ", "T")}Z if you mean UTC')
    try:
        if _DATE.fullmatch(word):
            return datetime.fromisoformat(word).replace(hour=NOON, tzinfo=UTC)
        if zone is not None and _DATE_TIME.fullmatch(bare):
            return datetime.fromisoformat(bare + zone[0].upper().replace("Z", "+00:00")).astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError(f'"{word}" is no date of the calendar; write {ACCEPTED}') from None
    raise ValueError(f'"{word}" is no date; write {ACCEPTED}')


def weekend(end: datetime) -> str:
    """A warning if few people are at work when the embargo ends; "" from Monday to Thursday."""
    day = end.astimezone(UTC).weekday()
    return f"that is a {_DAYS[day]}: few people can update then" if day >= _FRIDAY else ""


@dataclass(frozen=True, slots=True)
class Lift:
    """A proposal to lift an embargo, and where the members stand."""

    agreed: tuple[str, ...]
    """Those who agree, the proposer first."""
    objected: tuple[str, ...]
    quorum: int

    @property
    def done(self) -> bool:
        return len(self.agreed) >= self.quorum and not self.objected

    @property
    def words(self) -> str:
        """As people read it: ``2 of 3 agree (alice, bob); carol objects``."""
        text = f"{len(self.agreed)} of {self.quorum} agree"
        if self.agreed:
            text += f" ({', '.join(self.agreed)})"
        if self.objected:
            text += f"; {', '.join(self.objected)} object{'s' if len(self.objected) == 1 else ''}"
        return text


AGREE, OBJECT = "agree", "object"


def lift(stances: Mapping[str, str], members: Collection[str], quorum: int) -> Lift:
    """Where a proposal stands. `stances` are each member's last word (`AGREE` or `OBJECT`), in the order in which they
    first spoke; of those who are no members any more none counts."""
    present = {member: stance for member, stance in stances.items() if member in members}
    return Lift(
        agreed=tuple(member for member, stance in present.items() if stance == AGREE),
        objected=tuple(member for member, stance in present.items() if stance == OBJECT),
        quorum=quorum,
    )
