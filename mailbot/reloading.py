"""Which changes of the config a running bot takes with SIGHUP, and which need a restart.

What a role holds open for as long as it runs (sockets, the database, gpg's home) stays as it was when it started.
"""

from collections.abc import Iterator

from mailbot.config import Settings

HELD_OPEN = ("storage", "openpgp", "metrics")
"""Tables of which a role keeps what it was started with."""
FIXED = (
    *("group.address", "group.id_prefix"),
    *("listener.protocol", "listener.host", "listener.port", "listener.socket", "listener.processes"),
)
"""Such keys of other tables."""


def need_restart(old: Settings, new: Settings) -> Iterator[str]:
    """The keys that differ and that a running bot does not take, such as ``storage.database``."""
    keys = [*FIXED]
    for table in HELD_OPEN:
        section = getattr(old, table)
        keys += [f"{table}.{name}" for name in type(section).model_fields]
    for key in keys:
        table, _, name = key.partition(".")
        if getattr(getattr(old, table), name) != getattr(getattr(new, table), name):
            yield key
