"""Mail programs that are not Python's, and not ours: ``./dev clients`` runs these tests, and installs nothing.

They are not among the tests that every machine can run, because each needs a program beyond GnuPG.
"""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.abuse.victim import Victim, victim
from tests.openpgp_keys import Lab


def program(name: str) -> str:
    """Where a program is. Fails if it is missing: whoever asks for these tests wants to know."""
    found = shutil.which(name)
    if found is None:
        pytest.fail(f"{name} is missing. On Debian or Ubuntu: apt-get install {name}")
    return found


@pytest.fixture(scope="module")
def served(lab: Lab) -> Iterator[Victim]:
    """A running bot."""
    directory = Path(tempfile.mkdtemp(prefix="mb-"))
    try:
        with victim(directory, lab, extra='\n[ack]\nper_sender = "0s"\nper_hour = 1000\n') as made:
            yield made
    finally:
        shutil.rmtree(directory, ignore_errors=True)
