"""The bot in its scratch directory, used as an operator uses it: through ``mailbot`` commands and its config file."""

import os
import re
import selectors
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import mailbot
from mailbot.demo.cast import ERIK, GROUP_ADDRESS, GROUP_NAME, MEMBERS, OLGA, PREFIX
from mailbot.errors import TemporaryError
from mailbot.openpgp.process import remove_sockets, stop_agent

COMMAND_SECONDS = 20.0
"""For one command; on an idle machine they take one."""
START_SECONDS = 20.0
"""Until ``mailbot ready``; it takes two."""
DRAIN_SECONDS = 15.0
"""For the end after SIGTERM; it takes half a second when nothing is left to do."""

REMIND_SECONDS, ESCALATE_SECONDS = 3, 6
"""The shortened clock: in place of 24 and 48 hours."""


class Installation:
    def __init__(self, scratch: Path, log: Path) -> None:
        self.config = scratch / "mailbot.toml"
        self._log = log
        self.port = 0
        self._scratch = scratch
        self._port_holder: socket.socket | None = None
        self._serve: subprocess.Popen[bytes] | None = None
        self._temporary = scratch / "tmp"
        self._temporary.mkdir(mode=0o700)
        # From any directory, with the very package that runs here, and with temporary files in the scratch directory.
        package = str(Path(mailbot.__file__).resolve().parent.parent)
        path = os.pathsep.join([package, *filter(None, [os.environ.get("PYTHONPATH")])])
        self._environment = {**os.environ, "TMPDIR": str(self._temporary), "PYTHONPATH": path}

    def command(self, *arguments: str, wanted: Sequence[int] = (0,)) -> str:
        """Run one ``mailbot`` command; what it printed. Raises `TemporaryError` if it ends with a code not `wanted`."""
        line = f"mailbot {' '.join(arguments[:2])}"
        try:
            done = subprocess.run(
                self._line(*arguments), cwd=self._scratch, env=self._environment, stdin=subprocess.DEVNULL,
                capture_output=True, timeout=COMMAND_SECONDS, check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            raise TemporaryError(f"`{line}` did not end within {COMMAND_SECONDS:.0f} seconds") from None
        if done.returncode not in wanted:
            said = done.stderr.decode(errors="replace").strip() or "it said nothing"
            raise TemporaryError(f"`{line}` ended with {done.returncode}: {said}")
        return done.stdout.decode(errors="replace")

    def init(self) -> str:
        """``mailbot init``; the fingerprint of the group's new key."""
        self.command(
            "init", str(self._scratch), "--name", GROUP_NAME, "--address", GROUP_ADDRESS, "--prefix", PREFIX
        )  # fmt: skip
        found = re.search(r'(?m)^key = "([0-9A-F]+)"$', self.config.read_text(encoding="utf-8"))
        if found is None:
            raise TemporaryError(f"{self.config} names no key")
        return found[1]

    def configure(self, smarthost_port: int, fingerprints: dict[str, str]) -> None:
        """Fill in what `mailbot init` leaves to the operator. `fingerprints` are by member id."""
        self._port_holder = _held_port()
        self.port = self._port_holder.getsockname()[1]
        text = self.config.read_text(encoding="utf-8")
        for section, port in (("listener", self.port), ("delivery", smarthost_port)):
            text = re.sub(rf"(?m)(^\[{section}\]\n(?:[^\[\n].*\n)*?port = )\d+$", rf"\g<1>{port}", text)
        text += (
            "\n[slo]\ndigest_hour = -1\n"
            f'first_response_remind = "{REMIND_SECONDS}s"\nfirst_response_escalate = "{ESCALATE_SECONDS}s"\n'
            f'\n[[slo.escalation]]\nafter = "0s"\nto = ["{ERIK.address}"]\n'
            f'\n[operators]\naddresses = ["{OLGA.address}"]\n'
        )
        for member in MEMBERS:
            text += (
                f'\n[[member]]\nid = "{member.id}"\nname = "{member.name}"\nemail = "{member.address}"\noncall = true\n'
            )
            if member.has_key:
                text += f'fingerprint = "{fingerprints[member.id]}"\n'
        self.config.write_text(text, encoding="utf-8")

    @property
    def running(self) -> bool:
        return self._serve is not None

    def serve(self) -> None:
        """Start ``mailbot serve`` and wait until it is ready. Raises `TemporaryError`."""
        with self._log.open("wb") as log:
            self._serve = subprocess.Popen(
                self._line("serve"), cwd=self._scratch, env=self._environment, stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE, stderr=log,
            )  # fmt: skip
        said = b""
        if self._serve.stdout is not None:
            with selectors.DefaultSelector() as selector:
                selector.register(self._serve.stdout, selectors.EVENT_READ)
                said = self._serve.stdout.readline() if selector.select(START_SECONDS) else b""
        if said != b"mailbot ready\n":
            raise TemporaryError("`mailbot serve` did not become ready")

    def stop(self) -> str | None:
        """SIGTERM, and wait until all is drained; what went wrong, if anything. Does nothing the second time."""
        process, self._serve = self._serve, None
        if process is None:
            return None
        # The context closes its standard output.
        with process:
            process.terminate()
            try:
                code = process.wait(DRAIN_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                return f"`mailbot serve` did not stop within {DRAIN_SECONDS:.0f} seconds of SIGTERM and was killed"
        return None if code == 0 else f"`mailbot serve` ended with {code} after SIGTERM"

    def files(self) -> list[Path]:
        """All that the running bot wrote: its log, the database, temporary files."""
        database = self._scratch.glob("mailbot.db*")
        return [self._log, *database, *self._temporary.rglob("*")]

    def close(self) -> None:
        """End the agent of the group's key, and give the port back."""
        if self._port_holder is not None:
            self._port_holder.close()
        stop_agent(self._scratch / "gnupg")
        remove_sockets(self._scratch / "gnupg")

    def _line(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "mailbot", "--config", str(self.config), *arguments]


def _held_port() -> socket.socket:
    """A free port that nobody is given meanwhile: bound, but not listening, it does not keep the bot from using it."""
    holder = socket.socket()
    holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    holder.bind(("127.0.0.1", 0))
    return holder
