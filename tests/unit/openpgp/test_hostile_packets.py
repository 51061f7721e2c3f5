"""Messages that are made to keep gpg and its agent busy."""

import time

import pytest

from mailbot.openpgp.gpg import Gpg
from mailbot.service.ports import Opened, UnusableKeys, Verdict
from tests.openpgp_keys import Lab
from tests.unit.openpgp.forged_keys import armored


def packet(tag: int, body: bytes) -> bytes:
    """A packet in the new format (RFC 4880 4.2.2)."""
    return bytes([0xC0 | tag, 0xFF]) + len(body).to_bytes(4, "big") + body


def flood(lab: Lab, key_id: str, times: int) -> bytes:
    """A message for somebody else whose session key packet stands there so many times, for the key id."""
    message = lab.people.gpg("--dearmor", data=lab.people.encrypt(b"x", [lab.fingerprint("carol")]))
    assert message[0] == 0x84
    end = 2 + message[1]
    session_key = bytearray(message[2:end])
    session_key[1:9] = bytes.fromhex(key_id)
    return packet(1, bytes(session_key)) * times + message[end:]


@pytest.mark.parametrize("whose", ["hidden", "group"])
def test_a_message_for_thousands_of_recipients_costs_no_thousands_of_tries(gpg: Gpg, lab: Lab, whose: str) -> None:
    """20,000 of them fit into 2 MB, and kept gpg and the group's agent busy for 30 seconds, three times for a mail."""
    message = flood(lab, "0" * 16 if whose == "hidden" else lab.group.key_ids("group")["sub"], 20_000)
    started = time.monotonic()
    opened = gpg.decrypt(message)
    assert opened.outcome is Opened.TOO_LARGE
    assert opened.plaintext is None
    assert time.monotonic() - started < 8.0


def test_a_message_for_a_large_list_is_read(gpg: Gpg, lab: Lab) -> None:
    others = [word for _ in range(100) for word in ("--recipient", lab.fingerprint("carol"))]
    hidden = [word for name in ("alice", "bob", "carol") for word in ("--hidden-recipient", lab.fingerprint(name))]
    message = lab.people.gpg("--encrypt", *hidden, *others, "--recipient", lab.group_key, data=b"text")
    assert gpg.decrypt(message).plaintext == b"text"


def test_thousands_of_signatures_are_not_all_checked(gpg: Gpg, lab: Lab) -> None:
    signature = lab.people.gpg("--dearmor", data=lab.people.sign("alice", b"text"))
    started = time.monotonic()
    assert gpg.verify(b"text", signature * 20_000).verdict in (Verdict.ERROR, Verdict.SEVERAL)
    assert time.monotonic() - started < 8.0


def test_a_key_that_gpg_cannot_use_is_named_and_the_others_are_not_blamed(gpg: Gpg, lab: Lab) -> None:
    """Its point is compressed, which is allowed and which gpg does not read. It failed for all recipients together."""
    armor, fingerprint = armored("Rita <rita@out.example>", b"\2" + b"\x11" * 32)
    gpg.load(99, [lab.people.public("alice"), lab.people.public("bob"), armor])
    info = gpg.info(fingerprint)
    assert info is not None
    assert info.can_encrypt
    for sign in (True, False):
        with pytest.raises(UnusableKeys) as refused:
            gpg.encrypt([b"text"], [lab.fingerprint("alice"), fingerprint, lab.fingerprint("bob")], sign=sign)
        assert refused.value.fingerprints == {fingerprint}
    assert gpg.encrypt([b"text"], [lab.fingerprint("alice"), lab.fingerprint("bob")])
