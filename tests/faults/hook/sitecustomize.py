"""Put in front of PYTHONPATH, this makes the processes of a real bot fail where a test says so.

Python imports a module of this name at every start. What is to fail stands as files in the directory that
``MAILBOT_FAULTS`` names, so that a test can order it while the bot runs:

- ``ROLE.STEP``: the process of that role ends itself by SIGKILL when it passes that step of `maillog.step` for the
  N-th time since its start, N being the file's content. The order is carried out once, and the file is then
  ``ROLE.STEP.done``.
- ``sqlite``: read at the start: files of SQLite can be made to fail (see `sqlite_faults`).
- ``fsync``: while it is there, no fsync of such files succeeds.
- ``gpg-seconds`` and ``cage-seconds``: read at the start, the time limits for gpg and for the caged parser.
- ``cage``: read at the start, a program to run in place of the caged parser.
"""

import os
import signal
import sys
import threading
from collections import Counter
from pathlib import Path

RESTART_SECONDS = (0.1, 0.2)
"""Tests kill more often than bots die, and the usual pauses would add up."""


def _kill_at_steps(role: str, orders: Path) -> None:
    from mailbot import maillog

    usual = maillog.step
    lock = threading.Lock()
    passed: Counter[str] = Counter()

    def step(name: str) -> None:
        usual(name)
        order = orders / f"{role}.{name}"
        try:
            wanted = int(order.read_text())
        except FileNotFoundError:
            return
        with lock:
            passed[name] += 1
            if passed[name] < wanted:
                return
            try:
                order.rename(order.with_name(f"{order.name}.done"))
            except FileNotFoundError:
                return  # another process of the role was faster
            os.kill(os.getpid(), signal.SIGKILL)

    maillog.step = step


def _set_limits(orders: Path) -> None:
    if (limit := orders / "gpg-seconds").exists():
        from mailbot.openpgp import gpg, process

        seconds = float(limit.read_text())
        process.TIME_LIMIT = seconds
        assert gpg.Gpg.__init__.__defaults__ is not None
        gpg.Gpg.__init__.__defaults__ = tuple(
            seconds if value == gpg.TIME_LIMIT else value for value in gpg.Gpg.__init__.__defaults__
        )
    if (limit := orders / "cage-seconds").exists() or (orders / "cage").exists():
        from mailbot.cage import client

        assert client.CagedParser.__init__.__kwdefaults__ is not None
        if limit.exists():
            client.CagedParser.__init__.__kwdefaults__["wall_seconds"] = float(limit.read_text())
        if (orders / "cage").exists():
            usual = client.worker_command()
            client.worker_command = lambda: [*usual[:3], "-c", (orders / "cage").read_text(), usual[-1]]


def _begin() -> None:
    words = sys.orig_argv
    orders = Path(os.environ["MAILBOT_FAULTS"])
    if "mailbot.roles" in words:
        role = words[words.index("mailbot.roles") + 1]
        _kill_at_steps(role, orders)
        if (orders / "sqlite").exists():
            import sqlite_faults

            sqlite_faults.install(orders / "fsync")
        if role == "worker":
            _set_limits(orders)
    elif "serve" in words:
        from mailbot import supervisor

        supervisor.RESTART_SECONDS = RESTART_SECONDS


_begin()
