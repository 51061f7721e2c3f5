"""How commands reach the database."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mailbot.config import Settings
    from mailbot.storage.listings import Listings


@contextmanager
def listings(config: Path) -> "Iterator[tuple[Listings, Settings]]":
    """Read-only views of the database that a config names."""
    from mailbot.app import open_database, open_vault
    from mailbot.config import load
    from mailbot.storage.listings import Listings

    settings = load(config)
    database = open_database(settings)
    vault = open_vault(settings, database)
    with database.read() as connection:
        yield Listings(connection, vault, settings.group.id_prefix), settings
    database.close()
