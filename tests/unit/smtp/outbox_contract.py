"""What every implementation of `mailbot.service.outgoing.Outbox` keeps to.

A test module runs it on an implementation by subclassing `OutboxContract` under a name that begins with ``Test`` and
giving a fixture ``bench`` that returns an `OutboxBench` around an empty outbox.
"""

import threading
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol

from mailbot.service.outgoing import LEASE_SECONDS, LONGEST_WAIT, Outbox, Outcome, OutgoingMail, Result

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
PLENTY = 10_000_000


@dataclass(frozen=True)
class SeenRow:
    """What the suite looks at in a row."""

    state: str
    attempts: int
    next_at: datetime
    last_error: str
    """"" where there is none."""


class OutboxBench(Protocol):
    @property
    def outbox(self) -> Outbox: ...

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
        """Insert a waiting row made at `NOW`; returns its id. Rows with equal bodies of 1,000 bytes and more share
        one stored body."""
        ...

    def row(self, number: int) -> SeenRow: ...

    def pass_time(self, seconds: float) -> None:
        """Move the clock that leases run on."""
        ...


def sent(mail: OutgoingMail) -> Result:
    return Result(mail, Outcome.SENT, mail.attempts + 1, 250, "")


def deferred(mail: OutgoingMail, next_at: datetime, text: str = "RCPT TO: 450 later") -> Result:
    return Result(mail, Outcome.DEFERRED, mail.attempts + 1, 450, text, next_at)


def ids(mails: list[OutgoingMail]) -> list[int]:
    return [mail.id for mail in mails]


class OutboxContract:
    def test_a_claim_hands_out_the_row_as_it_was_stored(self, bench: OutboxBench) -> None:
        headers, body = b"Message-ID: <1@example.org>\r\n\r\n", bytes(range(256)) * 8
        number = bench.add(
            recipient="j\u00f6rg@example.net",
            sender="security+bounce.x@example.org",
            headers=headers,
            body=body,
            member_id="bob",
        )
        (mail,) = bench.outbox.claim(10, PLENTY, NOW)
        assert (mail.id, mail.sender, mail.recipient) == (
            number,
            "security+bounce.x@example.org",
            "j\u00f6rg@example.net",
        )
        assert (mail.headers, mail.body) == (headers, body)
        assert (mail.member_id, mail.attempts, mail.created_at) == ("bob", 0, NOW)

    def test_claims_go_in_the_order_of_ids_up_to_the_limit(self, bench: OutboxBench) -> None:
        numbers = [bench.add() for _ in range(5)]
        assert ids(bench.outbox.claim(3, PLENTY, NOW)) == numbers[:3]
        assert ids(bench.outbox.claim(3, PLENTY, NOW)) == numbers[3:]
        assert bench.outbox.claim(3, PLENTY, NOW) == []

    def test_a_row_is_not_claimed_before_it_is_due(self, bench: OutboxBench) -> None:
        number = bench.add(next_at=NOW + timedelta(seconds=1))
        assert bench.outbox.claim(10, PLENTY, NOW) == []
        assert ids(bench.outbox.claim(10, PLENTY, NOW + timedelta(seconds=1))) == [number]

    def test_a48_a_row_planned_before_the_clock_was_set_back_does_not_wait_for_it(self, bench: OutboxBench) -> None:
        soon = bench.add(next_at=NOW + LONGEST_WAIT)
        planned = bench.add(next_at=NOW + timedelta(days=365))
        assert ids(bench.outbox.claim(10, PLENTY, NOW)) == [planned]
        assert ids(bench.outbox.claim(10, PLENTY, NOW + LONGEST_WAIT)) == [soon]

    def test_a_claim_stops_before_its_bodies_grow_too_large_but_takes_the_first_in_any_case(
        self, bench: OutboxBench
    ) -> None:
        numbers = [bench.add(body=bytes([65 + n]) * 1000) for n in range(4)]
        assert ids(bench.outbox.claim(10, 2500, NOW)) == numbers[:2]
        assert ids(bench.outbox.claim(10, 500, NOW)) == numbers[2:3]

    def test_a_body_that_several_rows_share_counts_once_and_is_one_object(self, bench: OutboxBench) -> None:
        body = b"shared ciphertext\r\n" * 100
        numbers = [bench.add(recipient=f"m{n}@example.net", body=body) for n in range(5)]
        mails = bench.outbox.claim(10, 2500, NOW)
        assert ids(mails) == numbers
        assert all(mail.body is mails[0].body for mail in mails)

    def test_a_claimed_row_is_nobody_elses_until_its_lease_has_run_out(self, bench: OutboxBench) -> None:
        number = bench.add()
        (first,) = bench.outbox.claim(10, PLENTY, NOW)
        bench.pass_time(LEASE_SECONDS - 1)
        assert bench.outbox.claim(10, PLENTY, NOW) == []
        bench.pass_time(2)
        (second,) = bench.outbox.claim(10, PLENTY, NOW)
        assert second.id == number
        assert second.token > first.token

    def test_a_jump_of_the_wall_clock_frees_no_claim(self, bench: OutboxBench) -> None:
        bench.add()
        assert len(bench.outbox.claim(10, PLENTY, NOW)) == 1
        assert bench.outbox.claim(10, PLENTY, NOW + timedelta(days=365)) == []

    def test_a_renewed_lease_lasts_its_full_time_again(self, bench: OutboxBench) -> None:
        bench.add()
        (mail,) = bench.outbox.claim(10, PLENTY, NOW)
        bench.pass_time(LEASE_SECONDS - 1)
        assert bench.outbox.renew([mail]) == frozenset()
        bench.pass_time(LEASE_SECONDS - 1)
        assert bench.outbox.claim(10, PLENTY, NOW) == []

    def test_a_lost_claim_is_named_by_the_renewal_and_the_others_are_renewed(self, bench: OutboxBench) -> None:
        bench.add()
        (lost,) = bench.outbox.claim(10, PLENTY, NOW)
        bench.pass_time(LEASE_SECONDS + 1)
        bench.add()
        (again,) = bench.outbox.claim(1, PLENTY, NOW)
        (kept,) = bench.outbox.claim(1, PLENTY, NOW)
        bench.pass_time(LEASE_SECONDS - 1)
        assert bench.outbox.renew([lost, kept]) == {lost.id}
        bench.pass_time(2)
        assert ids(bench.outbox.claim(10, PLENTY, NOW)) == [again.id]

    def test_a_finished_claim_cannot_be_renewed(self, bench: OutboxBench) -> None:
        bench.add()
        (mail,) = bench.outbox.claim(10, PLENTY, NOW)
        bench.outbox.finish([sent(mail)], NOW)
        assert bench.outbox.renew([mail]) == {mail.id}

    def test_sent_failed_and_cancelled_rows_are_never_claimed_again(self, bench: OutboxBench) -> None:
        for _ in range(3):
            bench.add()
        one, two, three = bench.outbox.claim(10, PLENTY, NOW)
        bench.outbox.finish(
            [
                sent(one),
                Result(two, Outcome.FAILED, 1, 550, "RCPT TO: 550 no"),
                Result(three, Outcome.CANCELLED, 0, None, "no member any more"),
            ],
            NOW,
        )
        assert bench.row(one.id).state == "sent"
        assert (bench.row(two.id).state, bench.row(two.id).last_error) == ("failed", "RCPT TO: 550 no")
        assert (bench.row(three.id).state, bench.row(three.id).attempts) == ("cancelled", 0)
        bench.pass_time(LEASE_SECONDS + 1)
        assert bench.outbox.claim(10, PLENTY, NOW + timedelta(days=9)) == []

    def test_a_deferred_row_waits_until_its_time_with_its_attempt_and_reason(self, bench: OutboxBench) -> None:
        number = bench.add()
        (mail,) = bench.outbox.claim(10, PLENTY, NOW)
        later = NOW + timedelta(seconds=55)
        bench.outbox.finish([deferred(mail, later)], NOW)
        assert bench.row(number) == SeenRow("waiting", 1, later, "RCPT TO: 450 later")
        assert bench.outbox.claim(10, PLENTY, later - timedelta(seconds=1)) == []
        (again,) = bench.outbox.claim(10, PLENTY, later)
        assert again.attempts == 1
        bench.outbox.finish([sent(again)], later)
        assert (bench.row(number).state, bench.row(number).last_error) == ("sent", "")

    def test_a_postponed_row_is_free_at_once_and_keeps_its_attempts_and_last_reason(self, bench: OutboxBench) -> None:
        number = bench.add()
        (mail,) = bench.outbox.claim(10, PLENTY, NOW)
        bench.outbox.finish([deferred(mail, NOW)], NOW)
        (mail,) = bench.outbox.claim(10, PLENTY, NOW)
        bench.outbox.finish([Result(mail, Outcome.POSTPONED, mail.attempts, None, None, NOW)], NOW)
        assert bench.row(number) == SeenRow("waiting", 1, NOW, "RCPT TO: 450 later")
        assert ids(bench.outbox.claim(10, PLENTY, NOW)) == [number]

    def test_a_result_of_a_lost_claim_is_ignored_and_the_others_count(self, bench: OutboxBench) -> None:
        bench.add()
        (lost,) = bench.outbox.claim(10, PLENTY, NOW)
        bench.pass_time(LEASE_SECONDS + 1)
        (again,) = bench.outbox.claim(10, PLENTY, NOW)
        bench.add()
        (other,) = bench.outbox.claim(10, PLENTY, NOW)
        bench.outbox.finish([Result(lost, Outcome.FAILED, 1, 550, "no"), sent(other)], NOW)
        assert bench.row(lost.id).state == "waiting"
        assert bench.row(other.id).state == "sent"
        bench.outbox.finish([sent(again)], NOW)
        assert bench.row(again.id).state == "sent"

    def test_a_result_counts_after_the_lease_ran_out_if_nobody_took_the_row(self, bench: OutboxBench) -> None:
        number = bench.add()
        (mail,) = bench.outbox.claim(10, PLENTY, NOW)
        bench.pass_time(LEASE_SECONDS + 1)
        bench.outbox.finish([sent(mail)], NOW)
        assert bench.row(number).state == "sent"

    def test_only_the_first_result_of_a_claim_counts(self, bench: OutboxBench) -> None:
        number = bench.add()
        (mail,) = bench.outbox.claim(10, PLENTY, NOW)
        bench.outbox.finish([sent(mail), Result(mail, Outcome.POSTPONED, 0, None, "cut off", NOW)], NOW)
        bench.outbox.finish([sent(mail)], NOW)
        assert (bench.row(number).state, bench.row(number).attempts) == ("sent", 1)

    def test_claims_made_side_by_side_never_share_a_row(self, bench: OutboxBench) -> None:
        numbers = [bench.add() for _ in range(40)]
        claimed: list[int] = []
        start = threading.Barrier(4)

        def take() -> None:
            start.wait()
            while mails := bench.outbox.claim(3, PLENTY, NOW):
                claimed.extend(ids(mails))

        threads = [threading.Thread(target=take) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(claimed) == numbers
