"""A real GNU Mailman 3 core on loopback: mail goes in by LMTP, and what it sends goes to a fake smarthost.

``pip install mailman`` in a virtual environment of its own, or Debian's mailman3, puts it on PATH.
"""

import contextlib
import os
import smtplib
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.bot import PATIENCE
from tests.clients.conftest import program
from tests.smarthost import FakeSmarthost, in_thread

CONFIG = """\
[mailman]
site_owner: ops@lists.example
layout: here

[paths.here]
var_dir: {directory}

[mta]
incoming: mailman.mta.null.NullMTA
lmtp_host: 127.0.0.1
lmtp_port: {lmtp_port}
smtp_host: 127.0.0.1
smtp_port: {smtp_port}

[archiver.prototype]
enable: no

[runner.master]
sleep_time: 100ms
"""
IDLE = ("archive", "command", "digest", "nntp", "rest", "retry", "task")
# What an operator sets with Mailman's web interface (docs/operator.md).
SET = """\
from mailman.config import config
from mailman.interfaces.action import Action
from mailman.interfaces.archiver import ArchivePolicy
from mailman.interfaces.listmanager import IListManager
from mailman.interfaces.mailinglist import DMARCMitigateAction, IAcceptableAliasSet, ReplyToMunging
from mailman.interfaces.template import ITemplateManager
from mailman.interfaces.usermanager import IUserManager
from zope.component import getUtility


def run(name):
    mlist = getUtility(IListManager).get(name)
    people = getUtility(IUserManager)
    for address in {members!r}:
        mlist.subscribe(people.get_address(address) or people.create_address(address, address.split("@")[0].title()))
    mlist.archive_policy = ArchivePolicy.never
    mlist.max_message_size = 0
    mlist.default_nonmember_action = Action.{strangers}
    mlist.accept_these_nonmembers = {accept!r}
    mlist.dmarc_mitigate_action = DMARCMitigateAction.munge_from
    mlist.dmarc_mitigate_unconditionally = {munge}
    mlist.reply_goes_to_list = ReplyToMunging.{replies}
    if not {footer}:
        getUtility(ITemplateManager).set("list:member:regular:footer", mlist.list_id, "file:///dev/null")
    config.db.commit()
"""


@dataclass
class Mailman:
    directory: Path
    out: FakeSmarthost
    """What the lists send."""
    lmtp_port: int
    lists: int = 0

    def command(self, *arguments: str) -> list[str]:
        as_root = ["--run-as-root"] if os.getuid() == 0 else []
        return [program("mailman"), *as_root, "-C", str(self.directory / "mailman.cfg"), *arguments]

    def run(self, *arguments: str) -> None:
        done = subprocess.run(
            self.command(*arguments), capture_output=True, text=True, timeout=PATIENCE, check=False,
            env={**os.environ, "PYTHONPATH": str(self.directory)},
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr

    def make(
        self, name: str, members: list[str], *, strangers: str = "accept", accept: tuple[str, ...] = (),
        munge: bool = False, replies: str = "no_munging", footer: bool = True,
    ) -> None:  # fmt: skip
        """A list with its members, as the web interface would make it."""
        self.lists += 1
        script = SET.format(
            members=members, strangers=strangers, accept=list(accept), munge=munge, replies=replies, footer=footer
        )
        (self.directory / f"set{self.lists}.py").write_text(script)
        self.run("create", "-d", name)
        self.run("withlist", "-r", f"set{self.lists}.run", name)

    def post(self, raw: bytes, sender: str, name: str, recipient: str) -> bytes:
        """Hand a mail to a list, and return what it sends to `recipient` because of it."""
        before = len(self.out.taken())
        with smtplib.LMTP("127.0.0.1", self.lmtp_port) as lmtp:
            lmtp.sendmail(sender, [name], raw)
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            for mail in self.out.taken()[before:]:
                if mail.recipient.startswith(recipient):
                    return mail.content
            time.sleep(0.1)  # what happens in other processes cannot be awaited
        raise AssertionError(f"{name} sent nothing to {recipient}")


@contextmanager
def mailman(directory: Path) -> Iterator[Mailman]:
    out = FakeSmarthost()
    with in_thread(out), socket.create_server(("127.0.0.1", 0)) as free:
        lmtp_port = free.getsockname()[1]
        free.close()
        config = CONFIG.format(directory=directory / "var", lmtp_port=lmtp_port, smtp_port=out.port)
        config += "".join(f"\n[runner.{name}]\nstart: no\n" for name in IDLE)
        (directory / "mailman.cfg").write_text(config)
        made = Mailman(directory, out, lmtp_port)
        made.run("info")
        with subprocess.Popen(
            [str(Path(program("mailman")).parent / "master"), "-C", str(directory / "mailman.cfg")],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        ) as master:  # fmt: skip
            try:
                deadline = time.monotonic() + PATIENCE
                while True:
                    with contextlib.suppress(OSError), smtplib.LMTP("127.0.0.1", lmtp_port):
                        break
                    assert time.monotonic() < deadline, "Mailman does not start"
                    time.sleep(0.2)
                yield made
            finally:
                master.terminate()
