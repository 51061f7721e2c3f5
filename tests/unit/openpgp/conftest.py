import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from mailbot.openpgp.gpg import Gpg
from mailbot.openpgp.process import stop_agent
from tests.openpgp_keys import Home, Lab

CORPUS = Path(os.environ.get("MAILBOT_CORPUS", Path(__file__).parents[4] / "shared" / "corpus")) / "mailman-pgp"
# Sample mail of others, which is tested where it lies and never copied.
collect_ignore = [] if CORPUS.is_dir() else ["test_corpus.py"]


@pytest.fixture
def gpg(lab: Lab, tmp_path: Path) -> Iterator[Gpg]:
    """The bot's OpenPGP, which knows Alice and Bob, and everybody's key that is no good."""
    made = Gpg(lab.group.path, lab.group_key, tmp_path / "scratch", limit=1_000_000)
    names = ["alice", "bob", "revoked", "expired", "sub-key-expired", "sub-key-revoked"]
    made.load(1, [lab.people.public(name) for name in names])
    yield made
    made.close()


@pytest.fixture
def home(short_path: Path) -> Iterator[Home]:
    """An empty GnuPG home whose agent is stopped at the end."""
    yield Home.create(short_path)
    stop_agent(short_path)
