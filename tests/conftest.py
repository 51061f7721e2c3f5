"""What every test gets: no network but loopback, a HOME and GNUPGHOME of its own, an odd time zone."""

import os
import shutil
import socket
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest_plugins = ["tests.openpgp_keys"]


@pytest.fixture(autouse=True)
def isolated_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test sees the machine's keyring, config or clock zone."""
    home = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("GNUPGHOME", str(home / "no-gnupg-home"))
    monkeypatch.setenv("TZ", "Asia/Kathmandu")
    for name in [name for name in os.environ if name.startswith("MAILBOT_")]:
        monkeypatch.delenv(name)
    time.tzset()


@pytest.fixture(autouse=True)
def loopback_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test that reaches for the network fails."""
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: Any) -> None:
        host = address[0] if isinstance(address, tuple) else ""
        if self.family != socket.AF_UNIX and not (host.startswith("127.") or host in ("::1", "localhost")):
            raise AssertionError(f"a test tried to reach {host}")
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", guarded)


@pytest.fixture
def short_path() -> Iterator[Path]:
    """A directory with a path short enough for gpg-agent's sockets (under 100 characters)."""
    path = Path(tempfile.mkdtemp(prefix="mb-"))
    yield path
    shutil.rmtree(path, ignore_errors=True)
