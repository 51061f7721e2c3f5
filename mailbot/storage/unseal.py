"""Opening what was sealed: only processes that hold the private seal key (workers, delivery, scheduler, the CLI).

Small values are encrypted with XChaCha20-Poly1305 under an issue's data key or the store's own; the context (table and
purpose) is authenticated with them, so that a value cannot be moved to another place.
"""

import hashlib
import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from nacl import bindings
from nacl.exceptions import CryptoError

from mailbot.errors import ConfigError, PermanentError
from mailbot.storage.seal import Sealer, encrypt_chunks, public_key_file, read_key

KEY_BYTES = 32
_NONCE = bindings.crypto_aead_xchacha20poly1305_ietf_NPUBBYTES


class SealBroken(PermanentError):
    """Sealed data does not open: it was changed, belongs elsewhere, or its key is another one."""


class Box:
    """One symmetric data key."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def seal(self, value: bytes, context: str) -> bytes:
        nonce = os.urandom(_NONCE)
        return nonce + bindings.crypto_aead_xchacha20poly1305_ietf_encrypt(value, context.encode(), nonce, self._key)

    def open(self, sealed: bytes, context: str) -> bytes:
        nonce, ciphertext = sealed[:_NONCE], sealed[_NONCE:]
        try:
            return bindings.crypto_aead_xchacha20poly1305_ietf_decrypt(ciphertext, context.encode(), nonce, self._key)
        except CryptoError:
            raise SealBroken(f"a sealed value ({context}) does not open") from None

    def seal_json(self, value: Any, context: str) -> bytes:
        return self.seal(
            json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass"), context
        )

    def open_json(self, sealed: bytes, context: str) -> Any:
        return json.loads(self.open(sealed, context))


class Unsealer(Sealer):
    """Holds the private seal key."""

    def __init__(self, private_key: bytes) -> None:
        super().__init__(bindings.crypto_scalarmult_base(private_key))
        self._private_key = private_key

    def unwrap(self, wrapped: bytes) -> bytes:
        try:
            return bindings.crypto_box_seal_open(wrapped, self.public_key, self._private_key)
        except CryptoError:
            raise SealBroken("a wrapped key does not open with this seal key") from None


def decrypt_chunks(key: bytes, chunks: Iterable[bytes], first_only: bool = False) -> Iterator[bytes]:
    """Open chunks in order: first, piece, piece, ...

    Raises `SealBroken`, at the latest behind the last one, if one was changed, is missing or out of order: nothing
    counts before that. With `first_only` the final chunk need not be reached: the caller wants the beginning and knows
    it.
    """
    state = bindings.crypto_secretstream_xchacha20poly1305_state()
    secret, header = key[:KEY_BYTES], key[KEY_BYTES:]
    bindings.crypto_secretstream_xchacha20poly1305_init_pull(state, header, secret)
    final = False
    for chunk in chunks:
        try:
            piece, tag = bindings.crypto_secretstream_xchacha20poly1305_pull(state, chunk)
        except (CryptoError, RuntimeError, ValueError):
            raise SealBroken("a sealed mail does not open") from None
        final = tag == bindings.crypto_secretstream_xchacha20poly1305_TAG_FINAL
        yield piece
    if not final and not first_only:
        raise SealBroken("a sealed mail is cut short")


def keyed_hash(key: bytes, kind: str, value: str) -> bytes:
    """16 bytes that find an address or Message-ID again without storing it (BLAKE2b, keyed; RFC 7693)."""
    return hashlib.blake2b(f"{kind}\0{value}".encode("utf-8", "surrogateescape"), key=key, digest_size=16).digest()


def load_unsealer(seal_key_file: Path) -> Unsealer:
    """Read the private seal key. Raises `ConfigError` that says the mend; refuses one that others can read, and one
    whose public half is another key's."""
    key = read_key(seal_key_file, "private seal key")
    if readable_by_others(seal_key_file):
        raise ConfigError(
            f"{seal_key_file}: storage.seal_key_file: other users may read it; mend: chmod 600 {seal_key_file}"
        )
    unsealer = Unsealer(key)
    public = public_key_file(seal_key_file)
    if public.exists() and read_key(public, "public seal key") != unsealer.public_key:
        # The listener, which has only this one, would accept mail that nobody can ever open.
        raise ConfigError(
            f"{public}: storage.seal_key_file: it does not belong to {seal_key_file}; restore the pair that was made "
            "together"
        )
    return unsealer


def readable_by_others(path: Path) -> bool:
    """Whether the mode of a file or directory lets other users read it. A systemd credential's does not count: its
    directory is closed to others, and the access list by which it is given to the unit's user shows as its group's."""
    directory = os.environ.get("CREDENTIALS_DIRECTORY", "/run/credentials")
    return not path.is_relative_to(directory) and bool(path.stat().st_mode & 0o077)


__all__ = [
    "Box",
    "SealBroken",
    "Unsealer",
    "decrypt_chunks",
    "encrypt_chunks",
    "keyed_hash",
    "load_unsealer",
    "readable_by_others",
]
