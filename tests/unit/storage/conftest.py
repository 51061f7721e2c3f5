"""One database is made per session; every test gets a copy."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.storage.storeroom import Storeroom


@pytest.fixture(scope="session")
def new_room(tmp_path_factory: pytest.TempPathFactory) -> Storeroom:
    room = Storeroom.build(tmp_path_factory.mktemp("room"))
    room.database.close()
    return room


@pytest.fixture
def room(new_room: Storeroom, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Storeroom]:
    made = new_room.copy(tmp_path)
    made.hurry()
    made.control_leases(monkeypatch)
    yield made
    made.database.close()


@pytest.fixture(scope="module")
def shared_room(new_room: Storeroom, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Storeroom]:
    """One room for all examples of a property, which empty it themselves."""
    made = new_room.copy(tmp_path_factory.mktemp("shared"))
    made.hurry()
    yield made
    made.database.close()
