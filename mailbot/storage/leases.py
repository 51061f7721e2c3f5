"""Who works on what, and for how long: the values behind every claim.

A lease ends by the machine's boot clock (CLOCK_BOOTTIME), which no clock jump moves. The owner's name says machine
boot, PID namespace, process and start time, so that the claims of a process that is provably dead are freed at once;
all others end by time. This is for a database on one machine.
"""

import functools
import os
import time
from dataclasses import dataclass
from pathlib import Path

LEASE_SECONDS = 30.0
"""A process that has not renewed for so long has lost its claims."""
RENEW_SECONDS = 5.0
"""How often a working process renews: five may be lost before the lease is."""


def boot_seconds() -> float:
    """Seconds since boot, including sleep."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


@dataclass(frozen=True, slots=True)
class Owner:
    """A process, named so that others can tell whether it still lives."""

    name: str

    @classmethod
    def current(cls) -> "Owner":
        return cls(f"{_machine()}:{os.getpid()}:{_start_time(os.getpid())}")


def is_dead(name: str) -> bool:
    """True only if the owner is provably gone: it ran before this machine's last boot, or its process has ended.

    A process in another PID namespace (a container) cannot be seen from here, so its claims end by time.
    """
    machine, pid, started = name.rsplit(":", 2)
    if machine.split("/")[0] != _machine().split("/")[0]:
        return True
    return machine == _machine() and _start_time(int(pid)) != started


@functools.cache
def _machine() -> str:
    boot_id = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    return f"{boot_id}/{os.stat('/proc/self/ns/pid').st_ino}"


def _start_time(pid: int) -> str:
    """Clock ticks after boot at which the process started (proc(5), stat field 22); "" if there is none."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return ""
    fields = stat[stat.rindex(b")") + 2 :].split()
    return "" if fields[0] in (b"Z", b"X") else fields[19].decode()
