"""What `ports.OpenPGP` promises, asked of gpg and of its in-memory twin alike."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mailbot.openpgp.gpg import Gpg
from mailbot.service.ports import Opened, OpenPGP, UnusableKeys, Verdict
from tests.openpgp_keys import LATER, Home, Lab
from tests.twins import FakeOpenPGP, fake_fingerprint, fake_key

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass
class World:
    """The thing under test, and what people outside do."""

    openpgp: OpenPGP
    group: str
    fingerprint: Callable[[str], str]
    public: Callable[[str], str]
    message: Callable[[bytes, list[str], str], bytes]
    """A text, encrypted to fingerprints and signed by a name (or "")."""
    signature: Callable[[bytes, str], bytes]
    open: Callable[[str, bytes], bytes | None]
    """What a person gets out of a ciphertext; None if they cannot open it."""


def _gpg_world(lab: Lab, path: Path) -> Iterator[World]:
    openpgp = Gpg(lab.group.path, lab.group_key, path / "scratch")
    yield World(
        openpgp,
        lab.group_key,
        lab.fingerprint,
        lab.people.public,
        lambda text, to, by: lab.people.encrypt(text, to, by=by, at=LATER),
        lambda data, by: lab.people.sign(by, data, at=LATER),
        lambda name, ciphertext: _open(lab.people, name, ciphertext),
    )
    openpgp.close()


def _open(people: Home, name: str, ciphertext: bytes) -> bytes | None:
    """Everybody shares one home here, so look whether the ciphertext names this person's key."""
    packets = people.gpg("--list-packets", data=ciphertext, fail=True).decode(errors="replace")
    return people.gpg("--decrypt", data=ciphertext) if people.key_ids(name)["sub"] in packets else None


def _twin_world() -> Iterator[World]:
    twin = FakeOpenPGP(now=NOW)
    yield World(
        twin,
        twin.own,
        fake_fingerprint,
        lambda name: (
            fake_key(name, revoked=name == "revoked", expires_at=datetime(2021, 1, 1, tzinfo=UTC))
            if name in ("revoked", "expired")
            else fake_key(name)
        ),
        lambda text, to, by: twin.message(text, to, fake_fingerprint(by) if by else ""),
        lambda data, by: twin.signature(data, fake_fingerprint(by)),
        lambda name, data: twin.look(data).text if fake_fingerprint(name) in twin.look(data).recipients else None,
    )


@pytest.fixture(params=["gpg", "twin"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    if request.param == "gpg":
        yield from _gpg_world(request.getfixturevalue("lab"), tmp_path)
    else:
        yield from _twin_world()


@pytest.fixture
def loaded(world: World) -> World:
    world.openpgp.load(1, [world.public("alice"), world.public("bob"), world.public("expired")])
    return world


def test_what_is_encrypted_can_be_read_by_each_recipient_and_by_nobody_else(loaded: World) -> None:
    to = [loaded.fingerprint("alice"), loaded.fingerprint("bob")]
    ciphertext = loaded.openpgp.encrypt([b"one ", b"", b"two"], to)
    assert loaded.open("alice", ciphertext) == b"one two"
    assert loaded.open("bob", ciphertext) == b"one two"
    assert loaded.open("carol", ciphertext) is None
    assert loaded.openpgp.decrypt(ciphertext).outcome is Opened.NO_KEY


def test_ciphertext_is_armored_with_crlf(loaded: World) -> None:
    ciphertext = loaded.openpgp.encrypt([b"text\n" * 1000], [loaded.fingerprint("alice")])
    lines = ciphertext.split(b"\r\n")
    assert lines[:2] == [b"-----BEGIN PGP MESSAGE-----", b""]
    assert lines[-2:] == [b"-----END PGP MESSAGE-----", b""]
    assert not any(b"\n" in line or b"\r" in line for line in lines)


def test_what_we_encrypt_is_signed_by_the_group(loaded: World) -> None:
    opened = loaded.openpgp.decrypt(loaded.openpgp.encrypt([b"text"], [loaded.group]))
    assert opened.outcome is Opened.DECRYPTED
    assert opened.plaintext == b"text"
    assert opened.signature.verdict is Verdict.GOOD
    assert opened.signature.fingerprint == loaded.group


def test_a_recipient_without_usable_key_stops_everything_and_is_named(loaded: World) -> None:
    unusable = {loaded.fingerprint("carol"), loaded.fingerprint("expired")}
    with pytest.raises(UnusableKeys) as refusal:
        loaded.openpgp.encrypt([b"text"], [loaded.fingerprint("alice"), *unusable])
    assert refusal.value.fingerprints == unusable


def test_without_recipients_nothing_is_encrypted(loaded: World) -> None:
    with pytest.raises(ValueError, match="no recipients"):
        loaded.openpgp.encrypt([b"text"], [])


def test_our_signature_checks_out_over_exactly_its_bytes(loaded: World) -> None:
    signature = loaded.openpgp.sign(b"text\r\n")
    assert signature.micalg == "pgp-sha512"
    assert signature.armored.startswith(b"-----BEGIN PGP SIGNATURE-----\r\n")
    assert signature.armored.count(b"\n") == signature.armored.count(b"\r\n")
    found = loaded.openpgp.verify(b"text\r\n", signature.armored)
    assert (found.verdict, found.fingerprint) == (Verdict.GOOD, loaded.group)
    assert loaded.openpgp.verify(b"text \r\n", signature.armored).verdict is Verdict.BAD


def test_a_members_signature_is_good_with_the_full_fingerprint_and_the_time(loaded: World) -> None:
    found = loaded.openpgp.verify(b"text", loaded.signature(b"text", "alice"))
    assert found.good
    assert found.fingerprint == loaded.fingerprint("alice")
    assert found.key_id == found.fingerprint[-16:]
    assert found.signed_at is not None
    assert found.signed_at.year == 2020
    assert found.signed_at.tzinfo is UTC


def test_an_unknown_signer_is_no_key_with_the_key_id_only(loaded: World) -> None:
    found = loaded.openpgp.verify(b"text", loaded.signature(b"text", "carol"))
    assert found.verdict is Verdict.NO_KEY
    assert found.key_id == loaded.fingerprint("carol")[-16:]
    assert found.fingerprint == ""


def test_what_is_no_signature_is_an_error(loaded: World) -> None:
    for rubbish in (b"", b"-----BEGIN PGP SIGNATURE-----\r\n\r\n", b"text"):
        assert loaded.openpgp.verify(b"text", rubbish).verdict is Verdict.ERROR


def test_the_expired_key_of_a_signer_is_told(loaded: World) -> None:
    found = loaded.openpgp.verify(b"text", loaded.signature(b"text", "expired"))
    assert found.verdict is Verdict.EXPIRED
    assert found.fingerprint == loaded.fingerprint("expired")


@pytest.mark.parametrize(
    ("signer", "verdict"), [("", Verdict.UNSIGNED), ("alice", Verdict.GOOD), ("carol", Verdict.NO_KEY)]
)
def test_decryption_tells_content_signature_and_recipients(loaded: World, signer: str, verdict: Verdict) -> None:
    opened = loaded.openpgp.decrypt(loaded.message(b"text", [loaded.group, loaded.fingerprint("bob")], signer))
    assert opened.outcome is Opened.DECRYPTED
    assert opened.plaintext == b"text"
    assert opened.signature.verdict is verdict
    assert len(opened.key_ids) == 2
    assert not opened.symmetric


def test_what_is_encrypted_to_others_only_is_named_and_stays_closed(loaded: World) -> None:
    opened = loaded.openpgp.decrypt(loaded.message(b"text", [loaded.fingerprint("carol")], "alice"))
    assert opened.outcome is Opened.NO_KEY
    assert opened.plaintext is None
    assert len(opened.key_ids) == 1
    assert opened.signature.verdict is Verdict.UNSIGNED


def test_rubbish_is_broken(loaded: World) -> None:
    for rubbish in (b"", b"text", b"-----BEGIN PGP MESSAGE-----\r\n\r\n!!!!\r\n-----END PGP MESSAGE-----\r\n"):
        opened = loaded.openpgp.decrypt(rubbish)
        assert opened.outcome is Opened.BROKEN
        assert opened.plaintext is None


def test_a_new_revision_replaces_all_keys_and_the_same_or_an_older_one_changes_nothing(loaded: World) -> None:
    signature = loaded.signature(b"text", "alice")
    loaded.openpgp.load(1, [])
    loaded.openpgp.load(0, [])
    assert loaded.openpgp.verify(b"text", signature).good
    loaded.openpgp.load(2, [loaded.public("bob")])
    assert loaded.openpgp.verify(b"text", signature).verdict is Verdict.NO_KEY
    assert loaded.openpgp.info(loaded.fingerprint("alice")) is None
    assert loaded.openpgp.info(loaded.fingerprint("bob")) is not None
    with pytest.raises(UnusableKeys):
        loaded.openpgp.encrypt([b"text"], [loaded.fingerprint("alice")])


def test_before_any_load_only_the_groups_key_is_known(world: World) -> None:
    assert world.openpgp.info(world.fingerprint("alice")) is None
    own = world.openpgp.info(world.group)
    assert own is not None
    assert own.usable(NOW)
    assert world.openpgp.decrypt(world.openpgp.encrypt([b"text"], [world.group])).plaintext == b"text"


def test_a_damaged_key_among_others_is_left_out(world: World) -> None:
    damaged = world.public("bob")[:200]
    world.openpgp.load(1, [damaged, world.public("alice"), "no key"])
    assert world.openpgp.info(world.fingerprint("alice")) is not None
    assert world.openpgp.info(world.fingerprint("bob")) is None


def test_info_says_when_a_key_ends(loaded: World) -> None:
    alice, expired = (
        loaded.openpgp.info(loaded.fingerprint("alice")),
        loaded.openpgp.info(loaded.fingerprint("expired")),
    )
    assert alice is not None
    assert expired is not None
    assert (alice.algorithm, alice.expires_at, alice.revoked, alice.usable(NOW)) == ("ed25519", None, False, True)
    assert expired.expires_at == datetime(2021, 1, 1, tzinfo=UTC)
    assert not expired.usable(NOW)


def test_the_groups_key_is_given_out_armored(world: World) -> None:
    assert world.openpgp.group_key().startswith("-----BEGIN PGP PUBLIC KEY BLOCK-----")
