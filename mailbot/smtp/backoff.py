"""When to try again: one mail (`retry_at`), and the smarthost as a whole (`Outage`). Pure; the time comes in."""

import hashlib
from datetime import datetime, timedelta

from mailbot.service.outgoing import LONGEST_WAIT

STEPS = (*(timedelta(minutes=minutes) for minutes in (1, 5, 15, 30, 60, 120)), LONGEST_WAIT)
"""Waiting time after the 1st, 2nd ... attempt; the last one repeats. RFC 5321 4.5.4.1 asks for 30 minutes and more in
the long run; the short first steps are for greylisting and restarts."""
_JITTER = 0.2
"""A mail waits up to this part less than its step, so that what failed together does not come back together."""

LEAST_TRIES = 3
"""What a mail gets even if its time is over before it was first tried: after a long outage, or when the clock was set
forward, one "try again later" must not be the end of it."""
_ON_TIME = timedelta(minutes=1)
"""How late after the deadline a try still counts as the planned last one."""

FIRST_PAUSE = 1.0
LONGEST_PAUSE = 45.0
"""Seconds. Below a minute with room for the probe itself: mail flows within a minute after the smarthost is back."""


def retry_at(mail_id: int, attempts: int, now: datetime, deadline: datetime) -> datetime | None:
    """When to try a mail again after its `attempts`-th attempt failed at `now`; None if it is to be given up.

    The last planned try is at the deadline itself. The jitter depends on the row and the attempt only, so that a
    repeat after a crash gives the same plan.
    """
    overdue = now >= deadline
    if overdue and (attempts >= LEAST_TRIES or now - deadline <= _ON_TIME):
        return None
    step = STEPS[min(max(attempts, 1), len(STEPS)) - 1]
    digest = hashlib.blake2b(f"{mail_id}:{attempts}".encode(), digest_size=4).digest()
    share = int.from_bytes(digest, "big") / 2**32
    planned = now + step * (1 - _JITTER * share)
    return planned if overdue else min(planned, deadline)


class Outage:
    """The smarthost answers nobody: everything pauses, 1 s at first, doubling up to `longest`, until a mail gets an
    answer. Times are seconds of a monotonic clock."""

    def __init__(self, first: float = FIRST_PAUSE, longest: float = LONGEST_PAUSE) -> None:
        self._first = first
        self._longest = longest
        self._failures = 0
        self._since = float("-inf")
        self._until = float("-inf")

    @property
    def doubtful(self) -> bool:
        """Trouble was seen and nothing has succeeded since: one probe at a time is enough."""
        return self._failures > 0

    def remaining(self, at: float) -> float:
        """Seconds until the next probe; 0 or less if it may start."""
        return self._until - at

    def failed(self, started: float, at: float) -> float | None:
        """An attempt that began at `started` met trouble at `at`. Returns the new pause in seconds, or None if the
        trouble is already counted: attempts that ran side by side tell of one outage."""
        if started < self._since:
            return None
        pause = min(self._longest, self._first * 2.0**self._failures)
        self._failures = min(self._failures + 1, 32)
        self._since = at
        self._until = at + pause
        return pause

    def answered(self) -> None:
        """The smarthost judged a mail, for good or ill: it is back."""
        self._failures = 0
        self._until = float("-inf")
