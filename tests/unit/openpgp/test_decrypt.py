"""What comes of real messages that are not as they should be. The plain cases are in test_contract."""

import threading
from collections.abc import Callable

import pytest

from mailbot.openpgp.gpg import Gpg
from mailbot.openpgp.process import GpgUnusable, stop_agent
from mailbot.openpgp.verdict import HIDDEN
from mailbot.service.ports import Decryption, Opened, Verdict
from tests.openpgp_keys import LATER, SIGNED, Home, Lab

SYMMETRIC = ("--symmetric", "--passphrase=a strangers passphrase")


def _binary(people: Home, *arguments: str, data: bytes = b"text") -> bytes:
    return people.gpg("--compress-algo=none", *arguments, data=data)


def _encrypted(lab: Lab, data: bytes = b"text", *options: str, by: str = "") -> bytes:
    return lab.people.encrypt(data, [lab.group_key], *options, by=by)


def _nothing_kept(opened: Decryption) -> bool:
    return opened.plaintext is None and opened.signature.verdict is Verdict.UNSIGNED


def test_a15_tampered_ciphertext_gives_no_plaintext(gpg: Gpg, lab: Lab) -> None:
    message = bytearray(_binary(lab.people, "--encrypt", "--recipient", lab.group_key, data=b"secret" * 100))
    message[-40] ^= 1
    opened = gpg.decrypt(bytes(message))
    assert opened.outcome is Opened.TAMPERED
    assert _nothing_kept(opened)


def test_ciphertext_without_integrity_protection_counts_as_tampered(gpg: Gpg, lab: Lab) -> None:
    opened = gpg.decrypt(_encrypted(lab, b"text", "--rfc2440", "--disable-mdc", "--cipher-algo=AES"))
    assert opened.outcome is Opened.TAMPERED
    assert _nothing_kept(opened)


def test_a_truncated_ciphertext_gives_no_plaintext(gpg: Gpg, lab: Lab) -> None:
    message = _binary(lab.people, "--encrypt", "--recipient", lab.group_key, data=b"secret" * 100)
    for length in (len(message) - 1, len(message) - 100, 200, 100, 20, 1):
        opened = gpg.decrypt(message[:length])
        assert opened.outcome in (Opened.TAMPERED, Opened.BROKEN)
        assert _nothing_kept(opened)


def test_a_damaged_session_key_is_broken_and_not_our_agents_fault(gpg: Gpg, lab: Lab) -> None:
    message = bytearray(_binary(lab.people, "--encrypt", "--recipient", lab.group_key))
    message[60] ^= 1
    opened = gpg.decrypt(bytes(message))
    assert opened.outcome is Opened.BROKEN
    assert opened.key_ids == (lab.group.key_ids("group")["sub"],)


def test_a16_what_is_for_others_tells_whose_key_it_needs(gpg: Gpg, lab: Lab) -> None:
    message = lab.people.encrypt(b"text", [lab.fingerprint("alice"), lab.fingerprint("carol")])
    opened = gpg.decrypt(message)
    assert opened.outcome is Opened.NO_KEY
    assert {*opened.key_ids} == {lab.people.key_ids(name)["sub"] for name in ("alice", "carol")}


def test_a_hidden_recipient_is_found(gpg: Gpg, lab: Lab) -> None:
    hidden = ("--hidden-recipient", lab.fingerprint("alice"), "--hidden-recipient", lab.group_key)
    opened = gpg.decrypt(lab.people.gpg("--encrypt", *hidden, data=b"text"))
    assert opened.outcome is Opened.DECRYPTED
    assert opened.plaintext == b"text"
    assert opened.key_ids == (HIDDEN,)


@pytest.mark.parametrize("option", ["--recipient", "--hidden-recipient"])
def test_other_recipients_before_and_behind_us_do_not_spoil_the_signature(gpg: Gpg, lab: Lab, option: str) -> None:
    to = [lab.fingerprint("bob"), lab.group_key, lab.fingerprint("carol")]
    recipients = [word for fingerprint in to for word in (option, fingerprint)]
    signing = ("--local-user", lab.fingerprint("alice"), "--sign")
    opened = gpg.decrypt(lab.people.gpg("--encrypt", *signing, *recipients, data=b"text"))
    assert opened.outcome is Opened.DECRYPTED
    assert opened.signature.good


def test_hidden_recipients_who_are_all_others_cannot_be_decrypted(gpg: Gpg, lab: Lab) -> None:
    message = lab.people.gpg("--encrypt", "--hidden-recipient", lab.fingerprint("alice"), data=b"text")
    opened = gpg.decrypt(message)
    assert opened.outcome is Opened.NO_KEY
    assert opened.key_ids == (HIDDEN,)


def test_a_passphrase_message_is_told_and_asks_nobody(gpg: Gpg, lab: Lab) -> None:
    opened = gpg.decrypt(lab.people.gpg(*SYMMETRIC, data=b"text"))
    assert opened.outcome is Opened.NO_KEY
    assert opened.symmetric
    assert opened.key_ids == ()


def test_a_message_for_key_or_passphrase_is_decrypted_by_key_and_told(gpg: Gpg, lab: Lab) -> None:
    message = _binary(lab.people, *SYMMETRIC, "--encrypt", "--recipient", lab.group_key)
    for order in (message, _passphrase_first(message)):
        opened = gpg.decrypt(order)
        assert opened.outcome is Opened.DECRYPTED
        assert opened.symmetric
        assert opened.plaintext == b"text"


def _passphrase_first(message: bytes) -> bytes:
    """Swap the two session key packets, both with a length of one octet in the old format (RFC 4880 4.2.1)."""
    first = 2 + message[1]
    second = first + 2 + message[first + 1]
    assert message[0] == 0x84
    assert message[first] == 0x8C
    return message[first:second] + message[:first] + message[second:]


@pytest.mark.parametrize(
    ("options", "verdict"),
    [(("--store",), Verdict.UNSIGNED), (("--sign",), Verdict.GOOD), (("--clear-sign",), Verdict.GOOD)],
)
def test_what_was_never_encrypted_is_readable_and_says_so(
    gpg: Gpg, lab: Lab, options: tuple[str, ...], verdict: Verdict
) -> None:
    opened = gpg.decrypt(lab.people.gpg("--local-user", lab.fingerprint("alice"), *options, data=b"text\n"))
    assert opened.outcome is Opened.NOT_ENCRYPTED
    assert opened.plaintext == b"text\n"
    assert opened.signature.verdict is verdict
    assert opened.key_ids == ()


def test_a_clear_signed_text_that_was_changed_is_bad(gpg: Gpg, lab: Lab) -> None:
    signed = lab.people.gpg("--local-user", lab.fingerprint("alice"), "--clear-sign", data=b"pay 10\n")
    opened = gpg.decrypt(signed.replace(b"pay 10", b"pay 99"))
    assert opened.outcome is Opened.NOT_ENCRYPTED
    assert opened.signature.verdict is Verdict.BAD


def test_text_around_a_clear_signed_text_is_left_out(gpg: Gpg, lab: Lab) -> None:
    signed = lab.people.gpg("--local-user", lab.fingerprint("alice"), "--clear-sign", data=b"signed\n")
    opened = gpg.decrypt(b"before\n\n" + signed + b"\nafter\n")
    assert opened.plaintext == b"signed\n"
    assert opened.signature.good


@pytest.mark.parametrize("kind", ["encrypted", "signed", "clear-signed"])
def test_several_messages_in_one_are_broken(gpg: Gpg, lab: Lab, kind: str) -> None:
    make: dict[str, Callable[[bytes], bytes]] = {
        "encrypted": lambda data: _encrypted(lab, data, by="alice"),
        "signed": lambda data: lab.people.gpg("--armor", "-u", lab.fingerprint("alice"), "--sign", data=data),
        "clear-signed": lambda data: lab.people.gpg("-u", lab.fingerprint("alice"), "--clear-sign", data=data),
    }
    opened = gpg.decrypt(make[kind](b"one\n") + make[kind](b"two\n"))
    assert opened.outcome is Opened.BROKEN
    assert _nothing_kept(opened)


@pytest.mark.parametrize("order", [("--encrypt", "--store"), ("--store", "--encrypt"), ("--encrypt", "--encrypt")])
def test_several_binary_messages_in_one_are_never_called_decrypted(gpg: Gpg, lab: Lab, order: tuple[str, str]) -> None:
    parts = {
        "--encrypt": _binary(lab.people, "--encrypt", "--recipient", lab.group_key, data=b"one"),
        "--store": _binary(lab.people, "--store", data=b"two"),
    }
    opened = gpg.decrypt(parts[order[0]] + parts[order[1]])
    assert opened.outcome is Opened.BROKEN
    assert _nothing_kept(opened)


def test_a_message_inside_a_message_comes_out_still_closed(gpg: Gpg, lab: Lab) -> None:
    inner = _encrypted(lab, b"text")
    opened = gpg.decrypt(_encrypted(lab, inner, by="alice"))
    assert opened.outcome is Opened.DECRYPTED
    assert opened.plaintext == inner


@pytest.mark.parametrize(
    ("signers", "verdict"), [(("alice", "bob"), Verdict.SEVERAL), (("alice", "carol"), Verdict.SEVERAL)]
)
def test_a11_two_signatures_inside_are_never_good(
    gpg: Gpg, lab: Lab, signers: tuple[str, ...], verdict: Verdict
) -> None:
    users = [word for name in signers for word in ("--local-user", lab.fingerprint(name))]
    opened = gpg.decrypt(lab.people.gpg(*users, "--sign", "--encrypt", "--recipient", lab.group_key, data=b"text"))
    assert opened.outcome is Opened.DECRYPTED
    assert opened.signature.verdict is verdict
    assert opened.signature.fingerprint == ""


def test_a_key_or_a_detached_signature_is_no_message(gpg: Gpg, lab: Lab) -> None:
    for data in (lab.people.public("alice").encode(), lab.people.sign("alice", b"text")):
        opened = gpg.decrypt(data)
        assert opened.outcome is Opened.BROKEN
        assert _nothing_kept(opened)


def test_a23_a_bomb_is_stopped_and_nothing_of_it_kept(gpg: Gpg, lab: Lab) -> None:
    bomb = _encrypted(lab, bytes(50_000_000), "--compress-level=9", by="alice")
    assert len(bomb) < 100_000
    opened = gpg.decrypt(bomb)
    assert opened.outcome is Opened.TOO_LARGE
    assert _nothing_kept(opened)
    assert opened.key_ids == (lab.group.key_ids("group")["sub"],)


def test_a_plaintext_of_exactly_the_limit_is_taken(gpg: Gpg, lab: Lab) -> None:
    assert gpg.decrypt(_encrypted(lab, bytes(1_000_000))).plaintext == bytes(1_000_000)
    assert gpg.decrypt(_encrypted(lab, bytes(1_000_001))).outcome is Opened.TOO_LARGE


def test_a_good_signature_by_a_key_with_a_members_user_id_has_another_fingerprint(gpg: Gpg, lab: Lab) -> None:
    gpg.load(2, [lab.people.public("alice"), lab.people.public("planted")])
    opened = gpg.decrypt(_encrypted(lab, by="planted"))
    assert opened.signature.verdict is Verdict.GOOD
    assert opened.signature.fingerprint == lab.fingerprint("planted") != lab.fingerprint("alice")


def test_threads_do_not_mix_up_their_messages(gpg: Gpg, lab: Lab) -> None:
    messages = {b"text %d" % number: _encrypted(lab, b"text %d" % number, by="alice") for number in range(8)}
    wrong: list[bytes] = []

    def work(text: bytes, message: bytes) -> None:
        for revision in range(2, 5):
            gpg.load(revision, [lab.people.public("alice")])
            opened = gpg.decrypt(message)
            if opened.plaintext != text or not opened.signature.good:
                wrong.append(text)

    threads = [threading.Thread(target=work, args=item) for item in messages.items()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_what_was_encrypted_to_a_former_group_key_is_still_read(home: Home, lab: Lab, gpg: Gpg) -> None:
    former = home.make("former", "Example Group <security@example.org>")
    home.make("now", "Example Group <security@example.org>")
    lab.people.gpg("--import", data=home.public("former").encode())
    rotated = Gpg(home.path, home.fingerprints["now"], home.path / "scratch")
    assert rotated.decrypt(lab.people.encrypt(b"text", [former])).plaintext == b"text"
    rotated.close()


def test_a_sub_key_that_the_operator_adds_later_is_used(home: Home, lab: Lab) -> None:
    home.make("group", "Other Group <other@example.org>")
    running = Gpg(home.path, home.fingerprints["group"], home.path / "scratch")
    running.load(1, [])
    home.gpg("--quick-add-key", home.fingerprints["group"], "cv25519", "encr", "never")
    lab.people.gpg("--import", data=home.public("group").encode())
    message = lab.people.encrypt(b"text", [home.fingerprints["group"]])
    assert running.decrypt(message).plaintext == b"text"
    running.close()


def test_a_locked_group_key_needs_its_passphrase(home: Home, lab: Lab) -> None:
    locked = Home.create(home.path / "l")
    user_id = "Locked <locked@example.org>"
    try:
        locked.gpg("--passphrase=open sesame", "--quick-generate-key", user_id, "ed25519", "cert,sign", "never")
        (fingerprint,) = locked.listed()
        locked.gpg("--passphrase=open sesame", "--quick-add-key", fingerprint, "cv25519", "encr", "never")
        locked.fingerprints["group"] = fingerprint
        lab.people.gpg("--import", data=locked.public("group").encode())
        messages = {
            "named": lab.people.encrypt(b"text", [fingerprint], by="alice"),
            "hidden": lab.people.gpg("--encrypt", "--hidden-recipient", fingerprint, data=b"text"),
        }
        for passphrase in (None, "wrong"):
            with_it = Gpg(locked.path, fingerprint, home.path / "s", passphrase)
            for message in messages.values():
                stop_agent(locked.path)
                with pytest.raises(GpgUnusable, match=r"passphrase.*passphrase_file"):
                    with_it.decrypt(message)
            with pytest.raises(GpgUnusable, match="passphrase"):
                with_it.sign(b"text")
            with pytest.raises(GpgUnusable, match="passphrase"):
                with_it.encrypt([b"text"], [fingerprint])
            with_it.close()
        right = Gpg(locked.path, fingerprint, home.path / "s", "open sesame")
        for message in messages.values():
            stop_agent(locked.path)
            assert right.decrypt(message).plaintext == b"text"
        both = _binary(lab.people, *SYMMETRIC, "--encrypt", "--recipient", fingerprint)
        for order in (both, _passphrase_first(both)):
            stop_agent(locked.path)
            assert right.decrypt(order).plaintext == b"text"
        assert right.decrypt(lab.people.gpg(*SYMMETRIC, data=b"text")).outcome is Opened.NO_KEY
        assert right.decrypt(right.encrypt([b"text"], [fingerprint])).signature.good
        right.close()
    finally:
        stop_agent(locked.path)


def test_the_signature_on_an_encrypted_mail_can_be_expired_or_revoked(gpg: Gpg, lab: Lab) -> None:
    opened = gpg.decrypt(lab.people.encrypt(b"text", [lab.group_key], by="expired", at=LATER))
    assert opened.outcome is Opened.DECRYPTED
    assert opened.signature.verdict is Verdict.EXPIRED
    assert gpg.verify(SIGNED, lab.signature_of_revoked).verdict is Verdict.REVOKED
