"""A real Postfix with a config, a queue and ports of its own, in front of the bot and behind it.

It touches no Postfix that may run on the machine, listens on loopback only and resolves nothing. Its first port is the
world's: what comes there for the group goes to the bot. Its second is the bot's own: what comes there is delivered into
maildirs, or back to the bot. It must be started as root, as Postfix always must.
"""

import os
import pwd
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.bot import PATIENCE

PATH = f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin"

MAIN = """\
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
mydestination =
mynetworks = 127.0.0.0/8
alias_maps =
alias_database =
local_recipient_maps =
smtpd_peername_lookup = no
smtp_dns_support_level = disabled
smtp_host_lookup = native
smtpd_client_connection_count_limit = 0
smtpd_client_connection_rate_limit = 0
smtpd_error_sleep_time = 0
smtpd_recipient_restrictions = check_recipient_access inline:{{ {{ nobody@members.example = 550 5.1.1 unknown }} }}
smtpd_relay_restrictions = permit_mynetworks, permit_sasl_authenticated, reject_unauth_destination
# What is put off for now comes again at once.
minimal_backoff_time = 1s
queue_run_delay = 1s
message_size_limit = 35000000
mailbox_size_limit = 0
virtual_mailbox_limit = 0
virtual_mailbox_domains = members.example, out.example, reporters.example, bücher.example
virtual_mailbox_base = {root}/mail
# Everybody has the same maildir; Delivered-To says for whom it was.
virtual_mailbox_maps = static:all/
virtual_uid_maps = static:{uid}
virtual_gid_maps = static:{gid}
virtual_minimum_uid = 1
smtpd_tls_cert_file = {root}/conf/front.crt
smtpd_tls_key_file = {root}/conf/front.key
smtpd_tls_security_level = may
smtpd_tls_loglevel = 1
smtp_tls_loglevel = 1
lmtp_tls_loglevel = 1
"""
MASTER = """\
127.0.0.1:{world} inet n - n - - smtpd
127.0.0.1:{bot} inet n - n - - smtpd
{options}
cleanup   unix  n  -  n  -    0  cleanup
qmgr      unix  n  -  n  1    1  qmgr
tlsmgr    unix  -  -  n  300  1  tlsmgr
rewrite   unix  -  -  n  -    -  trivial-rewrite
bounce    unix  -  -  n  -    0  bounce
defer     unix  -  -  n  -    0  bounce
trace     unix  -  -  n  -    0  bounce
verify    unix  -  -  n  -    1  verify
proxymap  unix  -  -  n  -    -  proxymap
anvil     unix  -  -  n  -    1  anvil
postlog   unix-dgram n - n -  1  postlogd
virtual   unix  -  n  n  -    -  virtual
relay     unix  -  -  n  -    -  smtp
flush     unix  n  -  n  -    0  flush
scache    unix  -  -  n  -    1  scache
smtp      unix  -  -  n  -    -  smtp
lmtp      unix  -  -  n  -    -  lmtp
error     unix  -  -  n  -    -  error
retry     unix  -  -  n  -    -  error
discard   unix  -  -  n  -    -  discard
"""


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def certificate(directory: Path, name: str, host: str = "mx.example.org") -> Path:
    """A self-signed certificate for `host` and loopback; its key beside it as ``NAME.key``."""
    path = directory / f"{name}.crt"
    command = f"openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN={host}"
    names = ["-addext", f"subjectAltName=DNS:{host},DNS:localhost,IP:127.0.0.1"]
    subprocess.run(
        [*command.split(), *names, "-keyout", str(path.with_suffix(".key")), "-out", str(path)],
        check=True, capture_output=True,
    )  # fmt: skip
    return path


@dataclass
class Postfix:
    root: Path
    world: int
    """The port that the world writes to."""
    bot: int
    """The port that the bot writes to."""
    _seen: set[str] = field(default_factory=set)

    @property
    def log(self) -> str:
        path = self.root / "log"
        return path.read_text(errors="replace") if path.exists() else "it wrote no log"

    @property
    def socket(self) -> Path:
        """Where the bot may listen: a place that the user postfix can enter, named as Postfix itself names it."""
        return self.root / "queue" / "mailbot" / "mailbot.sock"

    def configure(self, main: str = "", bot_options: str = "", tables: dict[str, str] | None = None) -> None:
        """Write the config anew, with further parameters for all and options for the bot's port, and take it.

        `tables` are look-up tables by their names, compiled as the operator does.
        """
        conf = self.root / "conf"
        daemons = subprocess.run(
            ["postconf", "-d", "-h", "daemon_directory"], capture_output=True, text=True, check=True, env={"PATH": PATH}
        ).stdout.strip()
        nobody = pwd.getpwnam("nobody")
        text = MAIN.format(
            root=self.root, daemons=daemons, commands=Path(command()).parent, uid=nobody.pw_uid, gid=nobody.pw_gid
        )
        options = "\n".join(f"  -o {line}" for line in bot_options.splitlines() if line)
        (conf / "main.cf").write_text(text + main)
        (conf / "master.cf").write_text(MASTER.format(world=self.world, bot=self.bot, options=options))
        for name, table in (tables or {}).items():
            (conf / name).write_text(table)
            subprocess.run(
                ["postmap", "-c", str(conf), f"hash:{conf / name}"], check=True, capture_output=True, env={"PATH": PATH}
            )
        if (self.root / "queue" / "pid" / "master.pid").exists():
            self.control("stop")
        self.control("start")
        self._await_greeting()

    def control(self, verb: str) -> None:
        done = subprocess.run(
            [command(), "-c", str(self.root / "conf"), verb],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False,
        )  # fmt: skip
        assert verb == "abort" or not done.returncode, done.stderr + self.log

    def _await_greeting(self) -> None:
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            try:
                with socket.create_connection(("127.0.0.1", self.bot), timeout=PATIENCE) as probe:
                    if probe.recv(4) == b"220 ":
                        return
            except ConnectionRefusedError:
                time.sleep(0.05)  # what happens in other processes cannot be awaited
        raise AssertionError(f"Postfix does not answer: {self.log}")

    def mailbox(self, address: str) -> list[bytes]:
        """What was delivered to an address, the oldest first."""
        paths = sorted(self._delivered(), key=lambda path: path.stat().st_mtime_ns)
        mails = [path.read_bytes() for path in paths if path.name not in self._seen]
        return [mail for mail in mails if f"\nDelivered-To: {address}\n".encode() in mail]

    @property
    def idle(self) -> bool:
        """Nothing waits to be delivered."""
        queues = ("maildrop", "incoming", "active", "deferred")
        return not any(path.is_file() for name in queues for path in (self.root / "queue" / name).rglob("*"))

    def forget(self) -> None:
        """Begin anew: what was delivered so far is in nobody's mailbox any more."""
        self._seen |= {path.name for path in self._delivered()}

    def _delivered(self) -> list[Path]:
        return list((self.root / "mail" / "all" / "new").glob("*"))

    def _mail(self) -> None:
        (self.root / "mail").mkdir()
        shutil.chown(self.root / "mail", "nobody")


def command() -> str:
    found = shutil.which("postfix", path=PATH)
    assert found is not None, "Postfix is missing. On Debian or Ubuntu: apt-get install postfix"
    assert os.geteuid() == 0, "Postfix can only be started by root"
    return found


@contextmanager
def running(root: Path) -> Iterator[Postfix]:
    """A Postfix that knows no group yet, in an empty directory that every user may enter."""
    for name in ("conf", "queue", "queue/mailbot", "data"):
        (root / name).mkdir()
    shutil.chown(root / "data", "postfix")
    certificate(root / "conf", "front")
    postfix = Postfix(root, free_port(), free_port())
    postfix._mail()
    try:
        yield postfix
    finally:
        if (root / "queue" / "pid" / "master.pid").exists():
            postfix.control("abort")


def statuses(log: str, recipient: str) -> list[str]:
    """What became of a recipient's mails, as Postfix logged it."""
    return re.findall(rf"to=<{re.escape(recipient)}>,.* status=(\w+)", log)
