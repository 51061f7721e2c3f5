"""A listener whose every fsync takes 5 ms longer, with many mails per commit against one mail per commit.

Both are the listener role itself; only the size of its batches differs. The delay and the count of syncs come from a
small library that is compiled here and preloaded, so that SQLite and everything else in the process meet it.
``python -m tests.bench.slow_sync CONFIG PORT BATCH`` is one such listener.
"""

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.bench.installation import Installation
from tests.bench.server import Run, Shape, await_greeting, free_port, load

DELAY_MICROSECONDS = 5_000
_SOURCE = Path(__file__).with_name("slow_sync.c")


class Unavailable(Exception):
    """There is no C compiler; the text says what to do."""


@dataclass(frozen=True)
class SlowListener:
    port: int
    pid: int
    counter: Path

    def load(self, shape: Shape) -> tuple[Run, float]:
        """One run of load, and the syncs per mail in it."""
        before = self._count()
        run = load(self.port, shape, self.pid)
        return run, (self._count() - before) / run.answered

    def _count(self) -> int:
        return int.from_bytes(self.counter.read_bytes(), sys.byteorder)


@contextmanager
def listening(made: Installation, batch: int) -> Iterator[SlowListener]:
    """A listener on an installation that commits at most `batch` mails at once. Raises `Unavailable`."""
    port = free_port()
    counter = made.directory / f"syncs-{batch}"
    counter.write_bytes(bytes(8))
    environment = {
        **os.environ,
        "LD_PRELOAD": str(_library(made.directory)),
        "SLOW_SYNC_COUNT": str(counter),
        "SLOW_SYNC_MICROSECONDS": str(DELAY_MICROSECONDS),
    }
    command = [sys.executable, "-m", "tests.bench.slow_sync", str(made.config), str(port), str(batch)]
    with (made.directory / "log").open("ab") as log:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=log, env=environment
        )
    try:
        await_greeting(process, port)
        yield SlowListener(port, process.pid, counter)
    finally:
        process.terminate()
        process.wait(60)


def _library(directory: Path) -> Path:
    compiler = shutil.which("cc")
    if compiler is None:
        raise Unavailable("there is no C compiler, so fsyncs cannot be slowed down: apt-get install gcc libc6-dev")
    library = directory / "slow_sync.so"
    if not library.exists():
        subprocess.run([compiler, "-O2", "-shared", "-fPIC", "-o", str(library), str(_SOURCE), "-ldl"], check=True)
    return library


def main() -> int:
    from mailbot import roles
    from mailbot.storage import intake

    config, port, batch = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    intake.BATCH_MAILS = batch
    ours, theirs = socket.socketpair()
    with socket.create_server(("127.0.0.1", port), backlog=1024) as sock:
        socket.send_fds(ours, [b"1"], [sock.fileno()])
    # Nobody closes our end of the channel: the role lives until SIGTERM.
    return roles.main(["listener", config, str(theirs.detach())])


if __name__ == "__main__":
    sys.exit(main())
