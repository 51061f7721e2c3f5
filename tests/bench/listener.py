"""CPU per mail of the listener alone (nothing is stored) against stock aiosmtpd, run by run in turns.

    python -m tests.bench.listener [--sessions N] [--pairs N] [--mails N] [--pipelining]

With ``--serve ours|stock --port PORT`` it is one of the two servers.
"""

import argparse
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
from tests.bench.server import HEADER, Shape, free_port, load, machine, row, serving


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


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench.listener", description="CPU per mail against stock aiosmtpd."
    )
    parser.add_argument("--serve", choices=["ours", "stock"])
    parser.add_argument("--port", type=int)
    parser.add_argument("--sessions", type=int, default=50)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--pipelining", action="store_true")
    options = parser.parse_args()
    if options.serve:
        asyncio.run(_serve(options.serve, options.port))
        return 0
    shape = Shape(sessions=options.sessions, seconds=options.seconds, pipelining=options.pipelining)
    with ExitStack() as stack:
        servers = {}
        for kind in ("ours", "stock"):
            port = free_port()
            command = [sys.executable, "-m", "tests.bench.listener", "--serve", kind, f"--port={port}"]
            servers[kind] = (port, stack.enter_context(serving(command, port)))
        runs = {kind: [load(port, shape, pid)] for kind, (port, pid) in servers.items()}
        for _ in range(options.pairs - 1):
            for kind, (port, pid) in servers.items():
                runs[kind].append(load(port, shape, pid))
    print(
        f"no-op accept, {shape.size:,} bytes, {shape.sessions} sessions, {options.pairs} pairs of {shape.seconds:g} s"
    )
    print(HEADER)
    print(row("mailbot", runs["ours"], runs["stock"]))
    print(row("aiosmtpd", runs["stock"], runs["stock"]))
    print(machine())
    return 0


if __name__ == "__main__":
    sys.exit(main())
