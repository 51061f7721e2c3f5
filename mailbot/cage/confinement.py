"""What the worker gives up before it sees the first mail. None of it can be taken back."""

import contextlib
import ctypes
import math
import os
import resource
import time

MEMORY_BYTES = 768_000_000
"""Address space. The interpreter takes 40 MB of it, and a mail its own size and a little: room for mails of 500 MB."""

CPU_SECONDS = 10
"""For one mail. The slowest honest one takes a tenth of a second for 25 MB, 0.3 for a large HTML page."""

OPEN_FILES = 32
"""Enough to import a codec or the charset guesser when the first mail needs it."""

_CLONE_NEWUSER = 0x10000000
_CLONE_NEWNET = 0x40000000
_PR_SET_DUMPABLE = 4
_PR_SET_NO_NEW_PRIVS = 38


def confine() -> None:
    """Set the limits, and cut off the network where the kernel lets an unprivileged process do so."""
    os.chdir("/")
    os.umask(0o077)
    for what, most in (
        (resource.RLIMIT_AS, MEMORY_BYTES),
        (resource.RLIMIT_DATA, MEMORY_BYTES),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_NOFILE, OPEN_FILES),
    ):
        _, hard = resource.getrlimit(what)
        value = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(what, (value, value))
    with contextlib.suppress(OSError, AttributeError):
        libc = ctypes.CDLL(None, use_errno=True)
        libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        # No core, and no ptrace by other processes of the same user.
        libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
        # Refused where user namespaces are off: then the process only has no reason to use the network.
        libc.unshare(_CLONE_NEWUSER | _CLONE_NEWNET)
    # After the namespace, which counts as a process for some kernels. No process can be started from here on (unless
    # it runs as root, to whom this limit does not apply).
    resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))


def allow_cpu(seconds: int = CPU_SECONDS) -> None:
    """From now on, `seconds` of CPU time; the kernel ends the process behind them."""
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    soft = math.ceil(time.process_time()) + seconds
    resource.setrlimit(resource.RLIMIT_CPU, (soft if hard == resource.RLIM_INFINITY else min(soft, hard), hard))
