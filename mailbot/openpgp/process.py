"""One call of gpg: start it, feed it, read it, and never wait longer than the time limit.

python-gnupg gives the command line and the version check. Its plumbing is not used, for these reasons: it has no time
limit; it needs three threads a call; it holds the input and the output twice in memory; it reads the status lines from
stderr, where they stand among text that quotes the mail (CVE-2018-12020 was such a mix-up), so they get a pipe of
their own here; and it logs stderr.
"""

import copy
import functools
import os
import re
import signal
import subprocess
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gnupg

from mailbot.errors import MailFailed, TemporaryError
from mailbot.openpgp.pipes import STATUS_LIMIT, Pipes, wait

TIME_LIMIT = 30.0
"""Seconds for one call of gpg; 25 MB take under two."""
OLDEST = (2, 2, 17)
"""The first gpg that can leave out the signatures of others when it imports a key."""
SIDE = "-&side"
"""Stands in a command for the file name of the `side` input."""

# The operator's gpg.conf is not read, so that nothing in it (encrypt-to, a keyserver, a comment) changes what we do.
# Nothing is fetched from the network because a mail names a key.
_OPTIONS = (
    "--no-options",
    "--no-greeting",
    "--trust-model=always",
    "--no-auto-check-trustdb",
    "--disable-dirmngr",
    "--no-auto-key-locate",
    "--no-auto-key-retrieve",
    "--no-encrypt-to",
    "--no-symkey-cache",
    # Several gpgs would wait a quarter of a second for one another's lock on it; the kernel's random numbers are there.
    "--no-random-seed-file",
    "--exit-on-status-write-error",
    "--enable-special-filenames",
    "--display-charset=utf-8",
    "--utf8-strings",
)
# gpg and the agent that it starts get nothing of our environment beyond this.
_ENVIRONMENT = ("PATH", "HOME", "USER", "LOGNAME", "TMPDIR", "XDG_RUNTIME_DIR", "TZ")
# Signals that a process raises by its own fault: the data made gpg crash.
_CRASHES = frozenset({signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGFPE, signal.SIGILL})


class GpgUnusable(TemporaryError):
    """gpg, its agent, its home or the group's key cannot be used. The text says what is wrong, and the mend."""


class GpgMissing(GpgUnusable):
    """There is no gpg to start."""


@dataclass(frozen=True, slots=True)
class Status:
    """One line of gpg's status output, as in GnuPG's doc/DETAILS."""

    keyword: str
    args: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Result:
    returncode: int
    status: tuple[Status, ...]
    output: bytes
    """Empty if `overflow`."""
    overflow: bool = False
    """gpg was ended because it wrote more than the limit."""
    notes: str = ""
    """What gpg said to people, in English. It quotes the mail: never to be logged."""

    def all(self, keyword: str) -> list[Status]:
        return [line for line in self.status if line.keyword == keyword]

    def has(self, *keywords: str) -> bool:
        return any(line.keyword in keywords for line in self.status)


class Gnupg:
    """gpg with one home directory. Threads may share it."""

    def __init__(self, home: Path, *, binary: str = "gpg", timeout: float = TIME_LIMIT, autostart: bool = True) -> None:
        """`timeout` in seconds, for each call. Without `autostart` no agent is started: public keys need none."""
        self.home = home
        self.binary = binary
        self.timeout = timeout
        self._autostart = autostart

    def run(
        self,
        command: Sequence[str],
        data: Iterable[bytes] = (),
        *,
        side: bytes | None = None,
        passphrase: str | None = None,
        limit: int = 1 << 62,
        crlf: bool = False,
        status_limit: int = STATUS_LIMIT,
    ) -> Result:
        """Run gpg with `command`, `data` (pieces of one stream) on its standard input.

        `side` is a second input, named `SIDE` in the command. Output is ended at `limit` bytes, and
        so is the whole call when the status lines have `status_limit`. With `crlf`, each LF
        of the output becomes CRLF. Raises `GpgUnusable` and `MailFailed`.
        """
        with Pipes() as pipes:
            arguments = ["--status-fd", str(pipes.reader("status")), *([] if self._autostart else ["--no-autostart"])]
            if passphrase is None:
                # Never a window or a prompt, whatever the mail asks for.
                arguments += ["--pinentry-mode=cancel"]
            else:
                descriptor = pipes.writer("passphrase", [passphrase.encode() + b"\n"])
                arguments += ["--pinentry-mode=loopback", "--passphrase-fd", str(descriptor)]
            if side is not None:
                name = f"-&{pipes.writer('side', [side])}"
                command = [name if word == SIDE else word for word in command]
            process = self._start([*arguments, *command], pipes, data)
            deadline = time.monotonic() + self.timeout
            try:
                output, overflow = pipes.converse(deadline, limit, crlf, status_limit)
                if not overflow:
                    wait(process, deadline)
            except TimeoutError:
                raise _too_slow(self.timeout) from None
            finally:
                _end(process)
            if not overflow and process.returncode < 0:
                raise _killed(-process.returncode)
            return Result(process.returncode, _parse(pipes.text("status")), output, overflow, pipes.text("notes"))

    def command(self, arguments: Sequence[str]) -> list[str]:
        """The whole command line, program first."""
        library = copy.copy(_library(self.binary, self.timeout))
        library.gnupghome = str(self.home)
        line: list[str] = library.make_args(list(arguments), False)
        return line

    def _start(self, arguments: list[str], pipes: "Pipes", data: Iterable[bytes]) -> "subprocess.Popen[bytes]":
        command = self.command(arguments)
        try:
            return subprocess.Popen(
                command,
                stdin=pipes.writer("data", data),
                stdout=pipes.reader("output"),
                stderr=pipes.reader("notes"),
                pass_fds=pipes.passed(),
                env=_environment(),
                # A signal to our terminal's group must not end gpg in the middle of a mail, and at the time limit
                # whatever gpg started in this group ends with it.
                process_group=0,
            )
        except OSError as error:
            raise _missing(self.binary) from error


def version(binary: str = "gpg") -> tuple[int, ...]:
    """gpg's version, such as (2, 2, 40). Raises `GpgMissing`, `GpgUnusable` (too old), `MailFailed` (no answer)."""
    found: tuple[int, ...] = _library(binary, TIME_LIMIT).version
    return found


def stop_agent(home: Path) -> None:
    """End the gpg-agent of a home, if one runs. It forgets its passphrases and starts again when it is needed."""
    with suppress(OSError, subprocess.SubprocessError):
        _tool("gpgconf", home, "--kill", "gpg-agent")


def remove_sockets(home: Path) -> None:
    """Remove what GnuPG keeps outside of a home that will be removed and has no agent: where there is a /run/user/UID,
    each home gets a directory for sockets there, whether an agent is started or not."""
    with suppress(OSError, subprocess.SubprocessError):
        _tool("gpgconf", home, "--remove-socketdir")


def check_home(home: Path) -> None:
    """Raises `GpgUnusable` if something stands in the way of using `home` with its agent."""
    if not home.is_dir():
        raise GpgUnusable(f"{home}: no such directory; it must be the group's GnuPG home")
    if not os.access(home, os.R_OK | os.W_OK | os.X_OK):
        raise GpgUnusable(f"{home}: this user may not read and write it; it must belong to them, mode 0700")
    common = home / "common.conf"
    if common.is_file() and re.search(r"(?m)^\s*use-keyboxd\b", common.read_text(errors="replace")):
        # With it, gpg 2.4 takes every key from that daemon and ignores the keyring that we name.
        raise GpgUnusable(f'{common}: remove the line "use-keyboxd"; mailbot keeps public keys in a keyring of its own')
    try:
        socket = _tool("gpgconf", home, "--list-dirs", "agent-socket").strip()
    except (OSError, subprocess.SubprocessError) as error:
        raise GpgUnusable("gpgconf, a part of GnuPG, does not work") from error
    # sun_path holds 107 bytes (unix(7)); the agent's longest socket is "S.gpg-agent.browser".
    if len(os.fsencode(socket)) + len(".browser") > 107:
        raise GpgUnusable(f"{home}: the path is too long for gpg-agent's sockets; use one of at most 80 characters")


def _tool(name: str, home: Path, *arguments: str) -> str:
    """Run one of GnuPG's small programs; its output."""
    done = subprocess.run(
        [name, "--homedir", str(home), *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=_environment(),
        timeout=TIME_LIMIT,
        check=True,
    )
    return done.stdout.decode(errors="surrogateescape")


def _environment() -> dict[str, str]:
    kept = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
    return kept | {"LC_ALL": "C", "LANGUAGE": "en"}


@functools.lru_cache(maxsize=8)
def _library(binary: str, timeout: float) -> Any:
    """python-gnupg for a binary. Failures are not cached."""
    # python-gnupg starts gpg to ask its version, without a time limit; so ask the same first, with one.
    question = ("--list-config", "--with-colons")
    try:
        subprocess.run([binary, *_OPTIONS, *question], capture_output=True, env=_environment(), timeout=timeout)
        library = gnupg.GPG(gpgbinary=binary, options=list(_OPTIONS), env=_environment(), encoding="utf-8")
    except subprocess.TimeoutExpired:
        raise _too_slow(timeout) from None
    except OSError as error:
        raise _missing(binary) from error
    except ValueError as error:
        raise _too_old(binary) from error
    if library.version is None or library.version < OLDEST:
        raise _too_old(binary)
    return library


def _missing(binary: str) -> GpgMissing:
    return GpgMissing(f"{binary} is missing. On Debian or Ubuntu: apt-get install gnupg")


def _too_old(binary: str) -> GpgUnusable:
    return GpgUnusable(f"{binary} is not GnuPG {'.'.join(map(str, OLDEST))} or newer")


def _too_slow(timeout: float) -> MailFailed:
    return MailFailed(f"gpg did not finish within {timeout:g} seconds")


def _killed(number: int) -> Exception:
    if number in _CRASHES:
        return MailFailed(f"gpg crashed with signal {number}")
    return GpgUnusable(f"gpg was killed by signal {number}")


def _end(process: "subprocess.Popen[bytes]") -> None:
    if process.poll() is None:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _parse(text: str) -> tuple[Status, ...]:
    lines = (line.split(" ") for line in text.split("\n") if line.startswith("[GNUPG:] "))
    return tuple(Status(words[1], tuple(words[2:])) for words in lines)
