"""The outbox in memory: the twin of the database's, for tests of delivery."""

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from mailbot.service.outgoing import LEASE_SECONDS, LONGEST_WAIT, Outcome, OutgoingMail, Result

START = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
_STATES = {
    Outcome.SENT: "sent",
    Outcome.FAILED: "failed",
    Outcome.TOO_LARGE: "failed",
    Outcome.CANCELLED: "cancelled",
    Outcome.DEFERRED: "waiting",
    Outcome.POSTPONED: "waiting",
}


@dataclass
class Row:
    id: int
    sender: str
    recipient: str
    headers: bytes
    body: bytes
    member_id: str | None
    created_at: datetime
    next_at: datetime
    state: str = "waiting"
    attempts: int = 0
    last_error: str = ""
    token: int = 0
    lease_until: float | None = None


class MemoryOutbox:
    """Thread-safe, as the real one. `failure`, if set, is raised by every call."""

    def __init__(self, lease_clock: Callable[[], float] = time.monotonic) -> None:
        self.rows: dict[int, Row] = {}
        self.failure: Exception | None = None
        self.transactions: list[list[Result]] = []
        """What each `finish` got."""
        self.renewals = 0
        self._lease_clock = lease_clock
        self._changed = threading.Condition()

    def add(
        self,
        recipient: str = "bob@example.net",
        body: bytes = b"hello\r\n",
        *,
        sender: str = "security+bounce.abc@example.org",
        headers: bytes = b"Message-ID: <1@example.org>\r\nSubject: x\r\n\r\n",
        member_id: str | None = None,
        created_at: datetime = START,
        next_at: datetime | None = None,
    ) -> int:
        """A waiting row. Returns its id."""
        with self._changed:
            row = Row(
                len(self.rows) + 1, sender, recipient, headers, body, member_id, created_at, next_at or created_at
            )
            self.rows[row.id] = row
            return row.id

    def claim(self, limit: int, max_bytes: int, now: datetime) -> list[OutgoingMail]:
        with self._changed:
            self._raise_failure()
            taken: list[OutgoingMail] = []
            bodies: dict[int, int] = {}
            for row in self.rows.values():
                if len(taken) == limit:
                    break
                due = row.next_at <= now or row.next_at > now + LONGEST_WAIT
                if row.state != "waiting" or not due or self._leased(row):
                    continue
                new = id(row.body) not in bodies
                if taken and new and sum(bodies.values()) + len(row.body) > max_bytes:
                    break
                bodies[id(row.body)] = len(row.body)
                row.token += 1
                row.lease_until = self._lease_clock() + LEASE_SECONDS
                taken.append(_mail(row))
            return taken

    def finish(self, results: Sequence[Result], now: datetime) -> None:
        with self._changed:
            self._raise_failure()
            self.transactions.append(list(results))
            for result in results:
                row = self.rows[result.mail.id]
                if row.token != result.mail.token or row.lease_until is None:
                    continue
                row.state = _STATES[result.outcome]
                row.attempts = result.attempts
                if result.text is not None:
                    row.last_error = result.text
                row.next_at = result.next_at or row.next_at
                row.lease_until = None
            self._changed.notify_all()

    def renew(self, mails: Sequence[OutgoingMail]) -> frozenset[int]:
        with self._changed:
            self._raise_failure()
            self.renewals += 1
            lost = set()
            for mail in mails:
                row = self.rows[mail.id]
                if row.token == mail.token and row.lease_until is not None:
                    row.lease_until = self._lease_clock() + LEASE_SECONDS
                else:
                    lost.add(mail.id)
            self._changed.notify_all()
            return frozenset(lost)

    def wait_until(self, condition: Callable[[], bool], seconds: float = 20.0) -> None:
        """Block until a result or a renewal makes the condition true."""
        with self._changed:
            assert self._changed.wait_for(condition, seconds), self.rows

    def states(self, ids: Iterable[int] | None = None) -> list[str]:
        return [self.rows[number].state for number in (ids or self.rows)]

    def claimed(self) -> list[int]:
        return [row.id for row in self.rows.values() if self._leased(row)]

    def _leased(self, row: Row) -> bool:
        return row.lease_until is not None and row.lease_until > self._lease_clock()

    def _raise_failure(self) -> None:
        if self.failure is not None:
            raise self.failure


def _mail(row: Row) -> OutgoingMail:
    return OutgoingMail(
        id=row.id,
        token=row.token,
        sender=row.sender,
        recipient=row.recipient,
        headers=row.headers,
        body=row.body,
        member_id=row.member_id,
        attempts=row.attempts,
        created_at=row.created_at,
    )
