"""Claims on any queue: what is in hand stays so, what is dropped becomes free, and a late result changes nothing."""

import subprocess
import sys
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import update

from mailbot.errors import ClaimLost
from mailbot.service.store import ClaimedMail, ClaimedNotice, Draft
from mailbot.storage.leases import LEASE_SECONDS, RENEW_SECONDS, Owner
from mailbot.storage.outbox import SqlOutbox
from mailbot.storage.store import Store
from mailbot.storage.tables import notice, outbox
from tests.unit.storage.storeroom import NOW, Storeroom, claimed_notice

Claim = Callable[..., ClaimedMail | ClaimedNotice | None]


def mail(store: Store, now: datetime = NOW) -> ClaimedMail | None:
    return store.claim_mail(now)


def one_notice(store: Store, now: datetime = NOW) -> ClaimedNotice | None:
    return store.claim_notice(now)


QUEUES = pytest.mark.parametrize("claim", [mail, one_notice], ids=["mail", "notice"])


@pytest.fixture
def filled(room: Storeroom) -> Storeroom:
    """A mail and a notice wait."""
    room.accept()
    room.index()
    room.notify("report", room.open_issue(), {"text": "secret"})
    return room


def draft(seq: int = 0, recipient: str = "alice@members.example", body: tuple[bytes, ...] = (b"body",)) -> Draft:
    return Draft(
        seq, "report", recipient, "alice", "v@example.org", b"To: x\r\n\r\n", f"<{seq}@example.org>", body, True
    )


# Leases


@QUEUES
def test_what_is_claimed_is_nobody_elses_until_its_lease_is_over(filled: Storeroom, claim: Claim) -> None:
    first = claim(filled.worker("one"))
    assert first is not None
    filled.pass_time(LEASE_SECONDS - 1)
    assert claim(filled.worker("other")) is None
    filled.pass_time(2)
    again = claim(filled.worker("other"))
    assert again is not None
    assert (again.id, again.token) == (first.id, first.token + 1)


@QUEUES
def test_what_is_in_hand_keeps_its_lease_and_what_was_dropped_does_not(filled: Storeroom, claim: Claim) -> None:
    store = filled.worker("one")
    first = claim(store)
    assert first is not None
    with store.holding(first):
        for _ in range(20):
            filled.pass_time(RENEW_SECONDS)
            store.renew()
        assert claim(filled.worker("other")) is None
    for _ in range(int(LEASE_SECONDS / RENEW_SECONDS) + 1):
        filled.pass_time(RENEW_SECONDS)
        store.renew()
    assert claim(filled.worker("other")) is not None


@QUEUES
def test_a_renewal_does_not_take_back_what_somebody_else_took_over(filled: Storeroom, claim: Claim) -> None:
    slow, quick = filled.worker("slow"), filled.worker("quick")
    lost = claim(slow)
    assert lost is not None
    with slow.holding(lost):
        filled.pass_time(LEASE_SECONDS + 1)
        assert claim(quick) is not None
        filled.pass_time(LEASE_SECONDS - 1)
        slow.renew()
        filled.pass_time(2)
        assert claim(filled.worker("third")) is not None


def test_with_nothing_in_hand_a_renewal_writes_nothing(filled: Storeroom) -> None:
    commits = filled.commits()
    filled.worker().renew()
    assert commits == []


@QUEUES
def test_a48_a_jump_of_the_wall_clock_frees_no_claim(filled: Storeroom, claim: Claim) -> None:
    store = filled.worker()
    assert claim(store) is not None
    for jump in (timedelta(days=365), timedelta(days=-365)):
        assert claim(store, NOW + jump) is None


# The dead


def dead_owner() -> Owner:
    """A process of this machine that has ended."""
    done = subprocess.run(
        [sys.executable, "-c", "from mailbot.storage.leases import Owner; print(Owner.current().name)"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return Owner(done.stdout.strip())


def test_what_a_dead_process_had_claimed_is_free_at_once_on_every_queue(filled: Storeroom) -> None:
    store, dead = filled.worker(), dead_owner()
    store._owner = dead
    assert mail(store) is not None
    taken = one_notice(store)
    assert taken is not None
    store.finish_notice(taken, [draft()], NOW)
    out = SqlOutbox(filled.database, filled.vault)
    out._owner = dead
    assert len(out.claim(10, 1000, NOW)) == 1
    filled.notify()
    assert one_notice(store) is not None
    living = filled.worker("living")
    assert (mail(living), one_notice(living)) == (None, None)
    assert living.free_dead() == 3
    assert mail(living) is not None
    assert one_notice(living) is not None
    assert len(SqlOutbox(filled.database, filled.vault).claim(10, 1000, NOW)) == 1


def test_the_living_lose_nothing_when_the_dead_are_freed(filled: Storeroom) -> None:
    here, elsewhere = filled.worker(), filled.worker("in a container")
    here._owner = Owner.current()
    assert mail(here) is not None
    assert one_notice(elsewhere) is not None
    assert filled.worker().free_dead() == 0
    assert (mail(elsewhere), one_notice(here)) == (None, None)


# Notices


def test_a_notice_is_claimed_in_order_with_what_was_queued(room: Storeroom) -> None:
    number = room.open_issue()
    room.notify("report", number, {"text": "zymurgic"})
    room.notify("key", None, {"to": "rita@out.example"})
    store = room.worker()
    first, second = claimed_notice(store), claimed_notice(store)
    assert (first.event, first.issue, first.params, first.created_at) == ("report", number, {"text": "zymurgic"}, NOW)
    assert (second.event, second.issue, second.params) == ("key", None, {"to": "rita@out.example"})
    assert store.claim_notice(NOW) is None
    assert b"zymurgic" not in b"".join(row.sealed for row in room.rows(notice))


def test_a_notice_that_failed_waits_and_the_others_do_not(room: Storeroom) -> None:
    for _ in range(2):
        room.notify()
    store = room.worker()
    store.notice_failed(claimed_notice(store), NOW, timedelta(minutes=1), own=True)
    store.notice_failed(claimed_notice(store), NOW, timedelta(seconds=1), own=False)
    assert store.claim_notice(NOW) is None
    again = claimed_notice(store, NOW + timedelta(seconds=1))
    assert (again.id, again.failures) == (2, 0)
    assert claimed_notice(store, NOW + timedelta(minutes=1)).failures == 1


def test_a_finished_notice_has_its_mails_in_the_outbox_and_is_never_claimed_again(room: Storeroom) -> None:
    number = room.open_issue()
    room.notify("report", number)
    store = room.worker()
    claim = claimed_notice(store)
    shared = (b"shared ciphertext " * 100,)
    store.finish_notice(
        claim, [draft(0, body=shared), draft(1, "bob@members.example", shared), draft(2, "x@y.example")], NOW
    )
    assert [(row.seq, row.state, row.issue_id) for row in room.rows(outbox)] == [
        (seq, "waiting", number) for seq in range(3)
    ]
    first, second, third = (row.blob_id for row in room.rows(outbox))
    assert first == second != third
    room.pass_time(LEASE_SECONDS + 1)
    assert store.claim_notice(NOW) is None
    with pytest.raises(ClaimLost):
        store.finish_notice(claim, [draft()], NOW)
    assert len(room.rows(outbox)) == 3


def test_mails_of_a_notice_whose_claim_was_lost_are_not_written(room: Storeroom) -> None:
    room.notify("report", room.open_issue())
    slow, quick = room.worker("slow"), room.worker("quick")
    lost = claimed_notice(slow)
    room.pass_time(LEASE_SECONDS + 1)
    taken = claimed_notice(quick)
    before = room.everything()
    with pytest.raises(ClaimLost):
        slow.finish_notice(lost, [draft()], NOW)
    with pytest.raises(ClaimLost):
        slow.notice_failed(lost, NOW, timedelta(0), own=True)
    assert room.everything() == before
    quick.finish_notice(taken, [draft()], NOW)
    assert len(room.rows(outbox)) == 1


def test_a_notice_for_nobody_is_done_all_the_same(room: Storeroom) -> None:
    room.notify()
    store = room.worker()
    store.finish_notice(claimed_notice(store), [], NOW)
    assert [row.state for row in room.rows(notice)] == ["done"]


def test_what_is_sent_byte_for_byte_is_what_was_composed(room: Storeroom) -> None:
    room.notify("report", room.open_issue())
    store = room.worker()
    headers = b"Subject: caf\xc3\xa9 \xff\r\n\r\n"
    pieces = (bytes(range(256)), b"", b"and more")
    odd = Draft(0, "report", "alice@members.example", "alice", "v@example.org", headers, "<0@x>", pieces, True)
    store.finish_notice(claimed_notice(store), [odd], NOW)
    (sent,) = SqlOutbox(room.database, room.vault).claim(1, 1000, NOW)
    assert (sent.headers, sent.body) == (headers, b"".join(pieces))
    assert (sent.recipient, sent.sender) == (odd.recipient, odd.sender)


# Operators


def test_retry_makes_waiting_failed_and_bounced_mails_due_and_leaves_the_others(room: Storeroom) -> None:
    room.notify("report", room.open_issue())
    store = room.worker()
    states = ("waiting", "failed", "bounced", "sent", "cancelled")
    store.finish_notice(claimed_notice(store), [draft(seq) for seq in range(len(states))], NOW)
    with room.database.write() as connection:
        for number, state in enumerate(states, 1):
            values: dict[str, Any] = {"state": state, "not_before": NOW + timedelta(hours=1), "finished_at": NOW}
            connection.execute(update(outbox).where(outbox.c.id == number).values(**values))
    assert sorted(store.retry([1, 2, 3, 4, 5, 99])) == [1, 2, 3]
    assert [row.state for row in room.rows(outbox)] == ["waiting"] * 3 + ["sent", "cancelled"]
    assert len(SqlOutbox(room.database, room.vault).claim(10, 1000, NOW)) == 3


def test_the_same_bytes_have_the_same_digest_however_they_are_cut(room: Storeroom) -> None:
    store = room.worker()
    assert store.digest([b"ab", b"c"]) == store.digest([memoryview(b"abc")]) != store.digest([b"abd"])
