"""A private Postfix that takes mail into its hold queue: the reference for durable accept.

Each 250 of it means a queue file written and fsynced, and nothing is delivered. It has its own config and queue
directory, listens on loopback only, and touches no Postfix that may run on the machine. It must be started as root,
as Postfix always must.

`python -m tests.bench.postfix DIRECTORY` runs one until it is interrupted and prints its port.
"""

import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_PATH = f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin"
_START = 30.0
"""Seconds that it may take to answer."""

# Everything that would slow the reference down for a reason other than its work is switched off: flow control against
# the delivery rate (nothing is delivered), limits per client, and the delay after errors.
_MAIN = """\
compatibility_level = 3.6
queue_directory = {root}/queue
data_directory = {root}/data
daemon_directory = {daemons}
command_directory = {commands}
mail_owner = postfix
setgid_group = postdrop
maillog_file = {root}/log
maillog_file_prefixes = {root}
inet_interfaces = loopback-only
inet_protocols = ipv4
myhostname = mx.example.org
mydestination = example.org
mynetworks = 127.0.0.0/8
local_recipient_maps =
alias_maps =
alias_database =
message_size_limit = 25000000
smtpd_relay_restrictions = permit_mynetworks, reject_unauth_destination
smtpd_recipient_restrictions = check_recipient_access static:hold, permit
smtpd_peername_lookup = no
smtp_dns_support_level = disabled
in_flow_delay = 0
smtpd_client_connection_count_limit = 0
smtpd_client_connection_rate_limit = 0
smtpd_error_sleep_time = 0
default_process_limit = 200
"""
_MASTER = """\
127.0.0.1:{port} inet n - n - - smtpd
cleanup   unix  n  -  n  -    0  cleanup
qmgr      unix  n  -  n  300  1  qmgr
rewrite   unix  -  -  n  -    -  trivial-rewrite
bounce    unix  -  -  n  -    0  bounce
defer     unix  -  -  n  -    0  bounce
trace     unix  -  -  n  -    0  bounce
proxymap  unix  -  -  n  -    -  proxymap
anvil     unix  -  -  n  -    1  anvil
postlog   unix-dgram n - n -  1  postlogd
local     unix  -  n  n  -    -  local
error     unix  -  -  n  -    -  error
retry     unix  -  -  n  -    -  error
discard   unix  -  -  n  -    -  discard
smtp      unix  -  -  n  -    -  smtp
"""


class Unavailable(Exception):
    """There is no Postfix to compare with; the text says what to do."""


@dataclass(frozen=True)
class Postfix:
    root: Path
    port: int

    def clear(self) -> int:
        """Delete what is in the hold queue, so that every run begins with an empty one; returns how many it was."""
        mails = list((self.root / "queue" / "hold").iterdir())
        for mail in mails:
            mail.unlink()
        return len(mails)


@contextmanager
def running(directory: Path) -> Iterator[Postfix]:
    """Start Postfix with its queue in a new directory under `directory`; removes all of it after.

    Raises `Unavailable` if it is not installed or cannot be started.
    """
    command = shutil.which("postfix", path=_PATH)
    if command is None:
        raise Unavailable("Postfix is not installed, so there is nothing to compare with: apt-get install postfix")
    if os.geteuid() != 0:
        raise Unavailable("Postfix can only be started by root")
    if not directory.is_dir():
        raise Unavailable(f"{directory}: no such directory")
    directory = directory.resolve()
    closed = [path for path in (directory, *directory.parents) if not path.stat().st_mode & stat.S_IXOTH]
    if closed:
        raise Unavailable(f"{closed[-1]}: the user postfix cannot enter it (chmod o+x, or choose another directory)")
    root = Path(tempfile.mkdtemp(prefix="postfix-", dir=directory))
    try:
        port = _free_port()
        _write(root, command, port)
        _control(command, root, "start")
        try:
            _await_greeting(port, root)
            yield Postfix(root, port)
        finally:
            _control(command, root, "abort")
            _await_end(root)
    finally:
        shutil.rmtree(root, ignore_errors=True)


def _write(root: Path, command: str, port: int) -> None:
    root.chmod(0o755)
    for name in ("conf", "queue", "data"):
        (root / name).mkdir()
    shutil.chown(root / "data", "postfix")
    main = _MAIN.format(root=root, daemons=_default("daemon_directory"), commands=Path(command).parent)
    (root / "conf" / "main.cf").write_text(main)
    (root / "conf" / "master.cf").write_text(_MASTER.format(port=port))


def _default(name: str) -> str:
    return subprocess.run(
        ["postconf", "-d", "-h", name], capture_output=True, text=True, check=True, env={"PATH": _PATH}
    ).stdout.strip()


def _control(command: str, root: Path, verb: str) -> None:
    done = subprocess.run(
        [command, "-c", str(root / "conf"), verb],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    if done.returncode and verb == "start":
        raise Unavailable(f"Postfix did not start: {done.stderr.strip() or _log(root)}")


def _log(root: Path) -> str:
    log = root / "log"
    return log.read_text() if log.exists() else "it wrote no log"


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def _await_greeting(port: int, root: Path) -> None:
    until = time.monotonic() + _START
    while time.monotonic() < until:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=_START) as probe:
                if probe.recv(4) == b"220 ":
                    return
        except ConnectionRefusedError:
            time.sleep(0.05)
    raise Unavailable(f"Postfix does not answer: {_log(root)}")


def _await_end(root: Path) -> None:
    """Its master process has ended when its lock file can be removed with the rest."""
    pid_file = root / "queue" / "pid" / "master.pid"
    until = time.monotonic() + _START
    while time.monotonic() < until:
        try:
            os.kill(int(pid_file.read_text()), 0)
        except (OSError, ValueError):
            return
        time.sleep(0.05)


def main() -> int:
    if len(sys.argv) != 2:
        print("usage: python -m tests.bench.postfix DIRECTORY", file=sys.stderr)
        return 2
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        with running(Path(sys.argv[1])) as postfix:
            print(postfix.port, flush=True)
            signal.pause()
    except Unavailable as reason:
        print(reason, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 0
    return 0


if __name__ == "__main__":
    sys.exit(main())
