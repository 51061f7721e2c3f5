"""What the use cases need from the outside world, and the values that cross.

Implemented by `cage` (Parser), `openpgp` (OpenPGP) and `storage` (Store); the tests have twins of the first two, and
the same contract suites run on both.
"""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from mailbot.errors import PermanentError
from mailbot.mail.bounce import Action
from mailbot.mail.structure import Structure


class Unreadable(PermanentError):
    """The mail cannot be taken apart within the limits; it is relayed raw. The text is one of our own fixed phrases."""


class Parser(Protocol):
    def parse(self, raw: bytes) -> Structure:
        """Take a mail apart. Raises `Unreadable` (over a limit), `MailFailed` (the parser hung or died on it)."""
        ...

    def bounce(self, raw: bytes) -> Action:
        """What a mail that is known to be a bounce says in words, as FAILED, DELAYED or UNKNOWN. Nothing in a mail
        makes it fail."""
        ...


class Verdict(StrEnum):
    """What is known about a signature: never a boolean."""

    UNSIGNED = "unsigned"
    GOOD = "good"
    BAD = "bad"
    NO_KEY = "no-key"
    EXPIRED = "expired"
    """The key, or the signature, was good once and is expired now."""
    REVOKED = "revoked"
    SEVERAL = "several-signers"
    WEAK = "weak-digest"
    ERROR = "error"
    """gpg could not check it and gave none of the reasons above."""


@dataclass(frozen=True, slots=True)
class Signature:
    verdict: Verdict = Verdict.UNSIGNED
    fingerprint: str = ""
    """Full fingerprint of the *primary* key; only set where the key is in our keyring."""
    key_id: str = ""
    """Long id of the key that signed, as the signature says; for people only."""
    signed_at: datetime | None = None

    @property
    def good(self) -> bool:
        return self.verdict is Verdict.GOOD


UNSIGNED = Signature()


class Opened(StrEnum):
    """What became of something that looked encrypted."""

    DECRYPTED = "decrypted"
    NOT_ENCRYPTED = "not-encrypted"
    """Literal or signed-only data: readable, but it was never encrypted."""
    NO_KEY = "cannot-decrypt"
    TAMPERED = "tampered"
    """Modified or without integrity protection: whatever gpg printed is thrown away."""
    TOO_LARGE = "too-large"
    BROKEN = "broken"
    """No OpenPGP data, or nothing that gpg understands."""


@dataclass(frozen=True, slots=True)
class Decryption:
    outcome: Opened
    plaintext: bytes | None = None
    """Set only for DECRYPTED and NOT_ENCRYPTED."""
    signature: Signature = Signature()
    key_ids: tuple[str, ...] = ()
    """The key ids that the ciphertext names (long ids; sixteen zeros is a hidden recipient)."""
    symmetric: bool = False
    """It can (also) be opened with a passphrase."""


@dataclass(frozen=True, slots=True)
class DetachedSignature:
    armored: bytes
    """ASCII armor, CRLF line ends."""
    micalg: str
    """For multipart/signed, such as ``pgp-sha512`` (RFC 3156 5)."""


@dataclass(frozen=True, slots=True)
class KeyInfo:
    """One public key as gpg sees it at the moment of asking."""

    fingerprint: str
    user_ids: tuple[str, ...]
    algorithm: str
    """Such as ``ed25519`` or ``rsa4096``."""
    created_at: datetime | None
    expires_at: datetime | None
    """When the primary key expires; None for never."""
    encrypts_until: datetime | None
    """When the last usable encryption (sub)key expires; None for never. Meaningless unless `can_encrypt`."""
    revoked: bool
    can_encrypt: bool
    """There is a valid, unexpired, unrevoked encryption (sub)key now."""
    secret: bool = False
    """The data held a secret key: it must not be stored."""
    encryption_ends: datetime | None = None
    """When the last of its encryption sub-keys expires, or has; None for never."""
    signing_ends: datetime | None = None
    """The same of what can sign, the primary key included."""

    def usable(self, now: datetime) -> bool:
        """Whether mail may be encrypted to it at `now`."""
        alive = [until for until in (self.expires_at, self.encrypts_until) if until is not None]
        return self.can_encrypt and not self.revoked and all(now < until for until in alive)


class UnusableKeys(PermanentError):
    """gpg refused some recipients (expired or revoked since we looked); nothing was encrypted."""

    def __init__(self, fingerprints: frozenset[str]) -> None:
        super().__init__(f"{len(fingerprints)} recipient keys cannot be used")
        self.fingerprints = fingerprints


class OpenPGP(Protocol):
    """Every method raises `TemporaryError` if gpg or its agent is missing or broken, and `MailFailed` if a call took
    longer than its time limit."""

    def load(self, revision: int, armored: Sequence[str]) -> None:
        """Make `armored` (public keys) the only keys known beside the group's own; cheap if `revision` is unchanged."""
        ...

    def decrypt(self, ciphertext: bytes) -> Decryption: ...

    def verify(self, signed: bytes, signature: bytes) -> Signature:
        """Check a detached signature over exactly these bytes."""
        ...

    def sign(self, data: bytes) -> DetachedSignature:
        """A detached signature of the group's key over exactly these bytes."""
        ...

    def encrypt(self, pieces: Sequence[bytes], recipients: Sequence[str], sign: bool = True) -> bytes:
        """Sign with the group's key (or not) and encrypt the concatenated pieces to all recipients (full fingerprints).

        Returns ASCII armor with CRLF line ends. Raises `UnusableKeys`.
        """
        ...

    def with_keys(self, armored: Sequence[str]) -> AbstractContextManager["OpenPGP"]:
        """The same with `armored` in place of the loaded keys, for one use of a key that must not stay."""
        ...

    def scan(self, data: bytes) -> list[KeyInfo]:
        """The keys in an armored or binary blob; nothing is kept. [] for anything that is none."""
        ...

    def minimal(self, data: bytes, fingerprint: str) -> str:
        """One public key out of a blob, armored, with its self-signatures only."""
        ...

    def info(self, fingerprint: str) -> KeyInfo | None:
        """What is known of a loaded key (or the group's), or None."""
        ...

    def group_key(self) -> str:
        """The group's public key, ASCII armor."""
        ...
