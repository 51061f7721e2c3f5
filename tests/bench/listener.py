"""CPU per mail of the listener alone (nothing is stored) against stock aiosmtpd, run by run in turns.

With two arguments, ``ours`` or ``stock`` and a port, it is one of the two servers.
"""

import asyncio
import signal
import socket
import sys
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import Any

from aiosmtpd.smtp import SMTP

from mailbot import maillog
from mailbot.mail.envelope import Envelope
from mailbot.smtp.listener import Listener
from tests.bench.measure import Row, show
from tests.bench.server import Shape, free_port, load, serving


async def _accept(envelope: Envelope, raw: bytes) -> int:
    return 1


class _Stock:
    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        return "250 OK"


async def _serve(kind: str, port: int) -> None:
    loop = asyncio.get_running_loop()
    end = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, end.set)
    sock = socket.create_server(("127.0.0.1", port), backlog=200)
    if kind == "ours":
        maillog.set_up("WARNING")
        listener = Listener("security", "mx.example.org", _accept, lambda: datetime.now(UTC))
        await listener.start([sock])
        await end.wait()
        await listener.stop(1.0)
    else:
        handler = _Stock()
        async with await loop.create_server(lambda: SMTP(handler, hostname="mx.example.org", loop=loop), sock=sock):
            await end.wait()


def run(pairs: int) -> None:
    shape = Shape(seconds=3.0)
    with ExitStack() as stack:
        servers = {}
        for kind in ("ours", "stock"):
            port = free_port()
            command = [sys.executable, "-m", "tests.bench.listener", kind, str(port)]
            servers[kind] = (port, stack.enter_context(serving(command, port)))
        runs = [{kind: load(port, shape, pid) for kind, (port, pid) in servers.items()} for _ in range(pairs)]
    ours, stock = ([one[kind] for one in runs] for kind in ("ours", "stock"))
    show(
        f"the listener alone, {shape.size // 1000} KB mails, {shape.sessions} sessions, against stock aiosmtpd",
        [
            Row("CPU per mail", [one.cpu * 1000 for one in ours], [one.cpu * 1000 for one in stock], "ms"),
            Row("rate", [one.rate for one in ours], [one.rate for one in stock], "mails/s", more=True),
        ],
    )


if __name__ == "__main__":
    asyncio.run(_serve(sys.argv[1], int(sys.argv[2])))
