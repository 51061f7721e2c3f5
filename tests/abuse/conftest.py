"""One running bot for all tests of a module: they use addresses of their own."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.abuse.victim import Victim, victim
from tests.openpgp_keys import Lab


@pytest.fixture(scope="module")
def abused(lab: Lab) -> Iterator[Victim]:
    # A path that is short enough for gpg-agent's sockets; `short_path` lives for one test only.
    directory = Path(tempfile.mkdtemp(prefix="mb-"))
    try:
        with victim(directory, lab) as made:
            yield made
    finally:
        shutil.rmtree(directory, ignore_errors=True)
