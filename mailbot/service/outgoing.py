"""The outgoing queue as delivery sees it: finished mails come out, what became of each goes back in.

A row is one mail to one recipient. Its life: ``waiting`` (due at `next_at`) -> claimed -> ``sent``, ``failed``,
``cancelled``, or ``waiting`` again. A claim is a fencing token and a lease of `LEASE_SECONDS` on a clock that no
change of the wall clock moves; a row whose lease ran out is free for everybody, and what its former owner still says
about it is ignored. Nothing is lost when a process dies at any point: the row becomes free and the same bytes, with
the same Message-ID, go out again.

`smtp.delivery` uses it, `storage` implements it, and one contract suite runs on that and on the tests' twin.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

LEASE_SECONDS = 30.0
"""What a dead process had claimed is taken over within this time."""
RENEW_SECONDS = 5.0
"""Several renewals may fail (a slow disk, a busy database) before a lease is lost."""
LONGEST_WAIT = timedelta(hours=4)
"""No row waits longer for its next attempt; one that seems to was planned before the clock was set back."""


@dataclass(frozen=True, slots=True)
class OutgoingMail:
    """One claimed row. The mail on the wire is exactly ``headers + body``."""

    id: int
    token: int
    """Fencing token of this claim: higher than that of any earlier claim of the row."""
    sender: str
    """Envelope sender (VERP); "" is the null reverse-path."""
    recipient: str
    headers: bytes
    """The header block with the empty line that ends it, CRLF line ends."""
    body: bytes
    """CRLF line ends. Mails of one claim that share a body share this object."""
    member_id: str | None
    """The member it is for; None for everybody else."""
    attempts: int
    """How often the smarthost has judged it so far."""
    created_at: datetime

    @property
    def size(self) -> int:
        """Bytes as RFC 1870 counts them: before dot-stuffing, without the end-of-data mark."""
        return len(self.headers) + len(self.body)


class Outcome(StrEnum):
    SENT = "sent"
    DEFERRED = "deferred"
    """A temporary failure of this mail: it counts as an attempt, and the mail waits until `next_at`."""
    POSTPONED = "postponed"
    """Not tried, or the smarthost itself is in trouble: no attempt of this mail; it waits until `next_at`."""
    FAILED = "failed"
    TOO_LARGE = "too-large"
    """Failed for good because of its size: the same without the original mail in it may go through."""
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one claim. Everything the row needs is here, so that the store computes nothing."""

    mail: OutgoingMail
    outcome: Outcome
    attempts: int
    """The row's new number of attempts."""
    code: int | None = None
    """The smarthost's reply code, if it gave one."""
    text: str | None = None
    """The row's new `last_error`, one line; "" clears it, None leaves it. It may quote the smarthost, so it is sealed
    and never logged."""
    next_at: datetime | None = None
    """Set for DEFERRED and POSTPONED only."""


class Outbox(Protocol):
    """Synchronous; each call is one short transaction, made in a thread, and calls of several threads overlap. Any
    error it raises is taken as temporary: the call is repeated later."""

    def claim(self, limit: int, max_bytes: int, now: datetime) -> list[OutgoingMail]:
        """Take waiting rows that are due and that nobody holds, lowest id first. Due is ``next_at <= now``, and also
        ``next_at > now + LONGEST_WAIT``.

        Stops after `limit` rows, or before the row whose body would bring the distinct bodies above `max_bytes`; the
        first row is taken whatever its size, and so are those that share its body.
        """
        ...

    def finish(self, results: Sequence[Result], now: datetime) -> None:
        """Record all results in one transaction and end their claims.

        Only the first result of a claim counts, and only while no later claim was made of the row (its lease may have
        run out); any other is ignored and does not disturb the rest. So the same results twice are the same as once.
        """
        ...

    def renew(self, mails: Sequence[OutgoingMail]) -> frozenset[int]:
        """Start the leases of these claims anew. Returns the ids of those that were lost to somebody else."""
        ...
