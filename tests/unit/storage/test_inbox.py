"""The order in which mails are handled: threads and senders in order, all else side by side, and a flood last."""

import threading
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import delete

from mailbot.domain.issue import Disposition
from mailbot.errors import ClaimLost
from mailbot.mail.envelope import Envelope
from mailbot.service.outgoing import LONGEST_WAIT
from mailbot.service.store import ClaimedMail, MailKeys, NewIssue
from mailbot.storage.leases import LEASE_SECONDS
from mailbot.storage.store import Store
from mailbot.storage.tables import audit, inbox, inbox_hash, issue
from tests.unit.storage.storeroom import NOW, RITA, Storeroom, claimed, keys

SAM = "sam@out.example"


def finish(store: Store, claim: ClaimedMail, disposition: Disposition = Disposition.OWN, quarantine: str = "") -> None:
    with store.decide(claim) as unit:
        unit.finish(disposition, None, NOW, digest=b"%d" % claim.id, quarantine=quarantine)


def handled(room: Storeroom) -> list[int]:
    """Every mail that can be handled, in the order in which one worker takes them."""
    store, order = room.worker(), []
    while claim := store.claim_mail(NOW):
        order.append(claim.id)
        finish(store, claim)
    return order


def side_by_side(room: Storeroom) -> list[int]:
    """What several workers can take at once while nobody finishes anything."""
    store, taken = room.worker(), []
    while claim := store.claim_mail(NOW):
        taken.append(claim.id)
    return taken


# The first pass


def test_a_mail_is_not_claimed_before_the_first_pass_has_seen_it(room: Storeroom) -> None:
    number = room.accept()
    assert room.worker().claim_mail(NOW) is None
    assert room.index() == 1
    assert claimed(room.worker()).id == number


def test_the_first_pass_sees_each_mail_once_in_order_of_arrival_and_within_its_limit(room: Storeroom) -> None:
    numbers = [room.accept(words=f"w{number}") for number in range(5)]
    seen: list[str] = []

    def noting(envelope: Envelope, head: bytes) -> MailKeys:
        seen.append(head.decode())
        return keys(envelope, head)

    passes = [room.worker().index_mails(noting, limit=2) for _ in range(4)]
    assert passes == [2, 2, 1, 0]
    assert seen == ["w0", "w1", "w2", "w3", "w4"]
    assert [row.id for row in room.rows(inbox) if row.turn is not None] == numbers


def test_two_first_passes_at_once_leave_one_set_of_hashes(room: Storeroom) -> None:
    room.accept(words="a b")

    def while_another_is_faster(envelope: Envelope, head: bytes) -> MailKeys:
        room.worker("other").index_mails(keys)
        return keys(envelope, head)

    before_hashes = len(room.rows(inbox_hash))
    room.worker().index_mails(while_another_is_faster)
    assert len(room.rows(inbox_hash)) - before_hashes == 3
    assert [row.turn for row in room.rows(inbox)] == [1]


def test_nothing_of_a_mail_can_be_read_beside_its_row(room: Storeroom) -> None:
    room.accept(RITA, "<1@out.example>")
    room.index()
    assert "out.example" not in str(room.rows(inbox)) + str(room.rows(inbox_hash))


def test_a_mail_waits_until_everything_before_it_was_seen(room: Storeroom) -> None:
    """An older mail that nobody has looked at yet might belong to its thread."""
    room.accept()
    later = room.accept(SAM)
    room.index()
    with room.database.write() as connection:
        connection.execute(inbox.update().where(inbox.c.id == 1).values(turn=None))
        connection.execute(delete(inbox_hash).where(inbox_hash.c.inbox_id == 1))
    assert room.worker().claim_mail(NOW) is None
    room.index()
    assert later in side_by_side(room)


# Order


def test_one_senders_mails_are_handled_one_after_the_other_in_order(room: Storeroom) -> None:
    first, second = room.accept(RITA), room.accept(RITA.upper())
    room.index()
    store = room.worker()
    claim = claimed(store)
    assert (claim.id, store.claim_mail(NOW)) == (first, None)
    finish(store, claim)
    assert claimed(store).id == second


def test_one_threads_mails_are_handled_in_order_whoever_wrote_them(room: Storeroom) -> None:
    first, second, third = (
        room.accept(RITA, "<1>"),
        room.accept(SAM, "<2> <1>"),
        room.accept("kim@out.example", "<3> <2>"),
    )
    room.index()
    assert side_by_side(room) == [first]
    with room.database.write() as connection:
        connection.execute(inbox.update().values(claim_owner=None, claim_until=None))
    assert handled(room) == [first, second, third]


def test_what_shares_nothing_is_handled_side_by_side(room: Storeroom) -> None:
    numbers = [room.accept(f"s{number}@out.example", f"<{number}>") for number in range(4)]
    room.index()
    assert side_by_side(room) == numbers


def test_a_sender_and_a_word_that_look_alike_are_two_things(room: Storeroom) -> None:
    numbers = [room.accept(RITA), room.accept(SAM, RITA)]
    room.index()
    assert side_by_side(room) == numbers


def test_a_quarantined_mail_releases_its_thread(room: Storeroom) -> None:
    _, second = room.accept(), room.accept()
    room.index()
    store = room.worker()
    finish(store, claimed(store), Disposition.UNREADABLE, quarantine="handling it failed three times")
    assert claimed(store).id == second
    assert [row.state for row in room.rows(inbox)] == ["quarantined", "new"]


def test_a_mail_that_waits_for_its_next_try_still_holds_up_its_thread_and_nothing_else(room: Storeroom) -> None:
    room.accept(RITA)
    room.accept(RITA)
    other = room.accept(SAM)
    room.index()
    store = room.worker()
    store.mail_failed(claimed(store), NOW, timedelta(seconds=5))
    assert side_by_side(room) == [other]


# Fairness


def test_a_flood_from_one_sender_waits_behind_everybody_else(room: Storeroom) -> None:
    flood = [room.accept("flood@evil.example") for _ in range(30)]
    room.index()
    others = [room.accept(f"s{number}@out.example") for number in range(5)]
    room.index()
    order = handled(room)
    assert order[0] == flood[0]
    assert set(order[:6]) == {flood[0], *others}
    assert order[6:] == flood[1:]


def test_two_floods_take_turns(room: Storeroom) -> None:
    ones = [room.accept(RITA) for _ in range(6)]
    others = [room.accept(SAM) for _ in range(6)]
    room.index()
    assert handled(room) == [number for pair in zip(ones, others, strict=True) for number in pair]


def test_who_comes_late_into_a_long_queue_is_not_put_before_those_whose_turn_it_is(room: Storeroom) -> None:
    for _ in range(5):
        room.accept(RITA)
    room.accept(SAM)
    room.index()
    store = room.worker()
    for _ in range(4):
        finish(store, claimed(store))
    late = room.accept("kim@out.example")
    room.index()
    # Rita's fourth is next in turn, as she waited; the newcomer comes with it, not before everything.
    assert handled(room) == [4, late, 5]


@settings(max_examples=25)
@given(st.lists(st.sampled_from("abcd"), min_size=1, max_size=14))
def test_nobodys_second_mail_comes_before_anybodys_first_and_so_on(shared_room: Storeroom, senders: list[str]) -> None:
    _empty(shared_room)
    numbers = {shared_room.accept(f"{sender}@out.example"): sender for sender in senders}
    shared_room.index()
    order = handled(shared_room)
    assert sorted(order) == sorted(numbers)
    names = [numbers[number] for number in order]
    ordinals = [names[:place].count(name) for place, name in enumerate(names)]
    assert ordinals == sorted(ordinals), names
    for sender in set(senders):
        own = [number for number in order if numbers[number] == sender]
        assert own == sorted(own)


def _empty(room: Storeroom) -> None:
    with room.database.write() as connection:
        for table in (inbox_hash, inbox):
            connection.execute(delete(table))


# Retries


def test_a_failure_of_its_own_is_counted_and_comes_again_after_its_pause(room: Storeroom) -> None:
    room.accept()
    room.index()
    store = room.worker()
    store.mail_failed(claimed(store), NOW, timedelta(seconds=5))
    assert store.claim_mail(NOW + timedelta(seconds=4)) is None
    again = claimed(store, NOW + timedelta(seconds=5))
    assert again.failures == 1
    store.mail_failed(again, NOW, timedelta(0))
    assert claimed(store).failures == 2


def test_trouble_from_outside_is_no_failure_of_the_mail(room: Storeroom) -> None:
    room.accept()
    room.index()
    store = room.worker()
    store.release_mail(claimed(store), NOW, timedelta(seconds=10))
    assert store.claim_mail(NOW + timedelta(seconds=9)) is None
    assert claimed(store, NOW + timedelta(seconds=10)).failures == 0
    assert room.rows(inbox)[0].attempts == 2


def test_a48_a_try_planned_before_the_clock_was_set_back_does_not_wait_for_it(room: Storeroom) -> None:
    room.accept()
    room.index()
    store = room.worker()
    a_year_ahead = NOW + timedelta(days=365)
    store.mail_failed(claimed(store, a_year_ahead), a_year_ahead, timedelta(seconds=5))
    assert store.claim_mail(NOW) is not None


def test_a48_a_wait_within_bounds_is_waited_for(room: Storeroom) -> None:
    room.accept()
    room.index()
    store = room.worker()
    store.mail_failed(claimed(store), NOW, LONGEST_WAIT)
    assert store.claim_mail(NOW) is None


# Claims


def test_a_claim_brings_the_mail_as_it_came(room: Storeroom) -> None:
    number = room.accept(RITA, "some words")
    room.index()
    claim = claimed(room.worker())
    assert (claim.id, claim.raw, claim.failures) == (number, b"some words", 0)
    assert claim.envelope == Envelope(RITA, ("security@example.org",), NOW)


def test_two_workers_never_take_the_same_mail(room: Storeroom) -> None:
    numbers = [room.accept(f"s{number}@out.example") for number in range(40)]
    room.index()
    taken: list[int] = []
    start = threading.Barrier(4)

    def take(name: str) -> None:
        store = room.worker(name)
        start.wait()
        while claim := store.claim_mail(NOW):
            taken.append(claim.id)
            finish(store, claim)

    threads = [threading.Thread(target=take, args=(str(number),)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(taken) == numbers


def test_what_a_worker_that_lost_its_claim_decides_changes_nothing(room: Storeroom) -> None:
    room.accept()
    room.index()
    slow, quick = room.worker("slow"), room.worker("quick")
    lost = claimed(slow)
    room.pass_time(LEASE_SECONDS + 1)
    taken = claimed(quick)
    assert taken.token > lost.token
    before = room.everything()

    def decide_late() -> None:
        with slow.decide(lost) as unit:
            number = unit.open_issue(_report())
            unit.notify("report", number, {}, NOW, original=True)
            unit.audit(number, "reporter", "opened", NOW)
            unit.finish(Disposition.REPORT, number, NOW)

    with pytest.raises(ClaimLost):
        decide_late()
    for give_back in (slow.mail_failed, slow.release_mail):
        with pytest.raises(ClaimLost):
            give_back(lost, NOW, timedelta(0))
    assert room.everything() == before
    finish(quick, taken)
    with pytest.raises(ClaimLost):
        decide_late()
    assert room.rows(issue) == room.rows(audit) == []
    assert room.rows(inbox)[0].state == "done"


def _report() -> NewIssue:
    return NewIssue("A title", RITA, "Rita", False, NOW)


def test_a_decision_is_not_made_twice_by_the_same_claim(room: Storeroom) -> None:
    room.accept()
    room.index()
    store = room.worker()
    claim = claimed(store)
    finish(store, claim)
    with pytest.raises(ClaimLost):
        finish(store, claim)


def test_a_decision_that_fails_halfway_leaves_the_mail_claimed_and_nothing_else(room: Storeroom) -> None:
    room.accept()
    room.index()
    store = room.worker()
    claim = claimed(store)
    before = room.everything()

    def fail_halfway() -> None:
        with store.decide(claim) as unit:
            unit.finish(Disposition.REPORT, unit.open_issue(_report()), NOW)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail_halfway()
    assert room.everything() == before
    finish(store, claim)


def test_a_finished_mail_leaves_no_hash_behind_but_its_digest(room: Storeroom) -> None:
    room.accept(words="a b c")
    room.index()
    store = room.worker()
    finish(store, claimed(store))
    assert room.rows(inbox_hash) == []
    (row,) = room.rows(inbox)
    assert (row.state, row.disposition, row.digest, row.claim_owner, row.finished_at) == (
        "done",
        "own",
        b"1",
        None,
        NOW,
    )


def test_claiming_does_not_look_at_what_is_finished(room: Storeroom) -> None:
    """10,000 finished rows: the query plan says that the waiting ones are found by an index."""
    with room.database.read() as connection:
        plan = connection.exec_driver_sql(
            "EXPLAIN QUERY PLAN SELECT * FROM inbox WHERE state = 'new' AND turn IS NOT NULL ORDER BY turn, id LIMIT 1"
        ).all()
    assert any("ix_inbox_waiting" in row[3] for row in plan)
    assert not any("SCAN inbox" in row[3] for row in plan)
