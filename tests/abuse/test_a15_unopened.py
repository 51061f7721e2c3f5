"""Ciphertext that cannot be opened: it is kept and relayed as it came, and nothing of its plaintext is anywhere."""

import base64

import pytest

from tests.abuse.victim import MEMBERS, Victim, recipients, to
from tests.unit.service.test_hostile_confidentiality import encrypted

SECRET = b"the canary is qwzzxkj"


def relayed_raw(abused: Victim, raw: bytes, author: str, why: str) -> None:
    sent = abused.receive(raw, author)
    assert recipients(sent) == sorted([*MEMBERS, author])
    assert abused.dispositions()[-1] == "unreadable"
    alice = to(sent, "alice@members.example")
    assert why in alice.words
    _, sealed = alice.mail.iter_parts()
    assert raw in alice.lab.people.gpg("--decrypt", data=sealed.get_content())
    assert "cannot open it" in to(sent, author).subject
    seen = abused.everything_stored() + b"".join(one.raw + one.text.encode() for one in sent)
    assert b"qwzzxkj" not in seen
    assert base64.b64encode(SECRET)[4:20] not in seen


@pytest.mark.parametrize("position", [-30, -60])
def test_a15_tampered_ciphertext(abused: Victim, position: int) -> None:
    people = abused.lab.people
    message = bytearray(
        people.gpg("--compress-algo=none", "--encrypt", "--recipient", abused.lab.group_key, data=SECRET * 20)
    )
    message[position] ^= 1
    author = f"tamper{-position}@out.example"
    raw = encrypted(people.gpg("--enarmor", data=bytes(message)).replace(b"ARMORED FILE", b"MESSAGE"), author=author)
    relayed_raw(abused, raw, author, "tampered with")
    abused.serves_the_next()


def test_a15_ciphertext_without_integrity_protection(abused: Victim) -> None:
    message = abused.lab.people.encrypt(
        SECRET * 20, [abused.lab.group_key], "--rfc2440", "--disable-mdc", "--cipher-algo=AES"
    )
    relayed_raw(abused, encrypted(message, author="nomdc@out.example"), "nomdc@out.example", "tampered with")


def test_a16_ciphertext_to_an_unknown_key_names_the_key(abused: Victim) -> None:
    message = abused.lab.people.encrypt(SECRET, [abused.lab.fingerprint("carol")])
    raw = encrypted(message, author="other@out.example")
    relayed_raw(abused, raw, "other@out.example", abused.lab.people.key_ids("carol")["sub"])
