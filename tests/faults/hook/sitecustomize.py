"""Put in front of PYTHONPATH, this makes the processes of a real bot fail where a test says so.

Python imports a module of this name at every start. What is to fail stands as files in the directory that
``MAILBOT_FAULTS`` names, so that a test can order it while the bot runs:

- ``ROLE.STEP``: the process of that role ends itself by SIGKILL when it passes that step of `maillog.step` for the
  N-th time since its start, N being the file's content. The order is carried out once, and the file is then
  ``ROLE.STEP.done``.
- ``sqlite``: read at the start: files of SQLite can be made to fail (see `sqlite_faults`).
- ``fsync``: while it is there, no fsync of such files succeeds.
- ``gpg-seconds``: read at the start, the time limit for gpg.
- ``cage``: read at the start, a program to run in the caged parser's place, with a short time limit. Its argument is
  the directory that holds the packages.
- ``cage-seconds``: that time limit, if it is to be another one.
"""

import os
import signal
import sys
import threading
from collections import Counter
from pathlib import Path
from typing import Any

RESTART_SECONDS = (0.1, 0.2)
"""Tests kill more often than bots die, and the usual pauses would add up."""
CAGE_SECONDS = 4.0
REPOSITORY = Path(__file__).parents[3]


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
    from mailbot.cage.client import CagedParser
    from mailbot.openpgp.process import Gnupg

    if (limit := orders / "gpg-seconds").exists():
        seconds = float(limit.read_text())
        usual_gnupg = Gnupg.__init__

        def gnupg(self: Gnupg, *arguments: Any, **options: Any) -> None:
            usual_gnupg(self, *arguments, **options)
            self.timeout = seconds

        setattr(Gnupg, "__init__", gnupg)  # noqa: B010 - mypy lets nobody assign to a method
    if (program := orders / "cage").exists():
        usual_parser = CagedParser.__init__
        command = [sys.executable, "-I", "-B", "-c", program.read_text(), str(REPOSITORY)]

        limit = orders / "cage-seconds"
        seconds_caged = float(limit.read_text()) if limit.exists() else CAGE_SECONDS

        def parser(self: CagedParser) -> None:
            usual_parser(self, wall_seconds=seconds_caged, command=command)

        setattr(CagedParser, "__init__", parser)  # noqa: B010


def _begin() -> None:
    words = sys.orig_argv
    orders = Path(os.environ["MAILBOT_FAULTS"])
    if "mailbot.roles" in words:
        role = words[words.index("mailbot.roles") + 1]
        _kill_at_steps(role, orders)
        if (orders / "sqlite").exists():
            from tests.faults import sqlite_faults

            sqlite_faults.install(orders / "fsync")
        if role == "worker":
            _set_limits(orders)
    elif "serve" in words:
        from mailbot import supervisor

        supervisor.RESTART_SECONDS = RESTART_SECONDS


_begin()
