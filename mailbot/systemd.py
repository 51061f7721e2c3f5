"""What systemd is told about a running service: sd_notify(3), without a library.

Text goes as one datagram to the socket that `NOTIFY_SOCKET` names. Whoever started us without systemd set none, and
then nothing is said. Failure means nothing: a bot that serves must not end because nobody listens.
"""

import contextlib
import os
import socket
import time

_PATIENCE = 1.0
"""Seconds that we wait for systemd to take a word."""


class Notifier:
    """Says what the unit's state is, and that the service is alive."""

    def __init__(self) -> None:
        self._address = os.environ.pop("NOTIFY_SOCKET", "")
        """Taken out of the environment: only the main process speaks for the unit."""
        usec, pid = os.environ.pop("WATCHDOG_USEC", ""), os.environ.pop("WATCHDOG_PID", str(os.getpid()))
        mine = usec.isdecimal() and pid == str(os.getpid()) and self._address
        self.alive_every: float | None = int(usec) / 2_000_000 if mine else None
        """Seconds between two signs of life, half of what systemd waits for; None: no watchdog."""

    def ready(self) -> None:
        self._say("READY=1")

    def reloading(self) -> None:
        self._say(f"RELOADING=1\nMONOTONIC_USEC={time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000}")

    def stopping(self) -> None:
        self._say("STOPPING=1")

    def alive(self) -> None:
        self._say("WATCHDOG=1")

    def status(self, text: str) -> None:
        """A line for `systemctl status`: fixed words."""
        self._say(f"STATUS={text}")

    def _say(self, text: str) -> None:
        if not self._address:
            return
        # A leading @ stands for the abstract name space.
        address = "\0" + self._address[1:] if self._address.startswith("@") else self._address
        with (
            contextlib.suppress(OSError),
            socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as one,
        ):
            # It reads at once, or hangs itself: then mail goes before words.
            one.settimeout(_PATIENCE)
            one.connect(address)
            one.send(text.encode())
