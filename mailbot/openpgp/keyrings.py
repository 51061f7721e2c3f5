"""The public keys that one process works with, in a keyring of its own.

It is a cache: the keys are rows of the database, and it is built anew when their revision moves. It is built beside
the one in use and takes its place in one step; a call that runs meanwhile ends with the keyring that it began with.
"""

import fcntl
import os
import shutil
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from mailbot.openpgp import listing
from mailbot.openpgp.process import Gnupg, GpgUnusable, check_home, remove_sockets

IMPORT = ("--import-options=self-sigs-only", "--import")
"""Without the signatures of others: a key server's poisoned key brings a hundred thousand, and we rely on none."""
_KEYRING_ROOM = 100_000
"""Bytes that gpg may need beside a key itself: copies of the keyring, and locks."""


@dataclass(slots=True)
class Ring:
    """One built keyring. Its files do not change; they are removed when it is neither the current one nor in use."""

    folder: Path
    keys: Mapping[str, listing.Key]
    """By fingerprint of the primary key."""
    revision: int | None
    armored: tuple[str, ...]
    users: int = 0
    stale: bool = False

    @property
    def options(self) -> list[str]:
        # Nobody writes to these files any more. And where a full disk refuses a lock, gpg ends with code 2, which makes
        # a good signature look like a dubious one.
        return ["--lock-never", "--no-default-keyring", "--keyring", str(self.folder / "pubring.kbx")]

    @property
    def key_ids(self) -> set[str]:
        return {part.key_id for key in self.keys.values() for part in key.parts}


class Keyrings:
    """Builds and hands out the current `Ring`. Threads may share it."""

    def __init__(self, source: Gnupg, group_key: str, scratch: Path) -> None:
        """`source` is the group's home, from which its public key comes; `scratch` a directory for our own files."""
        self._source = source
        self._group_key = group_key
        self._scratch = scratch
        self._lock = threading.Lock()
        self._building = threading.Lock()
        self._folder: Path | None = None
        self._folder_lock = -1
        self._ring: Ring | None = None

    def load(self, revision: int, armored: Sequence[str]) -> None:
        """Make `armored` and the keys whose secret is in the group's home the only ones known.

        A revision lower than the current one is left aside: a thread that read the rows earlier must not bring back a
        key that was removed since. Raises `GpgUnusable`, `MailFailed`.
        """
        if self._has(revision):
            return
        with self._building:
            if not self._has(revision):
                self._swap(self._build(revision, tuple(armored)))

    @contextmanager
    def current(self) -> Iterator[Ring]:
        """The ring to use for one call; before any `load`, one with only the group's key."""
        ring = self._ring
        if ring is None or ring.stale:
            with self._building:
                ring = self._ring
                if ring is None:
                    self._swap(self._build(None, ()))
                elif ring.stale:
                    self._swap(self._build(ring.revision, ring.armored))
        with self._lock:
            ring = self._ring
            if ring is None:
                raise GpgUnusable("the keyring was closed")
            ring.users += 1
        try:
            yield ring
        finally:
            with self._lock:
                ring.users -= 1
            self._drop(ring)

    def forget(self) -> None:
        """The keys in the group's home may have changed since (a new expiry, a new sub-key): look again next time."""
        with self._lock:
            if self._ring is not None:
                self._ring.stale = True

    def close(self) -> None:
        with self._building, self._lock:
            self._ring = None
            if self._folder is not None:
                shutil.rmtree(self._folder, ignore_errors=True)
                os.close(self._folder_lock)
                self._folder = None

    def _has(self, revision: int) -> bool:
        ring = self._ring
        return ring is not None and ring.revision is not None and revision <= ring.revision

    def _build(self, revision: int | None, armored: tuple[str, ...]) -> Ring:
        own = self._export_own()
        if self._folder is None:
            self._folder, self._folder_lock = _claim_folder(self._scratch)
        folder = Path(tempfile.mkdtemp(prefix="ring-", dir=self._folder))
        try:
            keys = _fill(folder, [own, *(text.encode() for text in armored)], self._source)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        return Ring(folder, {key.fingerprint: key for key in keys}, revision, armored)

    def _export_own(self) -> bytes:
        """The public part of every key whose secret part is in the home: after a rotation, the former key stays
        readable as long as the operator leaves it there."""
        check_home(self._source.home)
        listed = listing.parse(self._source.run(listing.LIST_SECRET_KEYS).output)
        if self._group_key not in [key.fingerprint for key in listed]:
            raise GpgUnusable(f"{self._source.home}: gpg-agent has no secret key {self._group_key} here")
        return self._source.run(["--export", *(key.fingerprint for key in listed)]).output

    def _swap(self, ring: Ring) -> None:
        with self._lock:
            former, self._ring = self._ring, ring
        if former is not None:
            self._drop(former)

    def _drop(self, ring: Ring) -> None:
        with self._lock:
            if ring is self._ring or ring.users:
                return
        shutil.rmtree(ring.folder, ignore_errors=True)


def _fill(folder: Path, blobs: Sequence[bytes], source: Gnupg) -> list[listing.Key]:
    """Import public keys into the empty home `folder`, with the gpg of `source`; what it then holds."""
    gpg = Gnupg(folder, binary=source.binary, timeout=source.timeout, autostart=False)
    own, *others = blobs
    _import(gpg, own)
    # gpg takes many armored keys in one go, but what stands behind a damaged one is lost: then one by one.
    if others and gpg.run(IMPORT, others).returncode != 0:
        for blob in others:
            _import(gpg, blob)
    keys = listing.parse(gpg.run(listing.LIST_KEYS).output)
    # From here on only the keyring file is used, with the home of the secret key.
    remove_sockets(folder)
    return keys


def _import(gpg: Gnupg, blob: bytes) -> None:
    """Import one blob; what is damaged is left out. Raises `GpgUnusable` if there is no room for it.

    gpg does not tell these two apart, and a member whose key is left out for want of room would pass for one without.
    """
    if gpg.run(IMPORT, [blob]).returncode == 0:
        return
    try:
        with tempfile.TemporaryFile(dir=gpg.home) as probe:
            probe.write(bytes(_KEYRING_ROOM + 2 * len(blob)))
            probe.flush()
            os.fsync(probe.fileno())
    except OSError as error:
        raise GpgUnusable(f"{gpg.home}: no keyring can be written here: {error.strerror}") from error
    gpg.run(IMPORT, [blob])


def _claim_folder(scratch: Path) -> tuple[Path, int]:
    """A folder of our own, and the lock that shows that its owner lives; folders of dead processes are removed."""
    scratch.mkdir(mode=0o700, parents=True, exist_ok=True)
    for left in scratch.glob("keys-*"):
        with suppress(OSError):
            lock = os.open(left / "lock", os.O_RDWR)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(left, ignore_errors=True)
            finally:
                os.close(lock)
    # Renamed when it is locked, so that nobody takes it for a dead one meanwhile.
    fresh = Path(tempfile.mkdtemp(prefix="new-", dir=scratch))
    lock = os.open(fresh / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(lock, fcntl.LOCK_EX)
    return fresh.rename(fresh.with_name(fresh.name.replace("new-", "keys-", 1))), lock
