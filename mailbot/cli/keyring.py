"""gpg for a command: the group's home with the keys from the database."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mailbot.config import Settings
    from mailbot.openpgp.gpg import Gpg


@contextmanager
def opened(settings: "Settings") -> "Iterator[Gpg]":
    from mailbot.app import Scratch, open_database, open_gpg
    from mailbot.storage import keys

    scratch = Scratch()
    try:
        gpg = open_gpg(settings, scratch.path)
        with open_database(settings).read() as connection:
            revision, armored = keys.revision(connection), keys.armored(connection)
        gpg.load(revision, armored)
        yield gpg
        gpg.close()
    finally:
        scratch.close()
