"""What was said already: daily words are said once a day, whoever runs the scheduler and however often it starts."""

from datetime import date

from sqlalchemy import Connection, bindparam, delete, insert, select

from mailbot.storage.tables import setting

_VALUE = select(setting.c.value).where(setting.c.name == bindparam("setting"))


def first_on(connection: Connection, day: date, what: str) -> bool:
    """True for the first call of each `what` on each day, and then it is remembered."""
    name = f"said.{what}"
    if connection.scalar(_VALUE, {"setting": name}) == day.isoformat():
        return False
    connection.execute(delete(setting).where(setting.c.name == name))
    connection.execute(insert(setting).values(name=name, value=day.isoformat()))
    return True
