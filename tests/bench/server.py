"""A server under load: start it, wait for its greeting, load it from another process, and read its CPU time."""

import json
import os
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_START = 30.0
"""Seconds that a server may take to answer."""
_TICK = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Shape:
    """What the load looks like."""

    sessions: int = 50
    size: int = 20_000
    seconds: float = 5.0
    pipelining: bool = False
    lmtp: bool = False

    def arguments(self) -> list[str]:
        flags = [name for name in ("pipelining", "lmtp") if getattr(self, name)]
        values = [f"--{name}={getattr(self, name)}" for name in ("sessions", "size", "seconds")]
        return [*values, *(f"--{flag}" for flag in flags)]


@dataclass(frozen=True)
class Run:
    rate: float
    """Mails a second that got their 250."""
    worst: float
    """Longest wait for one, in seconds."""
    cpu: float
    """CPU seconds of the server's processes per mail; 0 if it is not ours to look at."""


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


@contextmanager
def serving(command: Sequence[str], port: int) -> Iterator[int]:
    """Run `command`, which listens on `port` of loopback; gives its process id; ends it by SIGTERM after.

    Raises `RuntimeError` if it ends or does not answer.
    """
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL) as process:
        try:
            _await_greeting(process, port)
            yield process.pid
        finally:
            process.terminate()
            try:
                process.wait(timeout=_START)
            except subprocess.TimeoutExpired:
                process.kill()


def load(port: int, shape: Shape, pid: int | None = None) -> Run:
    """Load the server on `port` once; with `pid`, its CPU time and that of its descendants is counted.

    Raises `RuntimeError` if one mail got no 250.
    """
    before = cpu_seconds(pid) if pid else 0.0
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench.load", f"--port={port}", *shape.arguments()],
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"the load failed: {done.stdout.strip()}")
    result = json.loads(done.stdout)
    spent = cpu_seconds(pid) - before if pid else 0.0
    return Run(result["rate"], result["worst"], spent / result["answered"])


def cpu_seconds(pid: int) -> float:
    """User and system time of a process and its living descendants."""
    stat = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    own = (int(stat[11]) + int(stat[12])) / _TICK
    children = [
        child for task in Path(f"/proc/{pid}/task").iterdir() for child in (task / "children").read_text().split()
    ]
    return own + sum(cpu_seconds(int(child)) for child in children)


def spread(values: Sequence[float]) -> float:
    return max(values) / min(values)


def row(name: str, runs: Sequence[Run], reference: Sequence[Run]) -> str:
    """One line of a table, with the ratio of medians to the reference."""
    rates = [run.rate for run in runs]
    middle = statistics.median(rates)
    ratio = middle / statistics.median(run.rate for run in reference)
    cpu = statistics.median(run.cpu for run in runs) * 1000
    worst = max(run.worst for run in runs) * 1000
    cost = f"{cpu:8.3f}" if cpu else "       -"
    return f"{name:<12} {middle:10.0f} {spread(rates):8.2f} {ratio:8.2f} {cost} {worst:10.0f}"


HEADER = f"{'':<12} {'mails/s':>10} {'spread':>8} {'ratio':>8} {'CPU ms':>8} {'worst ms':>10}"


def machine() -> str:
    model = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        "unknown CPU",
    )
    return f"{os.cpu_count()} x {model}, Python {sys.version.split()[0]}, load {os.getloadavg()[0]:.1f}"


def _await_greeting(process: subprocess.Popen[bytes], port: int) -> None:
    until = time.monotonic() + _START
    while time.monotonic() < until:
        if process.poll() is not None:
            raise RuntimeError(f"the server ended with {process.returncode}")
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=_START) as probe:
                if probe.recv(4) == b"220 ":
                    return
        except ConnectionRefusedError:
            time.sleep(0.05)
    raise RuntimeError("the server does not answer")
