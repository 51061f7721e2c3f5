"""Members' keys as rows, with a revision that moves whenever one of them does."""

from datetime import timedelta

import pytest

from mailbot.storage import keys
from mailbot.storage.tables import public_key, setting
from tests.unit.storage.storeroom import NOW, Storeroom


def test_without_keys_the_revision_is_nought(room: Storeroom) -> None:
    assert room.worker().keys() == (0, [])


def test_every_change_moves_the_revision_and_is_seen_by_others(room: Storeroom) -> None:
    store = room.worker()
    revisions = []
    for fingerprint, armor in (("B", "b1"), ("A", "a1"), ("B", "b2"), ("B", "b2")):
        with room.database.write() as connection:
            keys.put(connection, fingerprint, armor, NOW)
        revisions.append(store.keys()[0])
    assert revisions == [1, 2, 3, 4]
    assert store.keys()[1] == ["a1", "b2"]
    assert len(room.rows(setting)) == 1


def test_a_key_is_found_by_its_fingerprint(room: Storeroom) -> None:
    with room.database.write() as connection:
        keys.put(connection, "A", "armor", NOW)
        assert (keys.get(connection, "A"), keys.get(connection, "B")) == ("armor", None)


def test_a_replaced_key_keeps_the_time_since_when_it_is_known(room: Storeroom) -> None:
    with room.database.write() as connection:
        keys.put(connection, "A", "old", NOW)
        keys.put(connection, "A", "new", NOW + timedelta(days=9))
    (row,) = room.rows(public_key)
    assert (row.armor, row.since) == ("new", NOW)


def test_a_change_that_fails_moves_nothing(room: Storeroom) -> None:
    def fail_halfway() -> None:
        with room.database.write() as connection:
            keys.put(connection, "A", "armor", NOW)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail_halfway()
    assert room.worker().keys() == (0, [])
