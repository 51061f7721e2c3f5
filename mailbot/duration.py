"""Durations as operators write them: ``90s``, ``15m``, ``24h``, ``5d``, ``2w`` and ``5bd`` (business days)."""

import re
from dataclasses import dataclass
from datetime import timedelta

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_WORDS = {"s": "second", "m": "minute", "h": "hour", "d": "day", "w": "week", "bd": "business day"}
_PATTERN = re.compile(r"([0-9]{1,7})(s|m|h|d|w|bd)")

ACCEPTED = '"90s", "15m", "24h", "5d", "2w" or "5bd" (business days)'


@dataclass(frozen=True, slots=True)
class Duration:
    """Either elapsed seconds or a number of business days; never both."""

    text: str
    seconds: int = 0
    business_days: int = 0

    @classmethod
    def parse(cls, text: str) -> "Duration":
        """Read one duration. Raises `ValueError` that says what is accepted."""
        match = _PATTERN.fullmatch(text.strip())
        if match is None:
            raise ValueError(f"a duration such as {ACCEPTED}")
        amount, unit = int(match[1]), match[2]
        if unit == "bd":
            return cls(text.strip(), business_days=amount)
        return cls(text.strip(), seconds=amount * _UNITS[unit])

    @property
    def delta(self) -> timedelta:
        """The elapsed time; only for durations in which business days make no sense."""
        if self.business_days:
            raise ValueError("business days have no fixed length")
        return timedelta(seconds=self.seconds)

    @property
    def words(self) -> str:
        """As people say it: ``24 hours``, ``1 business day``."""
        amount, unit = _PATTERN.fullmatch(self.text).groups()  # type: ignore[union-attr]
        return f"{int(amount)} {_WORDS[unit]}{'' if int(amount) == 1 else 's'}"

    def __str__(self) -> str:
        return self.text
