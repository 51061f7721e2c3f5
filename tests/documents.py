"""The documents as tests see them: fenced blocks, and a shell that runs a document's `sh` blocks as a reader would.

The convention: a block marked ``sh`` is run, in order, in one shell, in an empty directory, and every command must
succeed. A block marked ``text`` that comes next is what it prints: ``...`` stands for anything within a line, and alone
on a line for any lines. Blocks marked ``console`` (root, network, a reader's own names) are not run.
"""

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

ROOT = Path(__file__).parent.parent
DOCUMENTS = (ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md")))

PATIENCE = 60.0
"""Seconds for one block, on a machine that is busy with the other tests."""
PORTS = ("8025", "2525")
"""Ports in the documents, each replaced by a free one, so that tests run side by side."""

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
# What only looks can be repeated until it sees what is about to happen.
_LOOKS = re.compile(r"(?:mailbot (?:issue|queue|member|key) (?:list|show)\b.*\n)+")
_END = "--- end of block ---"


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block; `line` is where its fence opens."""

    language: str
    text: str
    line: int


def blocks(document: Path) -> list[Block]:
    text = document.read_text(encoding="utf-8")
    return [Block(match[1], match[2], text.count("\n", 0, match.start()) + 1) for match in _FENCE.finditer(text)]


def prose(document: Path) -> str:
    """The document without its fenced blocks."""
    return _FENCE.sub("", document.read_text(encoding="utf-8"))


@dataclass(frozen=True, slots=True)
class Step:
    """A block to run, and what it must print (None: whatever it likes)."""

    line: int
    script: str
    expected: str | None


def steps(document: Path) -> list[Step]:
    found = blocks(document)
    return [
        Step(block.line, block.text, follower.text if follower is not None and follower.language == "text" else None)
        for block, follower in zip_longest(found, found[1:])
        if block.language == "sh"
    ]


def matches(expected: str, printed: str) -> bool:
    """Whether `printed` is what a document shows. Blanks at the ends of lines do not count."""
    pattern = ""
    for line in expected.splitlines():
        parts = (re.escape(part.strip()) for part in re.split(r"\.\.\.", line.rstrip()))
        pattern += r"(?:.*\n)*?" if line.strip() == "..." else r"\s*" + r".*?".join(parts) + r"\n"
    lines = (line.strip() for line in printed.strip("\n").splitlines())
    return re.fullmatch(pattern, "".join(f"{line}\n" for line in lines)) is not None


class Shell:
    """One bash that lives as long as a document, with `mailbot` and `python` of this checkout on its path."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._blocks = 0
        self._output = ""
        self._changed = threading.Condition()
        tools = directory / "bin"
        tools.mkdir()
        for name, arguments in (("mailbot", "-m mailbot "), ("python", ""), ("python3", "")):
            tool = tools / name
            tool.write_text(f'#!/bin/sh\nexec "{sys.executable}" {arguments}"$@"\n')
            tool.chmod(0o755)
        (directory / "empty").mkdir()
        self._ports = {port: _free_port() for port in PORTS}
        self._process = subprocess.Popen(
            ["bash", "--norc", "-e"], cwd=directory / "empty", start_new_session=True, bufsize=0,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            env={**os.environ, "PATH": f"{tools}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT), "LC_ALL": "C.UTF-8"},
        )  # fmt: skip
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def run(self, step: Step) -> None:
        """Run one block; fails with all output if a command fails or something else is printed."""
        deadline = time.monotonic() + PATIENCE
        script = self._with_ports(step.script)
        while True:
            printed = self._source(script, deadline)
            if step.expected is None or matches(self._with_ports(step.expected), printed):
                return
            if not _LOOKS.fullmatch(step.script) or time.monotonic() > deadline:
                raise AssertionError(f"line {step.line}: expected\n{step.expected}\nprinted\n{printed}")

    def _source(self, script: str, deadline: float) -> str:
        """Let the shell read a block; returns what it printed, when it is done and what it started is up."""
        self._blocks += 1
        path = self._directory / f"block-{self._blocks}.sh"
        path.write_text(script, encoding="utf-8")
        start = len(self._output)
        assert self._process.stdin is not None
        self._process.stdin.write(f'. "{path}"\necho "{_END}"\n'.encode())
        self._wait_for(_END + "\n", start, deadline, script)
        if "mailbot init" in script:
            for config in (self._directory / "empty").rglob("mailbot.toml"):
                config.write_text(self._with_ports(config.read_text(encoding="utf-8")), encoding="utf-8")
        elif script.startswith("mailbot serve"):
            self._wait_for("mailbot ready\n", start, deadline, script)
        elif "-m aiosmtpd" in script:
            _wait_for_port(self._ports["2525"], deadline)
        return self._output[start:].replace(_END + "\n", "")

    def _wait_for(self, text: str, start: int, deadline: float, script: str) -> None:
        with self._changed:
            while text not in self._output[start:]:
                # What runs in the background keeps the pipe open when the shell has ended.
                if self._process.poll() is not None or time.monotonic() > deadline:
                    raise AssertionError(f"a command failed or hung in\n{script}\nprinted\n{self._output[start:]}")
                self._changed.wait(0.2)

    def _read(self) -> None:
        assert self._process.stdout is not None
        while piece := os.read(self._process.stdout.fileno(), 65536):
            with self._changed:
                self._output += piece.decode("utf-8", "replace")
                self._changed.notify_all()

    def _with_ports(self, text: str) -> str:
        for port, free in self._ports.items():
            text = re.sub(rf"\b{port}\b", str(free), text)
        return text

    def close(self) -> None:
        """End the shell, and all that it started and a reader would have stopped."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._reader.join(5)
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()
        for agent in self._directory.rglob("S.gpg-agent"):
            subprocess.run(["gpgconf", "--homedir", str(agent.parent), "--kill", "gpg-agent"], check=False)


@contextmanager
def shell(directory: Path) -> Iterator[Shell]:
    """A shell in an empty directory under `directory`, whose path must be short (gpg-agent)."""
    made = Shell(directory)
    try:
        yield made
    finally:
        made.close()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_for_port(port: int, deadline: float) -> None:
    while True:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        if time.monotonic() > deadline:
            raise AssertionError(f"nothing listens on port {port}")
        time.sleep(0.02)  # another process's start cannot be awaited
