"""The public keys that one process works with, in a keyring of its own.

It is a cache: the keys are rows of the database, and it is built anew when their revision moves. It is built beside
the one in use and takes its place in one step; a call that runs meanwhile ends with the keyring that it began with.
"""

import shutil
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from mailbot.openpgp import listing
from mailbot.openpgp.process import Gnupg, GpgUnusable

IMPORT = ("--import-options=self-sigs-only", "--import")
"""Without the signatures of others: a key server's poisoned key brings a hundred thousand, and we rely on none."""


@dataclass(slots=True)
class Ring:
    """One built keyring; nothing in it changes, but for the count of calls that use it."""

    folder: Path
    keys: Mapping[str, listing.Key]
    """By fingerprint of the primary key."""
    revision: int | None
    users: int = 0

    @property
    def options(self) -> list[str]:
        return ["--no-default-keyring", "--keyring", str(self.folder / "pubring.kbx")]


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
        self._ring: Ring | None = None

    def load(self, revision: int, armored: Sequence[str]) -> None:
        """Make `armored` and the group's key the only ones known.

        A revision lower than the current one is left aside: a thread that read the rows earlier must not bring back a
        key that was removed since. Raises `GpgUnusable`, `MailFailed`.
        """
        if self._is_current(revision):
            return
        with self._building:
            if not self._is_current(revision):
                self._swap(self._build(revision, armored))

    @contextmanager
    def current(self) -> Iterator[Ring]:
        """The ring to use for one call; before any `load`, one with only the group's key."""
        if self._ring is None:
            with self._building:
                if self._ring is None:
                    self._swap(self._build(None, ()))
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

    def close(self) -> None:
        with self._building, self._lock:
            self._ring = None
            if self._folder is not None:
                shutil.rmtree(self._folder, ignore_errors=True)
                self._folder = None

    def _is_current(self, revision: int) -> bool:
        ring = self._ring
        return ring is not None and ring.revision is not None and revision <= ring.revision

    def _build(self, revision: int | None, armored: Sequence[str]) -> Ring:
        own = self._source.run(["--export", self._group_key]).output
        if not own:
            raise GpgUnusable(f"{self._source.home}: the group's key {self._group_key} is not in this GnuPG home")
        if self._folder is None:
            self._scratch.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._folder = Path(tempfile.mkdtemp(prefix="keys-", dir=self._scratch))
        folder = Path(tempfile.mkdtemp(prefix="ring-", dir=self._folder))
        try:
            keys = build(folder, [own, *(text.encode() for text in armored)], self._source)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        return Ring(folder, {key.fingerprint: key for key in keys}, revision)

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


def build(folder: Path, blobs: Sequence[bytes], source: Gnupg) -> list[listing.Key]:
    """Import public keys into the empty home `folder`, with the gpg of `source`; what it then holds."""
    gpg = Gnupg(folder, binary=source.binary, timeout=source.timeout, autostart=False)
    for blob in blobs:
        gpg.run(IMPORT, [blob])
    return listing.parse(gpg.run(listing.LIST_KEYS).output)
