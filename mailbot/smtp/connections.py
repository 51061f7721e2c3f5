"""The open connections to the smarthost that are not in use right now."""

import asyncio
import weakref

from mailbot.smtp.connection import Connection
from mailbot.smtp.smarthost import Limits, Smarthost

IDLE_SECONDS = 5.0
"""Longer than the gap between the mails of one notice, shorter than any server's patience."""
MAILS_PER_CONNECTION = 100
"""Servers limit the mails of one session (Exchange: 20 and up, Postfix: none); a new one now and then costs nothing."""


class Connections:
    """A stack: the connection used last is used next, so that a quiet time needs only one."""

    def __init__(self, smarthost: Smarthost, limits: Limits) -> None:
        self._smarthost = smarthost
        self._limits = limits
        self._idle: list[tuple[float, Connection]] = []
        self._goodbyes: set[asyncio.Task[None]] = set()
        self._current: weakref.WeakSet[Connection] = weakref.WeakSet()
        """Those to the smarthost that is in force."""

    def use(self, smarthost: Smarthost) -> None:
        """From now on, open connections to another one; those that are in use end with their mail."""
        self._smarthost = smarthost
        self._current.clear()
        while self._idle:
            self._part_with(self._idle.pop()[1])

    def take(self) -> Connection | None:
        """An open connection, or None if a new one is needed."""
        while self._idle:
            _, connection = self._idle.pop()
            if connection.alive:
                return connection
            connection.abort()
        return None

    async def open(self) -> Connection:
        """A new connection. Raises `SmarthostDown`."""
        smarthost = self._smarthost
        connection = await Connection.open(smarthost, self._limits)
        if smarthost is self._smarthost:
            self._current.add(connection)
        return connection

    def put(self, connection: Connection) -> None:
        """Give back a connection after a mail. A used-up one is closed."""
        if not connection.alive:
            connection.abort()
        elif connection.mails >= MAILS_PER_CONNECTION or connection not in self._current:
            self._part_with(connection)
        else:
            self._idle.append((asyncio.get_running_loop().time(), connection))

    def retire_idle(self) -> None:
        """Close what has not been used for a while."""
        oldest = asyncio.get_running_loop().time() - IDLE_SECONDS
        while self._idle and self._idle[0][0] < oldest:
            self._part_with(self._idle.pop(0)[1])

    async def close(self) -> None:
        """Say goodbye on all of them; bounded by the time limit of QUIT."""
        while self._idle:
            self._part_with(self._idle.pop()[1])
        if self._goodbyes:
            await asyncio.wait(self._goodbyes)

    def _part_with(self, connection: Connection) -> None:
        goodbye = asyncio.create_task(connection.quit())
        self._goodbyes.add(goodbye)
        goodbye.add_done_callback(self._goodbyes.discard)
