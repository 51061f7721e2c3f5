"""Detached signatures that are not as they should be. The plain cases are in test_contract."""

import subprocess

import pytest

from mailbot.openpgp.gpg import Gpg
from mailbot.service.ports import Verdict
from tests.openpgp_keys import LATER, SIGNED, Home, Lab

TEXT = b"Content-Type: text/plain\r\n\r\n/claim\r\n"


def test_a03_a_revoked_key_is_told_even_for_what_it_signed_before(gpg: Gpg, lab: Lab) -> None:
    found = gpg.verify(SIGNED, lab.signature_of_revoked)
    assert found.verdict is Verdict.REVOKED
    assert found.fingerprint == lab.fingerprint("revoked")


def test_a04_an_expired_key_is_told_even_for_what_it_signed_in_time(gpg: Gpg, lab: Lab) -> None:
    found = gpg.verify(TEXT, lab.people.sign("expired", TEXT, at=LATER))
    assert found.verdict is Verdict.EXPIRED
    assert found.fingerprint == lab.fingerprint("expired")


def test_an_expired_signature_of_a_valid_key_is_expired(gpg: Gpg, lab: Lab) -> None:
    signature = lab.people.sign("alice", TEXT, "--default-sig-expire=1d", at=LATER)
    assert gpg.verify(TEXT, signature).verdict is Verdict.EXPIRED


def test_a02_the_key_of_somebody_who_is_not_loaded_is_no_key(gpg: Gpg, lab: Lab) -> None:
    found = gpg.verify(TEXT, lab.people.sign("planted", TEXT))
    assert found.verdict is Verdict.NO_KEY
    assert found.fingerprint == ""
    assert found.key_id == lab.people.key_ids("planted")["pub"]


def test_a06_one_changed_byte_is_bad(gpg: Gpg, lab: Lab) -> None:
    signature = lab.people.sign("alice", TEXT)
    assert gpg.verify(TEXT, signature).good
    for changed in (TEXT + b" ", TEXT[:-1], TEXT.replace(b"/claim", b"/close"), b""):
        assert gpg.verify(changed, signature).verdict is Verdict.BAD


@pytest.mark.parametrize("second", ["alice", "bob", "carol", "expired"])
def test_a11_two_signatures_are_never_good_in_either_order(gpg: Gpg, lab: Lab, second: str) -> None:
    signatures = [lab.people.gpg("--dearmor", data=lab.people.sign(n, TEXT, at=LATER)) for n in ("alice", second)]
    for both in (b"".join(signatures), b"".join(reversed(signatures))):
        found = gpg.verify(TEXT, both)
        assert found.verdict is Verdict.SEVERAL
        assert found.fingerprint == ""


def test_two_armored_signatures_in_one_part_are_never_good(gpg: Gpg, lab: Lab) -> None:
    alice, bob = (lab.people.sign(name, TEXT) for name in ("alice", "bob"))
    for between in (b"", b"\n", b"\nsome text\n\n"):
        assert gpg.verify(TEXT, alice + between + bob).verdict is Verdict.SEVERAL


@pytest.mark.parametrize("digest", ["SHA1", "RIPEMD160", "MD5"])
def test_a_weak_digest_is_weak_and_not_good(gpg: Gpg, lab: Lab, home: Home, digest: str) -> None:
    home.make("old", "Old <old@members.example>", "rsa2048", "rsa2048")
    signature = home.sign("old", TEXT, "--allow-weak-digest-algos", f"--digest-algo={digest}")
    gpg.load(2, [home.public("old")])
    assert gpg.verify(TEXT, signature).verdict is Verdict.WEAK


@pytest.mark.parametrize("options", [("--sign",), ("--sign", "--compress-algo=none"), ("--clear-sign",)])
def test_a_whole_signed_message_in_place_of_a_signature_proves_nothing(
    gpg: Gpg, lab: Lab, options: tuple[str, ...]
) -> None:
    message = lab.people.gpg("--local-user", lab.fingerprint("alice"), *options, data=TEXT)
    for signed in (TEXT, b"something else"):
        found = gpg.verify(signed, message)
        assert found.verdict is Verdict.ERROR
        assert found.fingerprint == ""


def test_a_signature_with_something_behind_it_is_not_good(gpg: Gpg, lab: Lab) -> None:
    signature = lab.people.gpg("--dearmor", data=lab.people.sign("alice", TEXT))
    key = lab.people.gpg("--export", lab.fingerprint("bob"))
    assert gpg.verify(TEXT, signature + key).verdict is Verdict.ERROR


def test_a_certification_of_a_key_is_no_signature_of_a_text(gpg: Gpg, lab: Lab) -> None:
    key = lab.people.gpg("--export", lab.fingerprint("alice"))
    packets = []
    while key:
        # All of them have a length of one octet in the old format (RFC 4880 4.2.1).
        packets.append(key[: 2 + key[1]])
        key = key[2 + key[1] :]
    certification = next(packet for packet in packets if packet[0] == 0x88)
    for signed in (TEXT, packets[0] + packets[1], b""):
        found = gpg.verify(signed, certification)
        assert found.verdict in (Verdict.ERROR, Verdict.BAD)
        assert found.fingerprint == ""


def test_a_signature_larger_than_a_pipe_is_read_to_its_end(gpg: Gpg, lab: Lab) -> None:
    signature = lab.people.sign("alice", TEXT)
    padded = b"an explanation\n" * 20_000 + signature
    assert gpg.verify(TEXT, padded).good


def test_25_mb_are_verified(gpg: Gpg, lab: Lab) -> None:
    data = bytes(range(256)) * 100_000
    assert gpg.verify(data, lab.people.sign("alice", data)).good


# Some distributions build gpg without the Brainpool curves.
CURVES = subprocess.run(["gpg", "--with-colons", "--list-config", "curve"], capture_output=True, check=True).stdout
ALGORITHMS = ["rsa2048", "rsa4096", "nistp521", *(["brainpoolP256r1"] if b"brainpoolP256r1" in CURVES else [])]


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_other_algorithms_work_alike(gpg: Gpg, home: Home, algorithm: str) -> None:
    fingerprint = home.make("other", "Other <other@members.example>", algorithm, algorithm)
    gpg.load(2, [home.public("other")])
    found = gpg.verify(TEXT, home.sign("other", TEXT))
    assert found.good
    assert found.fingerprint == fingerprint
    info = gpg.info(fingerprint)
    assert info is not None
    assert info.algorithm == algorithm
    assert home.gpg("--decrypt", data=gpg.encrypt([TEXT], [fingerprint]), fail=True) == TEXT


def test_a_signature_by_a_sub_key_carries_the_primary_fingerprint(gpg: Gpg, home: Home) -> None:
    fingerprint = home.make("other", "Other <other@members.example>")
    home.gpg("--quick-add-key", fingerprint, "ed25519", "sign", "never")
    gpg.load(2, [home.public("other")])
    found = gpg.verify(TEXT, home.sign("other", TEXT))
    assert found.good
    assert found.fingerprint == fingerprint
    assert found.key_id != fingerprint[-16:]
