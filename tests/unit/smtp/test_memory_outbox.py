"""The tests' own outbox keeps the contract too, or tests on it would prove nothing."""

from datetime import datetime

import pytest

from tests.unit.smtp.memory_outbox import MemoryOutbox
from tests.unit.smtp.outbox_contract import NOW, OutboxBench, OutboxContract, SeenRow


class MemoryBench:
    def __init__(self) -> None:
        self._seconds = 0.0
        self._bodies: dict[bytes, bytes] = {}
        self.outbox = MemoryOutbox(lambda: self._seconds)

    def add(
        self,
        *,
        recipient: str = "bob@example.net",
        sender: str = "v@example.org",
        headers: bytes = b"",
        body: bytes = b"",
        member_id: str | None = None,
        next_at: datetime = NOW,
    ) -> int:
        return self.outbox.add(
            recipient,
            self._bodies.setdefault(body, body),
            sender=sender,
            headers=headers,
            member_id=member_id,
            created_at=NOW,
            next_at=next_at,
        )

    def row(self, number: int) -> SeenRow:
        row = self.outbox.rows[number]
        return SeenRow(row.state, row.attempts, row.next_at, row.last_error)

    def pass_time(self, seconds: float) -> None:
        self._seconds += seconds


class TestMemoryOutbox(OutboxContract):
    @pytest.fixture
    def bench(self) -> OutboxBench:
        return MemoryBench()
