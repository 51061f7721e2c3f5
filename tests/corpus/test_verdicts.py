"""What the whole bot makes of the third-party sample mails: none is lost, none stops it, and the table says which gets
which verdict. The samples are read where they are (see `test_corpus`); the table knows them by name only.
"""

import re
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mailbot.openpgp.keys import scan
from mailbot.openpgp.process import stop_agent
from mailbot.storage import keys
from tests.corpus.test_corpus import CORPUS, MADE_HERE, SAMPLES
from tests.openpgp_keys import Home, Lab
from tests.shapes.checks import MEMBERS, enclosed, nothing_gets_out
from tests.shapes.conftest import UNLIMITED
from tests.world import Sent, World, world

# Disposition, and how the card's line "Arrived" begins. "ALICE" is the corpus' own signer.
CLEAR, SEALED = "in clear; not signed", "encrypted to us; not signed"
TABLE: dict[str, tuple[str, str]] = {}


@dataclass(frozen=True, slots=True)
class Fate:
    """What became of one sample."""

    raw: bytes
    disposition: str
    sent: list[Sent]

    @property
    def arrived(self) -> str:
        relay = next((one for one in self.sent if one.member_id == "alice"), None)
        text = re.sub(r"\n\|   ", " ", relay.text) if relay else ""
        return next((line.removeprefix("| Arrived: ") for line in text.split("\n") if line.startswith("| Arrived")), "")


def furnish(bot: World) -> None:
    """The samples' recipients' secret keys go into the group's home, their senders' public keys into the database."""
    home = Home(bot.installation.directory / "g")
    for path in (*CORPUS.glob("mailman-pgp/keys/*.priv.asc"), *CORPUS.glob("protected-headers/*.sec.asc")):
        home.gpg("--import", data=path.read_bytes(), fail=True)
    with bot.store.database.write() as connection:
        for path in CORPUS.glob("protected-headers/*.pub.asc"):
            for info in scan(path.read_bytes()):
                keys.put(connection, info.fingerprint, path.read_text(), datetime.now(UTC))


@pytest.fixture(scope="module")
def corpus_bot(lab: Lab) -> Iterator[World]:
    directory = Path(tempfile.mkdtemp(prefix="mb-"))
    try:
        with world(directory, lab, extra=UNLIMITED, more_members="", own_home=True) as bot:
            furnish(bot)
            yield bot
    finally:
        stop_agent(directory / "g")
        shutil.rmtree(directory, ignore_errors=True)


def samples(folder: str) -> dict[str, bytes]:
    if folder == "made here":
        return dict(MADE_HERE)
    return {name: path.read_bytes() for name, path in SAMPLES.items() if name.startswith(folder)}


FOLDERS = [
    "made here",
    *(folder for folder in ("mailman-pgp", "mime-malformed", "protected-headers") if samples(folder)),
]


@pytest.mark.parametrize("folder", FOLDERS)
def test_none_is_lost_and_each_gets_its_verdict(corpus_bot: World, folder: str) -> None:
    bot = corpus_bot
    fates = {}
    for number, (name, data) in enumerate(samples(folder).items()):
        # As it comes over SMTP; the listener takes neither a bare CR or LF nor a NUL.
        raw = re.sub(rb"\r\n|\r|\n", b"\r\n", data).replace(b"\0", b"")
        sent = bot.receive(raw, f"{folder.replace(' ', '-')}-{number}@corpus.example")
        fates[name] = Fate(raw, bot.dispositions()[-1], sent)
    for name, fate in fates.items():
        whole(fate, name)
    assert {name: (fate.disposition, fate.arrived) for name, fate in fates.items() if name in TABLE} == {
        name: TABLE[name] for name in fates if name in TABLE
    }
    with bot.store.database.read() as connection:
        assert connection.exec_driver_sql("SELECT max(failures) FROM inbox").scalar() == 0


def whole(fate: Fate, name: str) -> None:
    """Every sample opens an issue (or is a second copy of one that did), and members have it byte for byte."""
    assert fate.disposition in ("report", "unreadable", "automatic", "duplicate"), name
    if fate.disposition == "duplicate":
        return
    assert {one.member_id for one in fate.sent} >= set(MEMBERS), name
    assert enclosed(fate.sent)["original.eml"] == fate.raw, name
    nothing_gets_out(fate.sent)


def test_the_table_names_samples_that_exist() -> None:
    assert not SAMPLES or set(TABLE) <= set(SAMPLES)
