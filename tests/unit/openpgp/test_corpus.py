"""Mail that mailman-pgp is tested with: signed, encrypted, inline, with several signatures, damaged; and its keys."""

import re
from collections.abc import Iterator
from email import message_from_bytes
from email.message import Message
from pathlib import Path

import pytest

from mailbot.openpgp.gpg import Gpg
from mailbot.openpgp.keys import KeyRefused, merge, scan
from mailbot.openpgp.process import stop_agent
from mailbot.service.ports import Opened, Verdict
from tests.openpgp_keys import Home
from tests.unit.openpgp.conftest import CORPUS

RSA = "D4A94886B1CA2096A6458E5C47F10C087884B758"


@pytest.fixture(scope="module")
def mailman(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gpg]:
    """The recipient of the corpus, who has every key in it."""
    home = Home.create(Path(tmp_path_factory.mktemp("c")))
    for key in sorted(CORPUS.glob("keys/*.priv.asc")):
        home.gpg("--import", data=key.read_bytes(), fail=True)
    gpg = Gpg(home.path, RSA, home.path / "scratch")
    yield gpg
    gpg.close()
    stop_agent(home.path)


def _raw(name: str) -> bytes:
    return re.sub(rb"\r?\n", b"\r\n", (CORPUS / "messages" / name).read_bytes())


def _parts(name: str) -> tuple[bytes, list[Message]]:
    """The first part as raw bytes, and the parts."""
    raw = _raw(name)
    message = message_from_bytes(raw)
    boundary = str(message.get_boundary()).encode()
    first = raw.split(b"--" + boundary + b"\r\n")[1].removesuffix(b"\r\n")
    payload = message.get_payload()
    assert isinstance(payload, list)
    return first, [part for part in payload if isinstance(part, Message)]


def _inline(name: str) -> bytes:
    leaves = [part for part in message_from_bytes(_raw(name)).walk() if not part.is_multipart()]
    content = leaves[0].get_payload(decode=True)
    assert isinstance(content, bytes)
    return content


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("mime_signed.eml", Verdict.GOOD),
        ("mime_signed_invalid.eml", Verdict.BAD),
        ("mime_multisig.eml", Verdict.GOOD),
        ("mime_multisig_invalid.eml", Verdict.BAD),
    ],
)
def test_detached(mailman: Gpg, name: str, expected: Verdict) -> None:
    signed, parts = _parts(name)
    leaves = [part for part in parts[1].walk() if part.get_content_type() == "application/pgp-signature"]
    signatures = [bytes(part.get_payload(decode=True) or b"") for part in leaves]
    assert len(signatures) == (2 if "multisig" in name else 1)
    for signature in signatures:
        assert mailman.verify(signed, signature).verdict is expected
    if len(signatures) > 1:
        # gpg stops at the first bad one.
        joined = mailman.verify(signed, b"\n".join(signatures)).verdict
        assert joined is (Verdict.SEVERAL if expected is Verdict.GOOD else expected)


@pytest.mark.parametrize(
    ("name", "outcome", "signature"),
    [
        ("inline_cleartext_signed.eml", Opened.NOT_ENCRYPTED, Verdict.GOOD),
        ("inline_cleartext_signed_invalid.eml", Opened.NOT_ENCRYPTED, Verdict.BAD),
        ("inline_signed.eml", Opened.NOT_ENCRYPTED, Verdict.GOOD),
        ("inline_signed_corrupted.eml", Opened.BROKEN, Verdict.UNSIGNED),
        ("inline_signed_multipart.eml", Opened.NOT_ENCRYPTED, Verdict.GOOD),
        ("inline_encrypted.eml", Opened.DECRYPTED, Verdict.UNSIGNED),
        ("inline_encrypted_multipart.eml", Opened.DECRYPTED, Verdict.UNSIGNED),
        ("inline_pubkey.eml", Opened.BROKEN, Verdict.UNSIGNED),
        ("clear.eml", Opened.BROKEN, Verdict.UNSIGNED),
    ],
)
def test_inline(mailman: Gpg, name: str, outcome: Opened, signature: Verdict) -> None:
    opened = mailman.decrypt(_inline(name))
    assert (opened.outcome, opened.signature.verdict) == (outcome, signature)


@pytest.mark.parametrize(
    ("name", "signature"),
    [
        ("mime_encrypted.eml", Verdict.UNSIGNED),
        ("mime_encrypted_signed.eml", Verdict.GOOD),
        ("mime_signed_then_encrypted.eml", Verdict.UNSIGNED),
    ],
)
def test_encrypted(mailman: Gpg, name: str, signature: Verdict) -> None:
    _, parts = _parts(name)
    ciphertext = parts[1].get_payload(decode=True)
    assert isinstance(ciphertext, bytes)
    opened = mailman.decrypt(ciphertext)
    assert (opened.outcome, opened.signature.verdict) == (Opened.DECRYPTED, signature)


@pytest.mark.parametrize("path", sorted(CORPUS.glob("keys/*.pub.asc")), ids=lambda path: path.name)
def test_keys_are_read_and_their_revocations_merged(path: Path) -> None:
    (key,) = scan(path.read_bytes())
    assert not key.secret
    assert not key.revoked
    assert key.can_encrypt
    revocation = CORPUS / "revocs" / path.name.replace(".pub.", ".revoc.")
    revoked = merge(path.read_text(), revocation.read_bytes(), key.fingerprint)
    assert scan(revoked.encode())[0].revoked


@pytest.mark.parametrize("path", sorted(CORPUS.glob("keys/*.priv.asc")), ids=lambda path: path.name)
def test_secret_keys_are_marked_and_refused(path: Path) -> None:
    (key,) = scan(path.read_bytes())
    assert key.secret
    with pytest.raises(KeyRefused, match="secret"):
        merge(None, path.read_bytes(), key.fingerprint)


@pytest.mark.parametrize("name", ["inline_privkey.eml", "mime_privkey.eml"])
def test_a_secret_key_sent_by_mistake_is_marked(name: str) -> None:
    leaves = [part for part in message_from_bytes(_raw(name)).walk() if not part.is_multipart()]
    found = [key for part in leaves for key in scan(bytes(part.get_payload(decode=True) or b""))]
    assert [(key.fingerprint, key.secret) for key in found] == [(RSA, True)]


@pytest.mark.parametrize(
    "name",
    ["inline_privkey_invalid.eml", "mime_privkey_invalid.eml", "inline_pubkey_invalid.eml", "mime_pubkey_invalid.eml"],
)
def test_a_damaged_key_is_no_key(name: str) -> None:
    leaves = [part for part in message_from_bytes(_raw(name)).walk() if not part.is_multipart()]
    assert [key for part in leaves for key in scan(bytes(part.get_payload(decode=True) or b""))] == []
