"""Sealing with the store's public key: what the listener can do. It can store a mail and cannot read one.

A mail is encrypted in chunks with libsodium's secretstream (XChaCha20-Poly1305) under a fresh key; that key is sealed
to the store's public key (crypto_box_seal, X25519). Chunk 0 is the envelope, so that addresses are as secret as bodies.
"""

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from nacl import bindings
from nacl.exceptions import CryptoError

from mailbot.errors import ConfigError

CHUNK_SIZE = 256 * 1024
"""Bytes per chunk: one row for nearly every mail, and little extra memory for a large one."""


@dataclass(frozen=True, slots=True)
class SealedBlob:
    wrapped_key: bytes
    chunks: tuple[bytes, ...]
    size: int
    """Bytes of the body, without the first chunk."""


def encrypt_chunks(first: bytes, body: Iterable[bytes | bytearray | memoryview]) -> tuple[bytes, Iterator[bytes]]:
    """Encrypt `first` and the pieces of a body under a fresh key.

    Returns the key material (to be wrapped) and the chunks, which are made one by one as they are taken.
    """
    key = bindings.crypto_secretstream_xchacha20poly1305_keygen()
    state = bindings.crypto_secretstream_xchacha20poly1305_state()
    header = bindings.crypto_secretstream_xchacha20poly1305_init_push(state, key)

    def chunks() -> Iterator[bytes]:
        push = bindings.crypto_secretstream_xchacha20poly1305_push
        plain = first
        for following in _cut(body):
            yield push(state, plain, None, bindings.crypto_secretstream_xchacha20poly1305_TAG_MESSAGE)
            plain = following
        yield push(state, plain, None, bindings.crypto_secretstream_xchacha20poly1305_TAG_FINAL)

    return key + header, chunks()


def _cut(body: Iterable[bytes | bytearray | memoryview]) -> Iterator[bytes]:
    """Pieces of any size as blocks of `CHUNK_SIZE` and a last one; small pieces share a block."""
    block = bytearray()
    for piece in body:
        view = memoryview(piece)
        while len(view):
            room = CHUNK_SIZE - len(block)
            block += view[:room]
            view = view[room:]
            if len(block) == CHUNK_SIZE:
                yield bytes(block)
                block.clear()
    if block:
        yield bytes(block)


class Sealer:
    """Seals to one public key."""

    def __init__(self, public_key: bytes) -> None:
        self.public_key = public_key

    def wrap(self, key: bytes) -> bytes:
        """Seal a short secret (crypto_box_seal)."""
        return bindings.crypto_box_seal(key, self.public_key)

    def seal(self, first: bytes, body: bytes | bytearray | memoryview) -> SealedBlob:
        key, chunks = encrypt_chunks(first, [body])
        return SealedBlob(self.wrap(key), tuple(chunks), len(body))


def public_key_file(seal_key_file: Path) -> Path:
    """Where the public half stands: beside the private one, with ``.pub`` added."""
    return seal_key_file.with_name(seal_key_file.name + ".pub")


def read_key(path: Path, what: str) -> bytes:
    """Read a key file: one line of 64 hex digits. Raises `ConfigError` that says the mend."""
    try:
        key = bytes.fromhex(path.read_text(encoding="ascii").strip())
    except FileNotFoundError:
        if path.is_relative_to("/run/credentials"):
            raise ConfigError(
                f"{path}: storage.seal_key_file: the {what} is a systemd credential, and not there; is the unit"
                " running? docs/operator.md says under Two users how to do without it"
            ) from None
        raise ConfigError(
            f"{path}: storage.seal_key_file: the {what} is missing; restore it from where you keep it"
            " (`mailbot init` makes one for a new installation)"
        ) from None
    except PermissionError:
        raise ConfigError(f"{path}: storage.seal_key_file: the {what} cannot be read by this user") from None
    except (OSError, ValueError):
        raise ConfigError(
            f"{path}: storage.seal_key_file: found no {what}; allowed: one line of 64 hex digits"
        ) from None
    if len(key) != bindings.crypto_box_PUBLICKEYBYTES:
        raise ConfigError(f"{path}: storage.seal_key_file: found no {what}; allowed: one line of 64 hex digits")
    return key


def load_sealer(seal_key_file: Path) -> Sealer:
    return Sealer(read_key(public_key_file(seal_key_file), "public seal key"))


def generate(seal_key_file: Path) -> None:
    """Write a new pair: the private key owner-only, the public one beside it. Refuses to overwrite."""
    public, private = bindings.crypto_box_keypair()
    for path, key, mode in ((seal_key_file, private, 0o600), (public_key_file(seal_key_file), public, 0o644)):
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(key.hex() + "\n")
            file.flush()
            os.fsync(file.fileno())


__all__ = ["CHUNK_SIZE", "CryptoError", "SealedBlob", "Sealer", "encrypt_chunks", "generate", "load_sealer", "read_key"]
