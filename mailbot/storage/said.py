"""What was said already, and which mail of ours is awaited back: small facts in rows of `setting`.

Daily words are said once a day, whoever runs the scheduler and however often it starts.
"""

from datetime import date

from sqlalchemy import Connection, bindparam, delete, insert, select, update

from mailbot.storage.tables import setting
from mailbot.storage.vault import Vault

AWAITED = "loop.awaited"
"""The row of the one mail to ourselves that somebody waits for."""
BACK = " came back"

_VALUE = select(setting.c.value).where(setting.c.name == bindparam("setting"))


def first_on(connection: Connection, day: date, what: str) -> bool:
    """True for the first call of each `what` on each day, and then it is remembered."""
    name = f"said.{what}"
    if connection.scalar(_VALUE, {"setting": name}) == day.isoformat():
        return False
    connection.execute(delete(setting).where(setting.c.name == name))
    connection.execute(insert(setting).values(name=name, value=day.isoformat()))
    return True


def came_back(connection: Connection, vault: Vault, message_id: str) -> None:
    """One of our own mails came in: if it is the awaited one, that is remembered."""
    value = hashed(vault, message_id)
    connection.execute(
        update(setting).where(setting.c.name == AWAITED, setting.c.value == value).values(value=value + BACK)
    )


def hashed(vault: Vault, message_id: str) -> str:
    return vault.hash("message-id", message_id).hex()
