"""Encrypting and signing. The plain cases are in test_contract."""

import re
from datetime import UTC, datetime, timedelta

import pytest

from mailbot.openpgp.gpg import Gpg
from mailbot.openpgp.process import GpgUnusable
from mailbot.service.ports import UnusableKeys
from tests.openpgp_keys import BORN, Home, Lab

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize("name", ["revoked", "expired", "sub-key-expired", "sub-key-revoked"])
def test_a_key_that_cannot_be_used_stops_everything(gpg: Gpg, lab: Lab, name: str) -> None:
    info = gpg.info(lab.fingerprint(name))
    assert info is not None
    assert not info.usable(NOW)
    with pytest.raises(UnusableKeys) as refusal:
        gpg.encrypt([b"text"], [lab.fingerprint("alice"), lab.fingerprint(name)])
    assert refusal.value.fingerprints == {lab.fingerprint(name)}


def test_a50_what_only_gpg_finds_unusable_is_named_too(gpg: Gpg, lab: Lab) -> None:
    # As if the key had expired between our look and gpg's.
    with gpg._keyrings.current() as ring:
        for part in ring.keys[lab.fingerprint("expired")].parts:
            part.expires_at = None
    with pytest.raises(UnusableKeys) as refusal:
        gpg.encrypt([b"text"], [lab.fingerprint("alice"), lab.fingerprint("expired")])
    assert refusal.value.fingerprints == {lab.fingerprint("expired")}


def test_a_planted_key_with_a_members_user_id_never_gets_the_members_mail(gpg: Gpg, lab: Lab) -> None:
    gpg.load(2, [lab.people.public("planted"), lab.people.public("alice")])
    packets = lab.people.gpg("--list-packets", data=gpg.encrypt([b"text"], [lab.fingerprint("alice")]), fail=True)
    assert re.findall(rb"pubkey enc packet.*keyid ([0-9A-F]{16})", packets) == [
        lab.people.key_ids("alice")["sub"].encode()
    ]


@pytest.mark.parametrize("name", ["alice@members.example", "Alice", ""])
def test_a_recipient_is_only_ever_a_fingerprint(gpg: Gpg, name: str) -> None:
    with pytest.raises(UnusableKeys):
        gpg.encrypt([b"text"], [name])


def test_a_key_id_or_sub_key_is_no_recipient(gpg: Gpg, lab: Lab) -> None:
    for name in (lab.fingerprint("alice")[-16:], lab.people.key_ids("alice")["sub"]):
        with pytest.raises(UnusableKeys):
            gpg.encrypt([b"text"], [name])


def test_a_sub_key_that_expires_later_makes_the_key_unusable_then(gpg: Gpg, home: Home) -> None:
    fingerprint = home.make("soon", "Soon <soon@members.example>", sub_expires="20990101T000000")
    gpg.load(2, [home.public("soon")])
    info = gpg.info(fingerprint)
    assert info is not None
    assert info.can_encrypt
    assert info.encrypts_until == datetime(2099, 1, 1, tzinfo=UTC)
    assert info.usable(info.encrypts_until - timedelta(seconds=1))
    assert not info.usable(info.encrypts_until)


def test_a_newer_sub_key_keeps_the_key_usable(gpg: Gpg, home: Home) -> None:
    fingerprint = home.make("renewed", "Renewed <r@members.example>", sub_expires="20210101T000000")
    home.gpg("--quick-add-key", fingerprint, "cv25519", "encr", "20990101T000000")
    gpg.load(2, [home.public("renewed")])
    info = gpg.info(fingerprint)
    assert info is not None
    assert info.encrypts_until == datetime(2099, 1, 1, tzinfo=UTC)
    assert home.gpg("--decrypt", data=gpg.encrypt([b"text"], [fingerprint]), fail=True) == b"text"


def test_a_key_that_can_only_sign_cannot_be_encrypted_to(gpg: Gpg, home: Home) -> None:
    home.gpg("--quick-generate-key", "Signer <s@members.example>", "ed25519", "cert,sign", "never", at=BORN)
    (fingerprint,) = home.listed()
    home.fingerprints["signer"] = fingerprint
    gpg.load(2, [home.public("signer")])
    info = gpg.info(fingerprint)
    assert info is not None
    assert not info.can_encrypt
    with pytest.raises(UnusableKeys):
        gpg.encrypt([b"text"], [fingerprint])


def test_without_signing_the_message_carries_no_signature(gpg: Gpg, lab: Lab) -> None:
    opened = gpg.decrypt(gpg.encrypt([b"text"], [lab.group_key], sign=False))
    assert opened.plaintext == b"text"
    assert opened.signature.verdict == "unsigned"


def test_pieces_are_joined_whatever_their_size(gpg: Gpg, lab: Lab) -> None:
    pieces = [b"", b"a" * 300_000, b"\r\n", b"", b"bc", b""]
    assert gpg.decrypt(gpg.encrypt(pieces, [lab.group_key])).plaintext == b"".join(pieces)


def test_a_key_for_one_use_is_forgotten_afterwards(gpg: Gpg, lab: Lab) -> None:
    carol, alice = lab.fingerprint("carol"), lab.fingerprint("alice")
    with gpg.with_keys([lab.people.public("carol")]) as once:
        ciphertext = once.encrypt([b"text"], [carol])
        assert once.info(alice) is None
        assert once.verify(b"text", lab.people.sign("carol", b"text")).good
    assert lab.people.gpg("--decrypt", data=ciphertext) == b"text"
    assert gpg.info(carol) is None
    assert gpg.info(alice) is not None


def test_an_expired_group_key_says_so_and_works_again_when_extended(home: Home) -> None:
    fingerprint = home.make("group", "Group <group@example.org>", expires="20210101T000000")
    expired = Gpg(home.path, fingerprint, home.path / "scratch")
    with pytest.raises(GpgUnusable, match="is expired"):
        expired.sign(b"text")
    home.gpg("--quick-set-expire", fingerprint, "never")
    assert expired.verify(b"text", expired.sign(b"text").armored).good
    expired.close()


def test_a_group_key_that_is_not_in_the_home_is_told(lab: Lab, home: Home) -> None:
    for path in (home.path, lab.group.path):
        other = Gpg(path, lab.fingerprint("alice"), home.path / "scratch")
        with pytest.raises(GpgUnusable, match=lab.fingerprint("alice")):
            other.encrypt([b"text"], [lab.fingerprint("alice")])
        with pytest.raises(GpgUnusable, match=lab.fingerprint("alice")):
            other.group_key()
        other.close()


def test_the_operators_own_keyring_and_options_change_nothing(home: Home, lab: Lab) -> None:
    fingerprint = home.make("group", "Group <group@example.org>")
    home.gpg("--import", data=lab.people.public("alice").encode())
    (home.path / "gpg.conf").write_text(f"encrypt-to {lab.fingerprint('alice')}\ncomment traced\nno-such-option\n")
    ours = Gpg(home.path, fingerprint, home.path / "scratch")
    assert ours.info(lab.fingerprint("alice")) is None
    ciphertext = ours.encrypt([b"text"], [fingerprint])
    assert b"traced" not in ciphertext
    assert len(ours.decrypt(ciphertext).key_ids) == 1
    with pytest.raises(UnusableKeys):
        ours.encrypt([b"text"], [lab.fingerprint("alice")])
    ours.close()
