"""One scheduler at a time: who holds the lease keeps it, and who is gone is replaced."""

import threading

import pytest

from mailbot.storage.leadership import Leadership
from mailbot.storage.leases import LEASE_SECONDS, Owner
from mailbot.storage.tables import lease
from tests.unit.storage.storeroom import Storeroom
from tests.unit.storage.test_claims import dead_owner


def candidate(room: Storeroom, owner: str | Owner, name: str = "scheduler") -> Leadership:
    """As another process would have it; a plain name is one in another container, of which nobody knows."""
    made = Leadership(room.database, name)
    boot = Owner.current().name.split("/")[0]
    made._owner = owner if isinstance(owner, Owner) else Owner(f"{boot}/elsewhere:{owner}:1")
    return made


def test_the_first_who_comes_holds_it_and_the_second_does_not(room: Storeroom) -> None:
    one, two = candidate(room, "1"), candidate(room, "2")
    assert [one.hold(), two.hold(), one.hold(), two.hold()] == [True, False, True, False]


def test_who_renews_keeps_it_for_ever(room: Storeroom) -> None:
    one, two = candidate(room, "1"), candidate(room, "2")
    for _ in range(10):
        assert one.hold()
        room.pass_time(LEASE_SECONDS - 1)
        assert not two.hold()


def test_who_hangs_is_replaced_after_the_lease_and_knows_it_when_it_wakes(room: Storeroom) -> None:
    one, two = candidate(room, "1"), candidate(room, "2")
    assert one.hold()
    room.pass_time(LEASE_SECONDS + 1)
    assert two.hold()
    assert not one.hold()


def test_who_is_dead_is_replaced_at_once(room: Storeroom) -> None:
    assert candidate(room, dead_owner()).hold()
    assert candidate(room, "2").hold()


def test_who_leaves_makes_room_at_once_but_only_for_itself(room: Storeroom) -> None:
    one, two = candidate(room, "1"), candidate(room, "2")
    assert one.hold()
    two.release()
    assert not two.hold()
    one.release()
    assert two.hold()
    one.release()
    assert not one.hold()


def test_leases_of_different_names_have_nothing_to_do_with_each_other(room: Storeroom) -> None:
    assert candidate(room, "1", "scheduler").hold()
    assert candidate(room, "2", "something else").hold()
    assert not candidate(room, "2", "scheduler").hold()


def test_every_change_of_hands_has_a_higher_token(room: Storeroom) -> None:
    tokens = []
    for owner in ("1", "2", "3"):
        assert candidate(room, owner).hold()
        tokens.append(room.rows(lease)[0].claim_token)
        room.pass_time(LEASE_SECONDS + 1)
    assert tokens == sorted(set(tokens))


@pytest.mark.parametrize("held_before", [False, True], ids=["nobody had it", "its holder hangs"])
def test_of_many_who_come_at_once_one_gets_it(room: Storeroom, held_before: bool) -> None:
    if held_before:
        assert candidate(room, "0").hold()
        room.pass_time(LEASE_SECONDS + 1)
    got: list[bool] = []
    start = threading.Barrier(5)

    def come(owner: str) -> None:
        leadership = candidate(room, owner)
        start.wait()
        got.append(leadership.hold())

    threads = [threading.Thread(target=come, args=(str(number),)) for number in range(1, 6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(got) == [False] * 4 + [True]
