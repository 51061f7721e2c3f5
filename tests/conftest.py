"""What every test gets: no network but loopback, a HOME and GNUPGHOME of its own, an odd time zone.

And what golden tests share: `golden` compares a text with its file; ``pytest --update-golden`` rewrites the files that
differ and prints the difference.
"""

import difflib
import os
import shutil
import socket
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest

pytest_plugins = ["tests.openpgp_keys"]

# No time limit for one example: the machine is busy with the other tests. The same examples in every run, so that a
# red run is about the change and not about luck; `python -m tests.fuzz` is for luck.
hypothesis.settings.register_profile(
    "mailbot",
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("mailbot")

_DIFFERENCE = "golden difference"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="rewrite golden files that differ, print how")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Those that need programs beyond GnuPG are run only where they are named: ``./dev clients`` and the like."""
    name = collection_path.name
    named = any(f"tests/{name}" in argument for argument in config.args)
    return True if name in ("clients", "deploy", "mailman", "postfix") and not named else None


@pytest.fixture
def golden(request: pytest.FixtureRequest, record_property: Callable[[str, object], None]) -> Callable[..., None]:
    """``golden(path, text)``: fails unless the file at `path` holds exactly `text`; None means that there is none."""

    def compare(path: Path, text: str | None) -> None:
        before = path.read_bytes().decode() if path.exists() else None
        if text == before:
            return
        old, new = (before or "").splitlines(True), (text or "").splitlines(True)
        lines = difflib.unified_diff(old, new, f"golden {path.name}", "now")
        difference = "".join(lines)
        if not request.config.getoption("--update-golden"):
            pytest.fail(f"differs from {path.name}; if it should, run pytest --update-golden\n{difference}")
        if text is None:
            path.unlink()
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text.encode())
        # A property of the report, because that also comes back from the processes of pytest -n.
        record_property(_DIFFERENCE, difference)

    return compare


def pytest_terminal_summary(terminalreporter: Any) -> None:
    for report in terminalreporter.getreports("passed"):
        for name, value in report.user_properties:
            if name == _DIFFERENCE and report.when == "call":
                terminalreporter.write_line(value)


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


@pytest.fixture(scope="module")
def short_root() -> Iterator[Path]:
    """The same for a whole module."""
    path = Path(tempfile.mkdtemp(prefix="mb-"))
    yield path
    shutil.rmtree(path, ignore_errors=True)
