"""A whole bot as an operator runs it: `mailbot serve` in its own processes, a fake smarthost behind, SMTP in front."""

import contextlib
import json
import os
import re
import signal
import smtplib
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mailbot.openpgp.process import stop_agent
from tests.installation import Installation, install
from tests.openpgp_keys import Lab
from tests.smarthost import FakeSmarthost, in_thread

PATIENCE = 60.0
"""Seconds that a test waits for anything, on a machine that is busy with the other tests."""


@dataclass
class Bot:
    installation: Installation
    smarthost: FakeSmarthost
    environment: dict[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None

    @property
    def log_path(self) -> Path:
        return self.installation.directory / "bot.log"

    @property
    def port(self) -> int:
        """Where the bot listens, as it says itself."""
        return int(re.findall(r"listening on 127\.0\.0\.1 port (\d+)", self.log_path.read_text())[-1])

    def run(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """One command of the command line."""
        done = subprocess.run(
            [sys.executable, "-m", "mailbot", "--config", str(self.installation.config), *arguments],
            capture_output=True, text=True, timeout=PATIENCE, check=False,
        )  # fmt: skip
        assert not check or done.returncode == 0, done.stdout + done.stderr
        return done

    def json(self, *arguments: str) -> Any:
        return json.loads(self.run(*arguments, "--json").stdout)

    def start(self, *roles: str, wait: bool = True) -> None:
        """Start `serve`; with `wait`, until it says that it is ready."""
        options = [word for role in roles for word in ("--role", role)]
        command = [sys.executable, "-m", "mailbot", "--config", str(self.installation.config), "serve", *options]
        with self.log_path.open("ab") as log:
            self.process = subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=log, env={**os.environ, **self.environment},
                start_new_session=True,
            )  # fmt: skip
        if wait:
            assert self.process.stdout is not None
            assert self.process.stdout.readline() == b"mailbot ready\n", self.log_path.read_text()

    def stop(self) -> int:
        """SIGTERM, as an operator stops it. Returns the exit code."""
        assert self.process is not None
        self.process.terminate()
        return self.reap()

    def kill(self) -> None:
        """kill -9 for every process of the bot at once, as a machine that loses its power."""
        assert self.process is not None
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.reap()

    def reap(self) -> int:
        assert self.process is not None
        assert self.process.stdout is not None
        code = self.process.wait(PATIENCE)
        self.process.stdout.close()
        self.process = None
        return code

    def processes(self, role: str) -> list[int]:
        """The process ids of a role."""
        wanted = f"mailbot.roles\0{role}\0{self.installation.config}\0".encode()
        found = []
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            with contextlib.suppress(OSError):
                if wanted in path.read_bytes():
                    found.append(int(path.parent.name))
        return found

    def send(self, raw: bytes, sender: str, *recipients: str) -> None:
        """Hand in one mail over SMTP; returns after its 250."""
        with smtplib.SMTP("127.0.0.1", self.port, timeout=PATIENCE) as smtp:
            smtp.sendmail(sender, recipients or ("security@example.org",), raw)

    def wait(self, condition: Callable[[], bool], what: str) -> None:
        """Until the condition holds; fails with the bot's log if it does not in time."""
        deadline = time.monotonic() + PATIENCE
        while not condition():
            if time.monotonic() > deadline:
                raise AssertionError(f"waited in vain for {what}\n{self.log_path.read_text()[-5000:]}")
            time.sleep(0.05)  # what happens in other processes cannot be awaited

    def recipients(self) -> list[str]:
        """To whom mail was delivered, in order."""
        return [mail.recipient for mail in self.smarthost.taken()]


@contextmanager
def bot(directory: Path, lab: Lab, **how: Any) -> Iterator[Bot]:
    """A bot as `install` makes it, not yet started. Whatever still runs at the end is killed."""
    with contextlib.ExitStack() as stack:
        smarthost = FakeSmarthost()
        stack.enter_context(in_thread(smarthost))
        installation = install(
            directory, lab, listen_port=0, smarthost_port=smarthost.port, own_home=True, **how
        )  # fmt: skip
        made = Bot(installation, smarthost)
        try:
            yield made
        finally:
            if made.process is not None:
                made.kill()
            stop_agent(directory / "g")
