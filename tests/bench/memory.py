"""A 25 MB attachment through `mailbot serve`, from SMTP to the smarthost, for members with keys.

Peak memory of each process beyond its peak when it had only handled a small report, against the mail's size on the
wire; gpg's processes are not counted. And the longest stall of the listener's event loop while the mail comes in: the
longest that another session waits for a reply.
"""

import base64
import os
import socket
import sqlite3
import statistics
import threading
import time
from pathlib import Path

from tests.bench import mails
from tests.bench.installation import Installation, installed, serving, wait_until
from tests.bench.measure import machine
from tests.bench.parsing import large
from tests.smarthost import FakeSmarthost, in_thread

WIRE = 24_900_000
"""Just below the largest mail that is taken."""
MEMBERS = 4
PROBE_SECONDS = 0.001
"""Between two probes."""
REACH, REACH_MS = 2.5, 50


def run(pairs: int) -> None:
    print(f"\n25 MB attachment to {MEMBERS} members: peak memory beyond idle, times the wire size (reach <= {REACH:g})")
    print(f"{'':26} {'size MB':>8} {'listener':>9} {'worker':>7} {'cage':>6} {'delivery':>9} {'stall ms':>9}  verdict")
    for name in ("plain", "encrypted"):
        runs = [_once(name) for _ in range(min(pairs, 3))]
        columns = [statistics.median(column) for column in zip(*runs, strict=True)]
        size, *peaks, stall = columns
        missed = max(peaks) > REACH or stall > REACH_MS
        cells = " ".join(f"{value:{width}.2f}" for value, width in zip(peaks, (9, 7, 6, 9), strict=True))
        print(f"{name:26} {size:8.1f} {cells} {stall:9.1f}  {'missed' if missed else 'reached'}", flush=True)
    print(f"medians of {min(pairs, 3)} runs; stall to reach: at most {REACH_MS} ms; {machine()}", flush=True)


def _once(kind: str) -> tuple[float, ...]:
    """Wire size in MB; peak of listener, worker, cage and delivery over the wire size; longest stall in ms."""
    smarthost = FakeSmarthost(keep=False)
    with (
        in_thread(smarthost),
        installed(members=MEMBERS, smarthost_port=smarthost.port) as made,
        serving(made) as pid,
    ):
        queue = sqlite3.connect(made.settings.storage.database.removeprefix("sqlite:///"))
        for number in range(1, 5):
            # Several at once, so that both threads of the worker have their parser.
            mails.hand_in(made.port, [(number * 10 + more, mails.plain(number * 10 + more)) for more in range(3)])
            wait_until(lambda: _delivered(queue))
        raw = _large(kind, made)
        before = _peaks(made, pid)
        probe = Probe(made.port)
        mails.hand_in(made.port, [(1000, raw)])
        stall = probe.end()
        wait_until(lambda: _delivered(queue), every=0.1)
        after = _peaks(made, pid)
        failed = queue.execute("SELECT count(*) FROM outbox WHERE state != 'sent'").fetchone()[0]
        queue.close()
    if failed:
        raise RuntimeError(f"{failed} mails were not sent")
    wire = len(raw)
    roles = ("listener", "worker", "cage", "delivery")
    return wire / 1e6, *((after[role] - before[role]) / wire for role in roles), stall * 1000


def _large(kind: str, made: Installation) -> bytes:
    if kind == "plain":
        return large(WIRE).replace(b"<1@example.com>", b"<1000@example.com>")
    data = base64.encodebytes(os.urandom(WIRE * 54 // 100)).replace(b"\n", b"\r\n")
    inside = (
        b"Content-Type: application/octet-stream; name=poc.bin\r\nContent-Transfer-Encoding: base64\r\n"
        b"Content-Disposition: attachment; filename=poc.bin\r\n\r\n" + data
    )
    return mails.around(1000, made.people.encrypt(inside, [made.people.fingerprints["group"]], by="reporter"))


def _delivered(queue: sqlite3.Connection) -> bool:
    waiting = """SELECT (SELECT count(*) FROM inbox WHERE state = 'new') + (SELECT count(*) FROM notice WHERE
        state = 'new') + (SELECT count(*) FROM outbox WHERE state = 'waiting')"""
    return bool(queue.execute(waiting).fetchone() == (0,))


def _peaks(made: Installation, pid: int) -> dict[str, int]:
    """The peak of the largest process of each role, in bytes."""
    return {role: max(map(_peak, found)) for role, found in made.children(pid).items()}


def _peak(pid: int) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))


class Probe:
    """A second session that asks all the time, and keeps how long the slowest answer took."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=60)
        self._lines = self._socket.makefile("rb")
        self._slowest = 0.0
        self._over = threading.Event()
        self._lines.readline()
        self._ask(b"HELO probe.example")
        self._ask(b"MAIL FROM:<probe@example.net>")
        self._slowest = 0.0
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def end(self) -> float:
        self._over.set()
        self._thread.join()
        self._lines.close()
        self._socket.close()
        return self._slowest

    def _run(self) -> None:
        # An unknown recipient is answered at once and, unlike NOOP, as often as one likes.
        while not self._over.wait(PROBE_SECONDS):
            self._ask(b"RCPT TO:<nobody@example.org>")

    def _ask(self, line: bytes) -> None:
        start = time.perf_counter()
        self._socket.sendall(line + b"\r\n")
        self._lines.readline()
        self._slowest = max(self._slowest, time.perf_counter() - start)
