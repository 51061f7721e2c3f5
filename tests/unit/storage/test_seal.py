"""Sealing with the public key, and opening with the private one."""

import stat
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from nacl import bindings

from mailbot.errors import ConfigError
from mailbot.storage import seal
from mailbot.storage.seal import CHUNK_SIZE, SealedBlob, Sealer
from mailbot.storage.unseal import Box, SealBroken, Unsealer, decrypt_chunks, keyed_hash, load_unsealer

PRIVATE = bytes(range(32))
UNSEALER = Unsealer(PRIVATE)
SEALER = Sealer(UNSEALER.public_key)
SIZES = [0, 1, CHUNK_SIZE - 1, CHUNK_SIZE, CHUNK_SIZE + 1, 3 * CHUNK_SIZE + 7]


def body(size: int) -> bytes:
    return bytes(number % 251 for number in range(size))


def opened(blob: SealedBlob, unsealer: Unsealer = UNSEALER) -> tuple[bytes, bytes]:
    first, *pieces = decrypt_chunks(unsealer.unwrap(blob.wrapped_key), blob.chunks)
    return first, b"".join(pieces)


# Mails


@pytest.mark.parametrize("size", SIZES)
def test_what_was_sealed_opens_as_it_was(size: int) -> None:
    blob = SEALER.seal(b"the envelope", body(size))
    assert opened(blob) == (b"the envelope", body(size))
    assert blob.size == size
    assert len(blob.chunks) == 1 + -(-size // CHUNK_SIZE)


@settings(deadline=None, max_examples=50)
@given(st.binary(max_size=200), st.binary(max_size=2000))
def test_nothing_of_it_can_be_read_in_the_sealed_form(first: bytes, content: bytes) -> None:
    blob = SEALER.seal(first, content)
    assert opened(blob) == (first, content)
    stored = b"".join((blob.wrapped_key, *blob.chunks))
    for text in (first, content):
        assert len(text) < 8 or text not in stored


def test_the_same_mail_twice_shows_nothing_of_that() -> None:
    one, other = SEALER.seal(b"e", body(100)), SEALER.seal(b"e", body(100))
    assert not {one.wrapped_key, *one.chunks} & {other.wrapped_key, *other.chunks}


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_any_buffer_can_be_sealed_and_is_left_as_it_was(kind: type) -> None:
    buffer = kind(body(CHUNK_SIZE + 5))
    assert opened(SEALER.seal(b"", buffer))[1] == body(CHUNK_SIZE + 5)
    assert bytes(buffer) == body(CHUNK_SIZE + 5)


def test_the_beginning_can_be_read_without_the_rest() -> None:
    blob = SEALER.seal(b"the envelope", body(3 * CHUNK_SIZE))
    key = UNSEALER.unwrap(blob.wrapped_key)
    beginning = list(decrypt_chunks(key, blob.chunks[:2], first_only=True))
    assert beginning == [b"the envelope", body(3 * CHUNK_SIZE)[:CHUNK_SIZE]]


MANY = SEALER.seal(b"the envelope", body(3 * CHUNK_SIZE))
A, B, C, D = MANY.chunks
FLIPPED = B[:-1] + bytes([B[-1] ^ 1])


TOUCHED = {
    "end missing": (A, B, C),
    "only the first": (A,),
    "none": (),
    "swapped": (A, C, B, D),
    "first swapped": (B, A, C, D),
    "one missing": (A, C, D),
    "one twice": (A, B, B, C, D),
    "last twice": (A, B, C, D, D),
    "changed": (A, FLIPPED, C, D),
    "cut": (A, B[:-1], C, D),
    "emptied": (A, b"", C, D),
    "lengthened": (A, B + b"\0", C, D),
}


@pytest.mark.parametrize("chunks", TOUCHED.values(), ids=TOUCHED.keys())
def test_chunks_that_were_touched_do_not_open(chunks: tuple[bytes, ...]) -> None:
    with pytest.raises(SealBroken):
        list(decrypt_chunks(UNSEALER.unwrap(MANY.wrapped_key), chunks))


def test_a_chunk_of_another_mail_does_not_open() -> None:
    other = SEALER.seal(b"the envelope", body(3 * CHUNK_SIZE))
    with pytest.raises(SealBroken):
        list(decrypt_chunks(UNSEALER.unwrap(MANY.wrapped_key), (A, other.chunks[1], C, D)))
    with pytest.raises(SealBroken):
        list(decrypt_chunks(UNSEALER.unwrap(other.wrapped_key), MANY.chunks))


# Keys


def test_another_private_key_opens_nothing() -> None:
    other = Unsealer(bytes(32))
    with pytest.raises(SealBroken):
        other.unwrap(MANY.wrapped_key)


@pytest.mark.parametrize("wrapped", [b"", b"x", MANY.wrapped_key[:-1], b"\0" + MANY.wrapped_key[1:]])
def test_a_wrapped_key_that_was_touched_does_not_open(wrapped: bytes) -> None:
    with pytest.raises(SealBroken):
        UNSEALER.unwrap(wrapped)


def test_a37_what_the_listener_has_opens_nothing(tmp_path: Path) -> None:
    seal.generate(tmp_path / "seal.key")
    private = (tmp_path / "seal.key").read_text()
    (tmp_path / "seal.key").unlink()  # the listener needs no private key, and does not look for it
    sealer = seal.load_sealer(tmp_path / "seal.key")
    blob = sealer.seal(b"e", b"text")
    assert bytes.fromhex(private) not in vars(sealer).values()
    for guess in (sealer.public_key, b"\0" * 32, blob.wrapped_key[:32]):
        with pytest.raises(Exception, match=r"An error occurred|decrypt"):
            bindings.crypto_box_seal_open(blob.wrapped_key, sealer.public_key, guess)
        with pytest.raises(SealBroken):
            Unsealer(guess).unwrap(blob.wrapped_key)
    assert opened(blob, Unsealer(bytes.fromhex(private))) == (b"e", b"text")


def test_new_keys_are_a_pair_and_the_private_one_is_owner_only(tmp_path: Path) -> None:
    file = tmp_path / "seal.key"
    seal.generate(file)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert load_unsealer(file).public_key == seal.load_sealer(file).public_key
    with pytest.raises(FileExistsError):
        seal.generate(file)


@pytest.mark.parametrize("content", ["", "xyz", "00" * 31, "00" * 33, "00" * 32 + "\n" + "00" * 32, "é"])
def test_a_file_that_holds_no_key_is_refused_with_what_is_allowed(tmp_path: Path, content: str) -> None:
    file = tmp_path / "seal.key"
    file.write_text(content, encoding="utf-8")
    file.chmod(0o600)
    with pytest.raises(ConfigError, match="64 hex digits"):
        load_unsealer(file)


def test_a_missing_key_and_one_that_others_can_read_are_refused_with_the_mend(tmp_path: Path) -> None:
    file = tmp_path / "seal.key"
    with pytest.raises(ConfigError, match=r"the private seal key is missing; restore it"):
        load_unsealer(file)
    with pytest.raises(ConfigError, match=r"the public seal key is missing"):
        seal.load_sealer(file)
    seal.generate(file)
    file.chmod(0o640)
    with pytest.raises(ConfigError, match="chmod 600"):
        load_unsealer(file)


def test_a_missing_credential_is_told_from_a_lost_key() -> None:
    with pytest.raises(ConfigError, match=r"the public seal key is a systemd credential.*is the unit running\?"):
        seal.load_sealer(Path("/run/credentials/no-such-unit.service/seal.key"))


# Small values


BOX = Box(b"k" * 32)


@given(st.binary(max_size=300))
def test_a_small_value_opens_in_its_own_place(value: bytes) -> None:
    sealed = BOX.seal(value, "issue")
    assert BOX.open(sealed, "issue") == value
    assert sealed != BOX.seal(value, "issue")


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda some: st.lists(some) | st.dictionaries(st.text(), some),
        max_leaves=8,
    )
)
@example({"headers": "bytes that are no UTF-8: \udcff"})
def test_json_values_come_back_as_they_were(value: object) -> None:
    assert BOX.open_json(BOX.seal_json(value, "notice"), "notice") == value


SEALED = BOX.seal(b"value", "issue")


@pytest.mark.parametrize(
    ("box", "sealed", "context"),
    [
        (BOX, SEALED, "notice"),
        (BOX, SEALED, "issue "),
        (BOX, SEALED, ""),
        (Box(b"l" * 32), SEALED, "issue"),
        (BOX, SEALED[:-1], "issue"),
        (BOX, SEALED + b"\0", "issue"),
        (BOX, bytes([SEALED[0] ^ 1]) + SEALED[1:], "issue"),
        (BOX, b"", "issue"),
        (BOX, b"short", "issue"),
    ],
    ids=["elsewhere", "nearly there", "nowhere", "another key", "cut", "lengthened", "changed", "empty", "short"],
)
def test_a_value_does_not_open_elsewhere_with_another_key_or_changed(box: Box, sealed: bytes, context: str) -> None:
    with pytest.raises(SealBroken) as caught:
        box.open(sealed, context)
    assert "value)" not in str(caught.value)


def test_a_keyed_hash_finds_the_same_value_of_the_same_kind_again_and_no_other() -> None:
    found = keyed_hash(b"k" * 32, "address", RITA)
    assert found == keyed_hash(b"k" * 32, "address", RITA)
    assert len(found) == 16
    others = [
        keyed_hash(b"l" * 32, "address", RITA), keyed_hash(b"k" * 32, "message-id", RITA),
        keyed_hash(b"k" * 32, "address", "sam@out.example"), keyed_hash(b"k" * 32, "addres", "s\0" + RITA),
    ]  # fmt: skip
    assert found not in others


RITA = "rita@out.example"
