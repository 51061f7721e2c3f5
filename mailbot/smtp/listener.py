"""The public side: sockets in, `accept(envelope, raw)` out, and a 250 only after `accept` returned.

The listener never parses a mail, never decides about one and knows no storage. Refused in the session are unknown
local parts, over-size, bare CR or LF, NUL, endless lines and mail loops (see `data`); whatever else prevents a mail
from being stored is a 4xx, so that the sender keeps it. Connections, recipients, seconds and memory are all bounded
(see `limits`). The sockets arrive bound: a parent process may share them between several listeners.
"""

import asyncio
import logging
import socket
import ssl
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Literal, cast

from mailbot import maillog
from mailbot.smtp.limits import EVICTABLE, Budget, Limits, client_key
from mailbot.smtp.lmtp import LmtpSession
from mailbot.smtp.session import Session
from mailbot.smtp.stream import Accept, Site

__all__ = ["Accept", "Limits", "Listener"]

_BACKLOG = 512
"""Connections that the kernel keeps for us; it caps the number itself (net.core.somaxconn)."""


class Listener:
    """Serves SMTP or LMTP on given sockets."""

    def __init__(
        self,
        local_part: str,
        hostname: str,
        accept: Accept,
        now: Callable[[], datetime],
        limits: Limits | None = None,
        protocol: Literal["smtp", "lmtp"] = "smtp",
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """`local_part` is that of the bot's public address, `hostname` the name to greet with, `now` gives aware UTC.
        `tls` offers STARTTLS."""
        limits = limits or Limits()
        self.site = Site(local_part, hostname, accept, now, limits, Budget(limits.memory_budget), tls)
        self._session_class = LmtpSession if protocol == "lmtp" else Session
        self._sessions: dict[Session, asyncio.Task[None]] = {}
        self._clients: Counter[str] = Counter()
        self._servers: list[asyncio.Server] = []

    def use(self, limits: Limits, tls: ssl.SSLContext | None) -> None:
        """Other limits and another certificate from the next session on; the sessions that are open keep theirs."""
        self.site.budget.size = limits.memory_budget
        self.site = replace(self.site, limits=limits, tls=tls)

    @property
    def connections(self) -> int:
        """Sessions that are open or still storing a mail."""
        return len(self._sessions)

    async def start(self, sockets: Sequence[socket.socket]) -> None:
        """Listen on bound stream sockets, TCP or UNIX. They are closed by `stop`."""
        # aiosmtpd logs what peers send.
        logging.getLogger("mail.log").setLevel(logging.CRITICAL)
        loop = asyncio.get_running_loop()
        for bound in sockets:
            # A backlog of 1 makes asyncio accept one connection per turn of its loop, so that a burst is shared by all
            # processes that listen on this socket; the kernel's queue is set afterwards.
            self._servers.append(await loop.create_server(lambda: _Door(self), sock=bound, backlog=1))
            bound.listen(_BACKLOG)

    async def stop(self, grace: float) -> None:
        """Accept no more connections, give the mails that have begun `grace` seconds, then close everything."""
        for server in self._servers:
            server.close()
        self._servers.clear()
        for session in list(self._sessions):
            session.drain()
        if self._sessions:
            await asyncio.wait(self._sessions.values(), timeout=grace)
        tasks = list(self._sessions.values())
        for session, task in list(self._sessions.items()):
            session.dismiss("421 4.3.2 Service is shutting down")
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def admit(self, transport: asyncio.Transport) -> None:
        """Start a session on a new connection, or turn it away."""
        limits = self.site.limits
        peer = _peer(transport)
        key = client_key(peer)
        if self._clients[key] >= limits.per_client and not limits.trusts(peer):
            _turn_away(transport, "421 4.7.0 Too many connections from your address", "too-many-of-client")
            return
        if len(self._sessions) >= limits.connections and not self._evict():
            _turn_away(transport, "421 4.3.2 Too many connections, try again later", "too-many-connections")
            return
        session = self._session_class(self.site, peer, asyncio.get_running_loop())
        transport.set_protocol(session)
        session.connection_made(transport)
        self._sessions[session] = session.task()
        self._clients[key] += 1
        session.task().add_done_callback(lambda _: self._leave(session, key))

    def _leave(self, session: Session, key: str) -> None:
        del self._sessions[session]
        self._clients[key] -= 1
        if not self._clients[key]:
            del self._clients[key]

    def _evict(self) -> bool:
        """Make room at the cost of the connection that has done nothing for longest, if there is such a one."""
        idle = [session for session in self._sessions if not session.in_transaction]
        victim = min(idle, key=lambda session: session.active_at, default=None)
        if victim is None or victim.loop.time() - victim.active_at < EVICTABLE:
            return False
        victim.dismiss("421 4.3.2 Too many connections, try again later")
        return True


class _Door(asyncio.Protocol):
    """Stands before the session, because a refused connection must not cost what a session costs to set up.

    asyncio begins to read only after `connection_made`, so that no byte comes here.
    """

    def __init__(self, listener: Listener) -> None:
        self._listener = listener

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._listener.admit(cast(asyncio.Transport, transport))


def _peer(transport: asyncio.Transport) -> str:
    if transport.get_extra_info("socket").family == socket.AF_UNIX:
        return "unix"
    name = transport.get_extra_info("peername")
    return str(name[0]) if name else "gone"


def _turn_away(transport: asyncio.Transport, reply: str, reason: str) -> None:
    maillog.refused(421, reason)
    transport.write(f"{reply}\r\n".encode("ascii"))
    transport.close()
