"""Who works in a database's directory: running bots share it, a command that changes what they hold open is alone.

A lock on the directory itself (flock(2)), so that no file is left behind; it ends with the process, however that ends.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mailbot.errors import UsageError


def share(directory: Path) -> int | None:
    """Say, for as long as this process lives, that a bot runs here. Returns the descriptor that must stay open, None if
    there is no such directory. Raises `UsageError` while somebody is alone here."""
    try:
        descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise UsageError(f"{directory}: its keys are just being changed; start again when that is done") from None
    return descriptor


@contextmanager
def alone(directory: Path) -> Iterator[None]:
    """Raises `UsageError` if a bot runs here."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UsageError(f"{directory}: the bot is running here; stop it first") from None
        yield
    finally:
        os.close(descriptor)
