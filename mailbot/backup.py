"""A backup: one tar file with the config, the database as it was at one moment, and the public keys.

Never in it: the seal key, the group's secret key, passphrases, passwords. So whoever finds a backup finds what whoever
steals the database finds (docs/architecture.md, "Sealing"), and to restore it those three have to come from elsewhere.
Out of a backup comes nothing but the files that are named here, whatever else somebody put into it.
"""

import io
import json
import os
import sqlite3
import tarfile
import tempfile
import time
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path

from mailbot.errors import PermanentError

CONFIG, DATABASE, KEYS, ABOUT = "mailbot.toml", "mailbot.db", "public-keys.asc", "about.json"
ABOUT_BYTES = 10_000


class BadBackup(PermanentError):
    """The file is no backup, or is damaged; the text says what is wrong."""


@dataclass(frozen=True, slots=True)
class About:
    """What a backup is of. `seal_key` is the public half, 64 hex digits: it says which private one is needed."""

    made_at: str
    version: str
    schema: str
    seal_key: str
    group_key: str


def write(file: Path, config: Path, database: Path, public_keys: str, about: About) -> None:
    """Make a backup, owner-only, of a database that may be in use. Refuses to overwrite.

    The copy is SQLite's own backup: whole transactions, and none that begins later. Raises `OSError`, `BadBackup`.
    """
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        # Beside the backup, because there is room for it, and it is as confidential.
        with (
            os.fdopen(descriptor, "wb") as out,
            tempfile.NamedTemporaryFile(dir=file.parent, prefix=f".{file.name}.") as copy,
        ):
            with closing(sqlite3.connect(database)) as source, closing(sqlite3.connect(copy.name)) as target:
                source.backup(target)
                target.execute("PRAGMA journal_mode=DELETE")
            _check(Path(copy.name))
            with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as archive:
                _add(archive, ABOUT, json.dumps(asdict(about), indent=2).encode())
                _add(archive, CONFIG, config.read_bytes())
                _add(archive, KEYS, public_keys.encode())
                member = _member(DATABASE, os.stat(copy.name).st_size)
                with open(copy.name, "rb") as data:
                    archive.addfile(member, data)
            out.flush()
            os.fsync(out.fileno())
    except BaseException:
        file.unlink(missing_ok=True)
        raise


def restore(file: Path, directory: Path) -> About:
    """Unpack a backup into a directory that is new or empty. Raises `BadBackup`, `OSError`; then nothing is left."""
    if directory.exists() and any(directory.iterdir()):
        raise BadBackup(f"{directory} is not empty; restore into a new directory")
    made = not directory.exists()
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    written: list[Path] = []
    try:
        about = _unpack(file, directory, written)
        _check(directory / DATABASE)
    except BaseException:
        for path in written:
            path.unlink(missing_ok=True)
        if made:
            directory.rmdir()
        raise
    return about


def _unpack(file: Path, directory: Path, written: list[Path]) -> About:
    try:
        with tarfile.open(file, mode="r:") as archive:
            about = About(**json.loads(_content(archive, ABOUT, file).read(ABOUT_BYTES)))
            for name in (CONFIG, KEYS, DATABASE):
                source = _content(archive, name, file)
                path = directory / name
                descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
                written.append(path)
                with os.fdopen(descriptor, "wb") as out:
                    while piece := source.read(1 << 20):
                        out.write(piece)
                    out.flush()
                    os.fsync(out.fileno())
    except (tarfile.TarError, ValueError, TypeError, EOFError) as error:
        raise BadBackup(f"{file}: no backup, or damaged ({type(error).__name__})") from error
    return about


def _content(archive: tarfile.TarFile, name: str, file: Path) -> io.BufferedIOBase:
    """A plain file of the archive by its name; nothing else is ever looked at."""
    try:
        member = archive.getmember(name)
    except KeyError:
        raise BadBackup(f"{file}: no backup: it holds no {name}") from None
    content = archive.extractfile(member) if member.isreg() else None
    if content is None:
        raise BadBackup(f"{file}: {name} in it is no plain file")
    return content  # type: ignore[return-value]  # the stubs know only IO[bytes]


def _add(archive: tarfile.TarFile, name: str, data: bytes) -> None:
    archive.addfile(_member(name, len(data)), io.BytesIO(data))


def _member(name: str, size: int) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.size, member.mode, member.mtime = size, 0o600, int(time.time())
    return member


def _check(database: Path) -> None:
    try:
        with closing(sqlite3.connect(f"{database.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            said = connection.execute("PRAGMA integrity_check").fetchone()[0]
    except sqlite3.Error as error:
        raise BadBackup(f"{database}: the copy of the database cannot be read: {error}") from error
    if said != "ok":
        raise BadBackup(f"{database}: the copy of the database is damaged: {said}")
