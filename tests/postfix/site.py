"""A bot between a real Postfix in front and the same one behind, and what comes of each mail."""

import re
import shutil
import signal
import sqlite3
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from mailbot.openpgp.process import stop_agent
from tests.abuse.victim import MEMBERS, Victim
from tests.bot import PATIENCE, Bot
from tests.documents import ROOT, blocks
from tests.installation import install
from tests.openpgp_keys import Lab
from tests.postfix import server
from tests.postfix.server import Postfix
from tests.smarthost import FakeSmarthost
from tests.world import Sent

OPERATOR = ROOT / "docs" / "operator.md"
FRONTS = ("lmtp over a unix socket", "smtp")
ACK = '\n[ack]\nper_sender = "0s"\nper_hour = 1000\n'


@dataclass
class Site:
    postfix: Postfix
    bot: Bot
    lab: Lab
    front: str

    def start(self, main: str = "", bot_options: str = "", transport: str = "") -> None:
        """Configure Postfix as docs/operator.md says, with what a test adds, and start both."""
        conf = str(self.postfix.root / "conf")
        # Lines of the recipes that stand in the usual config already, with other values.
        said = "".join(recipe("maincf") + recipe("relay")).replace("/etc/postfix", conf)
        said = said.replace("message_size_limit = 25000000\n", "")
        self.postfix.configure(said + main, bot_options, {"transport": self.transport() + transport})
        self.bot.start()

    def transport(self) -> str:
        if self.front != "smtp":
            return recipe("transport")
        listening = self.bot.installation.settings.listener.port
        return recipe("transport", number=1).replace("8025", str(listening))

    def swaks(self, *arguments: str, to: str = "security@example.org", sender: str = "rita@out.example") -> None:
        """Hand in one mail as the world does."""
        command = ["swaks", "--server", f"127.0.0.1:{self.postfix.world}", "--helo", "out.example", "--silent", "2"]
        done = subprocess.run(
            [*command, "--from", sender, "--to", to, *arguments],
            capture_output=True, text=True, timeout=PATIENCE, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr

    def got(self, address: str, count: int = 1) -> list[Sent]:
        """The mails in somebody's mailbox, when there are `count` of them, as they were before the delivery."""
        self._wait(lambda: len(self.postfix.mailbox(address)) >= count, f"{count} mails for {address}")
        mails = self.postfix.mailbox(address)
        assert len(mails) == count
        member = address.partition("@")[0] if address in MEMBERS else None
        return [Sent(address, return_path(raw), sent_bytes(raw), member, self.lab) for raw in mails]

    def _wait(self, condition: Callable[[], bool], what: str) -> None:
        try:
            self.bot.wait(condition, what)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.postfix.log[-5000:]}") from None

    def dispositions(self) -> list[str]:
        """What became of every accepted mail, in order of arrival."""
        path = self.bot.installation.directory / "mailbot.db"
        with closing(sqlite3.connect(path, timeout=PATIENCE)) as connection:
            return [str(row[0]) for row in connection.execute("SELECT disposition FROM inbox ORDER BY id")]

    def begin(self) -> None:
        """Wait until all is delivered that came before, and empty the mailboxes."""
        self._wait(lambda: self._idle() and self.postfix.idle and self._idle(), "the end of all work")
        self.postfix.forget()

    def _idle(self) -> bool:
        return Victim(self.bot, self.lab).idle()

    def settled(self, count: int) -> list[str]:
        """The dispositions, when there are `count` of them."""
        self._wait(lambda: len([one for one in self.dispositions() if one != "None"]) >= count, "the inbox")
        return self.dispositions()

    def reload(self) -> None:
        assert self.bot.process is not None
        before = self.bot.log_path.read_text().count("took the new config")
        self.bot.process.send_signal(signal.SIGHUP)
        self.bot.wait(lambda: self.bot.log_path.read_text().count("took the new config") >= before + 4, "the reload")


def return_path(raw: bytes) -> str:
    found = re.match(rb"Return-Path: <(.*)>\n", raw)
    return found[1].decode() if found else ""


def sent_bytes(raw: bytes) -> bytes:
    """A delivered mail without what Postfix put on top of it, with the line ends that it came with."""
    trace = rb"(?:(?:Return-Path|X-Original-To|Delivered-To|Received): .*\n(?:[ \t].*\n)*)*"
    return re.sub(trace, b"", raw, count=1).replace(b"\n", b"\r\n")


def recipe(language: str, *, number: int = 0) -> str:
    """A block of docs/operator.md, with the test's paths and ports still to be put in."""
    return [block.text for block in blocks(OPERATOR) if block.language == language][number]


@contextmanager
def site(lab: Lab, front: str, *, extra: str = "") -> Iterator[Site]:
    """Neither Postfix nor the bot has its config yet, and neither runs."""
    directory = Path(tempfile.mkdtemp(prefix="mb-"))
    outside = Path(tempfile.mkdtemp(prefix="mp-"))
    outside.chmod(0o755)
    try:
        with server.running(outside) as postfix:
            installation = install(
                directory, lab, extra=ACK + extra, listen_port=0, smarthost_port=postfix.bot, own_home=True
            )
            change(installation.config, "ops@example.org", "ops@members.example")
            if front != "smtp":
                listener = f'protocol = "lmtp"\nsocket = "{postfix.socket}"'
                change(installation.config, "port = 0", listener)
            else:
                change(installation.config, "port = 0", f"port = {server.free_port()}")
            made = Site(postfix, Bot(installation, FakeSmarthost()), lab, front)
            try:
                yield made
            finally:
                if made.bot.process is not None:
                    made.bot.kill()
                stop_agent(directory / "g")
    finally:
        for path in (directory, outside):
            shutil.rmtree(path, ignore_errors=True)


def change(config: Path, old: str, new: str) -> None:
    text = config.read_text()
    assert text.count(old) == 1, old
    config.write_text(text.replace(old, new))
