"""A server under load: start it, wait for its greeting, load it from another process, and read its CPU time."""

import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from tests.bench.measure import cpu_seconds, family

_START = 30.0
"""Seconds that a server may take to answer."""


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
    answered: int
    """All 250s, also those of the warm-up."""


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
            await_greeting(process, port)
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
    before = _all_cpu_seconds(pid)
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench.load", f"--port={port}", *shape.arguments()],
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"the load failed: {done.stdout.strip()}")
    result = json.loads(done.stdout)
    return Run(
        result["rate"], result["worst"], (_all_cpu_seconds(pid) - before) / result["answered"], result["answered"]
    )


def _all_cpu_seconds(pid: int | None) -> float:
    return sum(map(cpu_seconds, family(pid))) if pid else 0.0


def await_greeting(process: subprocess.Popen[bytes], port: int) -> None:
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
