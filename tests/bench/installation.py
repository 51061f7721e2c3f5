"""A directory that `mailbot serve` runs in, with as many members with keys as a benchmark wants, and its processes."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from mailbot.config import Settings, load
from mailbot.openpgp.process import stop_agent
from mailbot.storage import keys, schema, seal
from mailbot.storage.database import Database
from tests.bench.measure import family
from tests.bench.server import await_greeting, free_port
from tests.openpgp_keys import Home

_CONFIG = """\
[group]
name = "Example Security Response Group"
id_prefix = "EX"
address = "security@example.org"
[listener]
port = {port}
processes = {processes}
[delivery]
port = {smarthost_port}
tls = "none"
[storage]
database = "sqlite:///mailbot.db"
seal_key_file = "seal.key"
[openpgp]
home = "g"
key = "{group}"
[relay]
encrypt = "{encrypt}"
[ack]
per_sender = "0s"
per_hour = 1000000
"""
_MEMBER = """\
[[member]]
id = "m{number}"
name = "Member {number}"
email = "m{number}@members.example"
fingerprint = "{fingerprint}"
"""


@dataclass(frozen=True)
class Installation:
    directory: Path
    port: int
    group: Home
    people: Home
    members: tuple[str, ...]
    """Fingerprints."""

    @property
    def config(self) -> Path:
        return self.directory / "mailbot.toml"

    @property
    def settings(self) -> Settings:
        return load(self.config)

    @property
    def command(self) -> list[str]:
        return [sys.executable, "-m", "mailbot", "--config", str(self.config)]

    def children(self, pid: int) -> dict[str, list[int]]:
        """The processes of a bot whose parent is `pid`, by role; the parsers of a worker are ``cage``."""
        found: dict[str, list[int]] = {"parent": [pid]}
        for child in family(pid)[1:]:
            words = Path(f"/proc/{child}/cmdline").read_bytes().split(b"\0")
            if b"mailbot.roles" in words:
                found.setdefault(words[words.index(b"mailbot.roles") + 1].decode(), []).append(child)
            elif any(b"mailbot.cage" in word for word in words):
                found.setdefault("cage", []).append(child)
        return found


@contextmanager
def installed(
    *, members: int = 2, encrypt: str = "together", processes: int = 1, smarthost_port: int = 9,
    group_algorithm: tuple[str, str] = ("ed25519", "cv25519"),
) -> Iterator[Installation]:  # fmt: skip
    """A new installation under the directory for temporary files; removed with everything after."""
    directory = Path(tempfile.mkdtemp(prefix="mb-"))
    group, people = Home.create(directory / "g"), Home.create(directory / "p")
    try:
        group.make("group", "Example Group <security@example.org>", *group_algorithm)
        people.gpg("--import", data=group.public("group").encode())
        people.fingerprints["group"] = group.fingerprints["group"]
        for number in range(members):
            people.make(f"m{number}", f"Member <m{number}@members.example>")
        people.make("reporter", "Rita <rita@out.example>")
        made = Installation(
            directory, free_port(), group, people, tuple(people.fingerprints[f"m{n}"] for n in range(members))
        )
        _write(made, encrypt, processes, smarthost_port)
        yield made
    finally:
        stop_agent(directory / "g")
        stop_agent(directory / "p")
        shutil.rmtree(directory, ignore_errors=True)


def _write(made: Installation, encrypt: str, processes: int, smarthost_port: int) -> None:
    text = _CONFIG.format(
        port=made.port, processes=processes, smarthost_port=smarthost_port, encrypt=encrypt,
        group=made.group.fingerprints["group"],
    )  # fmt: skip
    text += "".join(_MEMBER.format(number=n, fingerprint=name) for n, name in enumerate(made.members))
    made.config.write_text(text)
    settings = made.settings
    seal.generate(settings.storage.seal_key_file)
    database = Database(settings.storage.database)
    schema.prepare(database, seal.load_sealer(settings.storage.seal_key_file))
    with database.write() as connection:
        for number, fingerprint in enumerate(made.members):
            keys.put(connection, fingerprint, made.people.public(f"m{number}"), datetime.now(UTC))
    database.close()


@contextmanager
def serving(made: Installation, roles: Sequence[str] = (), environment: dict[str, str] | None = None) -> Iterator[int]:
    """`mailbot serve` with these roles (all, if none), ready; gives the parent's process id. It is ended after."""
    options = [word for role in roles for word in ("--role", role)]
    with (made.directory / "log").open("ab") as log:
        process = subprocess.Popen(
            [*made.command, "serve", *options], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log,
            env={**os.environ, **(environment or {})}, start_new_session=True,
        )  # fmt: skip
    try:
        assert process.stdout is not None
        if process.stdout.readline() != b"mailbot ready\n":
            raise RuntimeError(f"the bot did not start: {(made.directory / 'log').read_text()[-2000:]}")
        if not roles or "listener" in roles:
            await_greeting(process, made.port)
        yield process.pid
    finally:
        end(process)


def end(process: "subprocess.Popen[bytes]") -> None:
    """SIGTERM, and kill the whole bot if it does not end by that."""
    process.terminate()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(timeout=60)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    if process.stdout is not None:
        process.stdout.close()


def wait_until(condition: Callable[[], bool], seconds: float = 300.0, every: float = 0.005) -> None:
    """Look again and again until `condition()` holds. What other processes do cannot be awaited."""
    until = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > until:
            raise RuntimeError(f"nothing happened within {seconds:.0f} s")
        time.sleep(every)
