import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mailbot.openpgp.gpg import Gpg
from mailbot.openpgp.keys import SIZE_LIMIT, KeyRefused, generate, merge, scan
from mailbot.openpgp.process import GpgMissing, GpgUnusable, stop_agent
from tests.openpgp_keys import Home, Lab

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def test_scan_finds_every_key_armored_or_not(lab: Lab) -> None:
    armored = lab.people.public("alice") + lab.people.public("bob")
    names = [lab.fingerprint("alice"), lab.fingerprint("bob")]
    for data in (armored.encode(), armored.replace("\n", "\r\n").encode(), lab.people.gpg("--export", *names)):
        found = scan(data)
        assert {key.fingerprint for key in found} == {*names}
        assert not any(key.secret or key.revoked for key in found)
    assert scan(lab.people.public("alice").encode())[0].user_ids == ("Alice <alice@members.example>",)


@pytest.mark.parametrize("data", [b"", b"text", b"\x99\x00", b"-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nAAAA\n"])
def test_scan_of_rubbish_finds_nothing(data: bytes) -> None:
    assert scan(data) == []


def test_scan_tells_revoked_and_expired(lab: Lab) -> None:
    (revoked,) = scan(lab.people.public("revoked").encode())
    (expired,) = scan(lab.people.public("expired").encode())
    assert revoked.revoked
    assert expired.expires_at == datetime(2021, 1, 1, tzinfo=UTC)
    assert not revoked.usable(NOW)
    assert not expired.usable(NOW)


def test_scan_marks_a_secret_key_however_it_is_wrapped(lab: Lab) -> None:
    armored = lab.people.secret("carol")
    disguised = armored.replace("PRIVATE KEY", "PUBLIC KEY")
    binary = lab.people.gpg("--export-secret-keys", lab.fingerprint("carol"))
    behind = lab.people.public("alice") + disguised
    for data in (armored.encode(), disguised.encode(), binary, behind.encode()):
        found = scan(data)
        assert lab.fingerprint("carol") in {key.fingerprint for key in found}
        assert all(key.secret for key in found)


def test_scan_leaves_nothing_behind(lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    scan(lab.people.secret("carol").encode())
    assert list(tmp_path.iterdir()) == []


def test_scan_does_not_believe_a_user_id_that_the_key_did_not_sign(lab: Lab) -> None:
    key = lab.people.gpg("--export", lab.fingerprint("carol"))
    user_id = b"Alice <alice@members.example>"
    # A user id packet (RFC 4880 5.11) in the new format, put behind the primary key packet.
    packet = bytes([0xC0 | 13, len(user_id)]) + user_id
    end = 2 + key[1]
    assert key[0] == 0x98
    (found,) = scan(key[:end] + packet + key[end:])
    assert found.user_ids == ("Carol <carol@reporters.example>",)


def test_control_characters_of_a_user_id_are_made_visible(home: Home) -> None:
    home.make("odd", "Odd\u202e \u2066name <odd@example.org>")
    (found,) = scan(home.public("odd").encode())
    assert found.user_ids == ("Odd\ufffd \ufffdname <odd@example.org>",)


def test_a_colon_and_letters_beyond_ascii_survive(home: Home) -> None:
    home.make("odd", "Jörg: \\x41 Größe <odd@example.org>")
    (found,) = scan(home.public("odd").encode())
    assert found.user_ids == ("Jörg: \\x41 Größe <odd@example.org>",)


def test_too_much_is_refused_unread() -> None:
    for call in (lambda: scan(bytes(SIZE_LIMIT + 1)), lambda: merge(None, bytes(SIZE_LIMIT + 1), "A" * 40)):
        with pytest.raises(KeyRefused, match="1,000,000"):
            call()


def test_merge_takes_the_one_key_that_was_asked_for(lab: Lab) -> None:
    both = lab.people.public("alice") + lab.people.public("bob")
    merged = merge(None, both.encode(), lab.fingerprint("bob"))
    assert merged.startswith("-----BEGIN PGP PUBLIC KEY BLOCK-----")
    assert [key.fingerprint for key in scan(merged.encode())] == [lab.fingerprint("bob")]


def test_merge_adds_expiry_and_sub_keys_and_keeps_them_against_an_old_copy(home: Home) -> None:
    fingerprint = home.make("member", "Member <m@members.example>", sub_expires="20210101T000000")
    old = home.public("member")
    home.gpg("--quick-add-key", fingerprint, "cv25519", "encr", "20980101T000000")
    home.gpg("--quick-set-expire", fingerprint, "20990101T000000")
    for first, second in ((old, home.public("member")), (home.public("member"), old)):
        (found,) = scan(merge(first, second.encode(), fingerprint).encode())
        assert found.expires_at == datetime(2099, 1, 1, tzinfo=UTC)
        assert found.encrypts_until == datetime(2098, 1, 1, tzinfo=UTC)
        assert found.can_encrypt


def test_merge_adds_a_revocation_that_nothing_takes_back(lab: Lab, home: Home) -> None:
    fingerprint = home.make("member", "Member <m@members.example>")
    old = home.public("member")
    certificate = (home.path / "openpgp-revocs.d" / f"{fingerprint}.rev").read_bytes().replace(b"\n:---", b"\n---")
    revoked = merge(old, certificate, fingerprint)
    assert scan(revoked.encode())[0].revoked
    assert scan(merge(revoked, old.encode(), fingerprint).encode())[0].revoked


def test_merge_refuses_another_key_and_a_secret_one(lab: Lab) -> None:
    alice, bob = lab.people.public("alice"), lab.people.public("bob")
    with pytest.raises(KeyRefused, match=lab.fingerprint("alice")):
        merge(None, bob.encode(), lab.fingerprint("alice"))
    with pytest.raises(KeyRefused, match="secret"):
        merge(alice, lab.people.secret("alice").encode(), lab.fingerprint("alice"))
    with pytest.raises(KeyRefused, match=lab.fingerprint("alice")):
        merge(None, b"rubbish", lab.fingerprint("alice"))


def test_merge_drops_the_signatures_of_others(lab: Lab, home: Home) -> None:
    home.make("admirer", "Admirer <a@example.org>")
    home.gpg("--import", data=lab.people.public("alice").encode())
    home.gpg("--quick-sign-key", lab.fingerprint("alice"))
    signed = home.gpg("--armor", "--export", lab.fingerprint("alice"))
    merged = merge(None, signed, lab.fingerprint("alice"))
    assert home.fingerprints["admirer"][-16:].encode() in lab.people.gpg("--list-packets", data=signed, fail=True)
    assert home.fingerprints["admirer"][-16:].encode() not in lab.people.gpg("--list-packets", data=merged.encode())


def test_a_generated_key_signs_encrypts_and_has_no_passphrase(short_path: Path) -> None:
    home = short_path / "new" / "gnupg"
    try:
        fingerprint = generate(home, "Größe Group", "security@example.org", "2y")
        assert home.stat().st_mode & 0o777 == 0o700
        made = Gpg(home, fingerprint, short_path / "s")
        info = made.info(fingerprint)
        assert info is not None
        assert info.user_ids == ("Größe Group <security@example.org>",)
        assert info.algorithm == "ed25519"
        assert info.expires_at is not None
        assert info.encrypts_until is not None
        assert made.decrypt(made.encrypt([b"text"], [fingerprint])).signature.good
        made.close()
    finally:
        stop_agent(home)


def test_a_generated_key_may_have_no_end(home: Home) -> None:
    made = Gpg(home.path, generate(home.path, "G", "g@example.org", None), home.path / "s")
    info = made.info(made._group_key)
    assert info is not None
    assert info.expires_at is None
    made.close()


@pytest.mark.parametrize(("name", "address"), [("A\n%no-ask", "a@b.example"), ("A", "a@b>\n"), ("A <x@y>", "a@b")])
def test_a_name_cannot_add_lines_to_the_parameters(tmp_path: Path, name: str, address: str) -> None:
    with pytest.raises(KeyRefused, match="user id"):
        generate(tmp_path / "home", name, address, None)


def test_a_home_whose_path_is_too_long_for_sockets_is_told(tmp_path: Path) -> None:
    home = tmp_path / ("x" * 100)
    with pytest.raises(GpgUnusable, match=r"too long.*80 characters"):
        generate(home, "Group", "g@example.org", None)


def test_generating_without_gpg_says_what_to_install(tmp_path: Path) -> None:
    with pytest.raises(GpgMissing, match="apt-get install gnupg"):
        generate(tmp_path / "home", "Group", "g@example.org", None, binary="no-such-gpg")


def test_a_home_for_one_look_leaves_no_directory_for_sockets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lab: Lab
) -> None:
    """GnuPG makes one below /run/user/UID, where there is such a directory, even if no agent is started."""
    record = tmp_path / "asked"
    gpgconf = tmp_path / "gpgconf"
    gpgconf.write_text(f'#!/bin/sh\necho "$@" >> {record}\n')
    gpgconf.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    scan(lab.people.public("alice").encode())
    (asked,) = record.read_text().splitlines()
    assert asked.startswith("--homedir /")
    assert asked.endswith(" --remove-socketdir")
