"""One bot for all mails of a module: each has a Message-ID of its own and opens an issue of its own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.openpgp_keys import Lab
from tests.world import World, world

UNLIMITED = '\n[ack]\nper_sender = "0s"\nper_hour = 100000\n\n[hold]\nper_sender = 100000\n'


@pytest.fixture(scope="module")
def bot(short_root: Path, lab: Lab) -> Iterator[World]:
    with world(short_root, lab, extra=UNLIMITED) as made:
        yield made
