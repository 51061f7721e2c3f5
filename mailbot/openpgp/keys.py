"""Keys apart from mail: what is in a file, merging a newer copy of a key, making the group's key."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from mailbot.errors import PermanentError
from mailbot.openpgp import listing
from mailbot.openpgp.keyrings import IMPORT
from mailbot.openpgp.process import Gnupg, GpgUnusable, Result, check_home, remove_sockets, version
from mailbot.service.ports import KeyInfo

SIZE_LIMIT = 1_000_000
"""Bytes of key material in one go. A key with a photo and many signatures has a few 100 kB; 5,000 small keys, which
gpg takes 11 seconds for, just fit."""


class KeyRefused(PermanentError):
    """These bytes are no key that can be taken; the text says why."""


def scan(data: bytes, binary: str = "gpg") -> list[KeyInfo]:
    """The keys in an armored or binary blob, which touches no lasting keyring; [] if there is none.

    Only what the key itself has signed counts: a user id that somebody pasted on is not in the answer. Where the blob
    holds any secret key, all of its keys say so. Raises `KeyRefused` (too large), `GpgUnusable`, `MailFailed`.
    """
    _check_size(data)
    with _throw_away_home(binary) as gpg:
        imported = gpg.run(IMPORT, [data])
        found = listing.parse(gpg.run(listing.LIST_KEYS).output)
        return listing.infos(found, datetime.now(UTC), _holds_secret(imported, data))


def merge(old_armor: str | None, new: bytes, fingerprint: str, binary: str = "gpg") -> str:
    """One public key, armored: the copy we have with what `new` adds (expiry, sub-keys, user ids, revocations).

    `new` may be a revocation certificate, or hold other keys, which are left out. Raises `KeyRefused` if the key is not
    there or `new` holds a secret key, `GpgUnusable`, `MailFailed`.
    """
    _check_size(new)
    with _throw_away_home(binary) as gpg:
        if old_armor is not None:
            gpg.run(IMPORT, [old_armor.encode()])
        if _holds_secret(gpg.run(IMPORT, [new]), new):
            raise KeyRefused("this holds a secret key: it must not be sent to anyone, and is not taken")
        known = {key.fingerprint for key in listing.parse(gpg.run(listing.LIST_KEYS).output)}
        if fingerprint not in known:
            raise KeyRefused(f"this does not hold the public key {fingerprint}")
        return gpg.run(["--armor", "--export", fingerprint]).output.decode("ascii")


def generate(
    home: Path, name: str, address: str, expires: str | None, binary: str = "gpg", passphrase: str | None = None
) -> str:  # fmt: skip
    """Make the group's key pair (Ed25519 to sign, Curve25519 to encrypt) in `home`; its fingerprint.

    `home` is created with mode 0700. `expires` as gpg takes it, such as ``2y``; None for never. Raises `KeyRefused` (a
    name or address that cannot stand in a user id), `GpgUnusable` (such as a path that is too long for gpg-agent).
    """
    if any(character in "<>" or not character.isprintable() for character in name + address):
        raise KeyRefused("a user id cannot hold line ends, control characters or angle brackets")
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    home.chmod(0o700)
    version(binary)
    check_home(home)
    # By parameter file, on standard input, so that nothing stands in the process arguments.
    parameters = [
        "%no-protection" if passphrase is None else f"Passphrase: {passphrase}",
        "Key-Type: eddsa",
        "Key-Curve: ed25519",
        "Key-Usage: cert,sign",
        "Subkey-Type: ecdh",
        "Subkey-Curve: cv25519",
        "Subkey-Usage: encrypt",
        f"Name-Real: {name}",
        f"Name-Email: {address}",
        f"Expire-Date: {expires or 0}",
        "%commit",
    ]
    result = Gnupg(home, binary=binary).run(["--generate-key"], ["\n".join([*parameters, ""]).encode()])
    created = result.all("KEY_CREATED")
    if not created or len(created[0].args) < 2:
        raise GpgUnusable(f"{home}: gpg could not make a key here; see `gpg --homedir {home} --full-generate-key`")
    return created[0].args[1]


def certify(home: Path, old: str, new: str, passphrase: str | None = None, binary: str = "gpg") -> str:
    """Have the key `old` certify the key `new`, both in `home`; the new public key with that, armored.

    So whoever trusts the old one can see that the new one is its owner's. Raises `GpgUnusable`, `MailFailed`.
    """
    gpg = Gnupg(home, binary=binary)
    gpg.run(["--yes", "--local-user", old, "--quick-sign-key", new], passphrase=passphrase)
    listed = gpg.run(["--with-colons", "--check-signatures", new], passphrase=passphrase).output.decode(
        errors="replace"
    )
    # Field 2 says whether a signature is good, field 5 by which key (GnuPG's doc/DETAILS).
    signed = (line.split(":") for line in listed.splitlines() if line.startswith("sig:"))
    if not any(fields[1] == "!" and old.endswith(fields[4]) for fields in signed):
        raise GpgUnusable(f"{home}: gpg did not sign the new key {new} with {old}")
    return gpg.run(["--armor", "--export", new]).output.decode("ascii")


def _check_size(data: bytes) -> None:
    if len(data) > SIZE_LIMIT:
        raise KeyRefused(f"more than {SIZE_LIMIT:,} bytes of keys")


def _holds_secret(imported: Result, data: bytes) -> bool:
    """IMPORT_RES counts the secret keys that gpg read, whether it could store them or not (its tenth field)."""
    counts = imported.all("IMPORT_RES")
    read = any(line.args[9:10] not in ((), ("0",)) for line in counts)
    return read or b"-----BEGIN PGP PRIVATE KEY BLOCK" in data


@contextmanager
def _throw_away_home(binary: str) -> Iterator[Gnupg]:
    """A home for one look at foreign keys, without an agent: a secret key that comes along is stored nowhere."""
    with tempfile.TemporaryDirectory(prefix="mb-", ignore_cleanup_errors=True) as folder:
        try:
            yield Gnupg(Path(folder), binary=binary, autostart=False)
        finally:
            remove_sockets(Path(folder))
