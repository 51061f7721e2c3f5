"""A bot with one issue, EX-1, reported in clear by Rita."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.openpgp_keys import Lab
from tests.world import World, mail, world


@pytest.fixture
def bot(short_path: Path, lab: Lab) -> Iterator[World]:
    with world(short_path, lab) as made:
        made.receive(mail(subject="Crash"), "rita@out.example")
        made.sent.clear()
        yield made
