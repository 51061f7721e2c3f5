"""``mailbot check --deep``: whether the books balance. And ``--send``: a mail to itself through the whole loop."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mailbot.cli.check import Finding
    from mailbot.config import Settings

LOOP_SECONDS = 60.0
"""How long a mail to itself is awaited: two mail servers in between take seconds, and greylisting is not for us."""
_LOOK_SECONDS = 0.25


def deep(settings: "Settings") -> "Iterator[Finding]":
    from mailbot.app import open_database, open_vault
    from mailbot.cli.check import Finding
    from mailbot.storage import books

    database = open_database(settings)
    vault = open_vault(settings, database)
    with database.read() as connection:
        found = list(books.wrong(connection, vault))
        balance = books.balance(connection)
    for what in found:
        yield Finding(
            "fail", "books", what, "keep a copy of the database, restore a backup if mail is missing, and report this"
        )
    if not found:
        yield Finding("ok", "books", balance)


def send(settings: "Settings", patience: float = LOOP_SECONDS) -> "Iterator[Finding]":
    import time

    from mailbot.app import open_database, open_vault, utc_now
    from mailbot.cli.check import Finding
    from mailbot.service.posting import loop_message_id
    from mailbot.service.tokens import Tokens
    from mailbot.storage import loop

    database = open_database(settings)
    vault = open_vault(settings, database)
    started = time.monotonic()
    tokens = Tokens(vault.token_key, settings.group.domain)
    number = loop.start(database, vault, utc_now(), lambda notice: loop_message_id(tokens, notice))
    try:
        where, said = loop.hop(database, vault, number)
        while where not in (loop.Hop.BACK, loop.Hop.REFUSED) and time.monotonic() < started + patience:
            time.sleep(_LOOK_SECONDS)  # what happens in other processes, and on other machines, cannot be awaited
            where, said = loop.hop(database, vault, number)
    finally:
        loop.end(database, number, utc_now())
    seconds = time.monotonic() - started
    if where is loop.Hop.BACK:
        yield Finding("ok", "loop", f"a mail to {settings.group.address} went out and came back in {seconds:.1f} s")
        return
    smarthost = f"{settings.delivery.host} port {settings.delivery.port}"
    mend = {
        loop.Hop.WORKER: "is `mailbot serve` running, with the worker? look into its log",
        loop.Hop.DELIVERY: f"is the delivery role running? does {smarthost} answer? look into the log",
        loop.Hop.REFUSED: f"look into the log of {smarthost}: it must take mail to {settings.group.address} from us",
        loop.Hop.OUTSIDE: f"look into the logs of {smarthost} and of the server in front: it must hand over mail to "
        f"{settings.group.address}; and is the listener running?",
        loop.Hop.INBOX: "is the worker running? look into its log",
    }[where]  # fmt: skip
    yield Finding("fail", "loop", f"after {seconds:.0f} s {where}{f': {said}' if said else ''}", mend)
