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

# Disposition, and the card's line "Arrived". MAILMAN and ALICE are the samples' own signers.
CLEAR, SEALED = "in clear; not signed", "encrypted to us; not signed"
CLOSED = "encrypted, but to no key of ours: we cannot open it"
MAILMAN = "D4A94886B1CA2096A6458E5C47F10C087884B758"
ALICE = "EB85BB5FA33A75E15E944E63F231550C4F47E38E"
TABLE: dict[str, tuple[str, str]] = {
    "mailman-pgp/messages/clear.eml": ("report", CLEAR),
    "mailman-pgp/messages/clear_multipart.eml": ("report", CLEAR),
    "mailman-pgp/messages/inline_cleartext_signed.eml": (
        "report",
        f"in clear; good signature by the key ({MAILMAN}), over the text only, not over the mail",
    ),
    "mailman-pgp/messages/inline_cleartext_signed_invalid.eml": (
        "report",
        "in clear; BAD SIGNATURE: the text was changed, or it is forged",
    ),
    "mailman-pgp/messages/inline_encrypted.eml": ("report", SEALED),
    "mailman-pgp/messages/inline_encrypted_multipart.eml": (
        "report",
        "in clear, with an encrypted part that we opened; not signed",
    ),
    "mailman-pgp/messages/inline_privkey.eml": ("report", CLEAR),
    "mailman-pgp/messages/inline_privkey_invalid.eml": ("report", CLEAR),
    "mailman-pgp/messages/inline_pubkey.eml": ("report", CLEAR),
    "mailman-pgp/messages/inline_pubkey_invalid.eml": ("report", CLEAR),
    "mailman-pgp/messages/inline_revoc.eml": ("report", CLEAR),
    "mailman-pgp/messages/inline_revoc_multipart.eml": ("report", CLEAR),
    "mailman-pgp/messages/inline_signed.eml": (
        "report",
        f"in clear; good signature by the key ({MAILMAN}), over the text only, not over the mail",
    ),
    "mailman-pgp/messages/inline_signed_corrupted.eml": ("unreadable", "encrypted, but broken: we cannot open it"),
    "mailman-pgp/messages/inline_signed_multipart.eml": ("report", CLEAR),
    "mailman-pgp/messages/mime_encrypted.eml": ("report", SEALED),
    "mailman-pgp/messages/mime_encrypted_signed.eml": ("report", f"encrypted to us; good signature by {MAILMAN}"),
    "mailman-pgp/messages/mime_multisig.eml": ("report", "in clear; signed more than once, so no signature counts"),
    "mailman-pgp/messages/mime_multisig_invalid.eml": (
        "report",
        "in clear; signed more than once, so no signature counts",
    ),
    "mailman-pgp/messages/mime_privkey.eml": ("report", CLEAR),
    "mailman-pgp/messages/mime_privkey_invalid.eml": ("report", CLEAR),
    "mailman-pgp/messages/mime_pubkey.eml": ("report", CLEAR),
    "mailman-pgp/messages/mime_pubkey_invalid.eml": ("report", CLEAR),
    "mailman-pgp/messages/mime_revoc.eml": ("report", CLEAR),
    "mailman-pgp/messages/mime_signed.eml": ("report", f"in clear; good signature by {MAILMAN}"),
    "mailman-pgp/messages/mime_signed_invalid.eml": (
        "report",
        "in clear; BAD SIGNATURE: the text was changed, or it is forged",
    ),
    "mailman-pgp/messages/mime_signed_then_encrypted.eml": ("report", f"encrypted to us; good signature by {MAILMAN}"),
    "mime-malformed/resources/eml/malformed/011.eml": ("duplicate", ""),
    "mime-malformed/resources/eml/malformed/015.eml": ("report", "in clear; signature could not be checked"),
    "protected-headers/pgpmime-enc+legacy-disp.eml": ("report", SEALED),
    "protected-headers/pgpmime-enc+legacy-disp.inner": ("report", CLEAR),
    "protected-headers/pgpmime-layered+legacy-disp.eml": ("report", f"encrypted to us; good signature by {ALICE}"),
    "protected-headers/pgpmime-layered+legacy-disp.inner": ("report", f"in clear; good signature by {ALICE}"),
    "protected-headers/pgpmime-layered.eml": ("report", f"encrypted to us; good signature by {ALICE}"),
    "protected-headers/pgpmime-layered.inner": ("report", f"in clear; good signature by {ALICE}"),
    "protected-headers/pgpmime-sign+enc+legacy-disp.eml": ("report", f"encrypted to us; good signature by {ALICE}"),
    "protected-headers/pgpmime-sign+enc+legacy-disp.inner": ("report", CLEAR),
    "protected-headers/pgpmime-sign+enc.eml": ("report", f"encrypted to us; good signature by {ALICE}"),
    "protected-headers/pgpmime-sign+enc.inner": ("report", CLEAR),
    "protected-headers/pgpmime-signed.eml": ("report", f"in clear; good signature by {ALICE}"),
    "protected-headers/smime-enc+legacy-disp.eml": ("unreadable", CLOSED),
    "protected-headers/smime-enc+legacy-disp.inner": ("report", CLEAR),
    "protected-headers/smime-multipart-signed.eml": ("report", CLEAR),
    "protected-headers/smime-onepart-signed.eml": ("unreadable", CLEAR),
    "protected-headers/smime-onepart-signed.inner": ("report", CLEAR),
    "protected-headers/smime-sign+enc+legacy-disp.eml": ("unreadable", CLOSED),
    "protected-headers/smime-sign+enc+legacy-disp.inner": ("unreadable", CLEAR),
    "protected-headers/smime-sign+enc+legacy-disp.inner.inner": ("report", CLEAR),
    "protected-headers/smime-sign+enc.eml": ("unreadable", CLOSED),
    "protected-headers/smime-sign+enc.inner": ("unreadable", CLEAR),
    "protected-headers/smime-sign+enc.inner.inner": ("report", CLEAR),
    "protected-headers/unfortunately-complex.eml": ("report", f"encrypted to us; good signature by {ALICE}"),
    "protected-headers/unfortunately-complex.inner": ("report", f"in clear; good signature by {ALICE}"),
}


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
        in_detail(fate, name)
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
    # Some bring a key, and are answered with mail that only its owner can read.
    nothing_gets_out([one for one in fate.sent if one.member_id or not one.encrypted])


SECRET_KEYS = ("mailman-pgp/messages/inline_privkey.eml", "mailman-pgp/messages/mime_privkey.eml")
TITLES = ("BarCorp contract signed, let's go!", "The FooCorp contract")


def in_detail(fate: Fate, name: str) -> None:
    """What else is known of some: a secret key that was sent by mistake, and the subject inside an encryption."""
    relay = next((one for one in fate.sent if one.member_id == "alice"), None)
    assert ("IT BRINGS A SECRET KEY" in (relay.words if relay else "")) is (name in SECRET_KEYS), name
    if relay and name.startswith("protected-headers/pgpmime-") and name.endswith(".eml"):
        assert str(relay.inside["Subject"]).endswith(TITLES), name
        assert not re.search(r"(?m)^Subject:", relay.text), name


def test_the_table_names_samples_that_exist() -> None:
    assert not SAMPLES or set(TABLE) <= set(SAMPLES)
