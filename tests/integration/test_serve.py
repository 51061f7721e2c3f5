"""`mailbot serve` as an operator runs it."""

import json
import os
import signal
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.bot import Bot, bot
from tests.openpgp_keys import Lab
from tests.world import mail


@pytest.fixture
def served(short_path: Path, lab: Lab) -> Iterator[Bot]:
    with bot(short_path, lab) as made:
        yield made


def test_a_report_over_smtp_reaches_everybody_and_sigterm_drains(served: Bot) -> None:
    served.start()
    served.send(mail(), "rita@out.example")
    served.wait(lambda: len(served.recipients()) == 4, "four mails")
    assert served.stop() == 0
    (row,) = served.json("queue", "list")["inbox"]
    assert (row["state"], row["disposition"], row["issue"]) == ("done", "report", "EX-1")
    assert json.loads(served.run("issue", "list", "--json").stdout)[0]["id"] == "EX-1"


def test_a_role_that_dies_is_started_again(served: Bot) -> None:
    served.start()
    for role in ("listener", "worker", "delivery", "scheduler"):
        (pid,) = served.processes(role)
        os.kill(pid, signal.SIGKILL)
        served.wait(partial(_restarted, served, role, pid), f"another {role}")
    served.send(mail(), "rita@out.example")
    served.wait(lambda: len(served.recipients()) == 4, "four mails")
    assert served.stop() == 0


def test_what_was_accepted_before_everything_died_is_handled_after_the_next_start(served: Bot) -> None:
    served.start("listener")
    served.send(mail(), "rita@out.example")
    served.kill()
    served.start()
    served.wait(lambda: len(served.recipients()) == 4, "four mails")
    assert len(served.json("issue", "list")) == 1


def test_the_listener_runs_without_the_private_seal_key_and_a_gnupg_home(served: Bot) -> None:
    directory = served.installation.directory
    (directory / "seal.key").rename(directory / "elsewhere")
    (directory / "g").rename(directory / "h")
    served.start("listener")
    served.send(mail(), "rita@out.example")
    assert served.stop() == 0
    (directory / "elsewhere").rename(directory / "seal.key")
    (directory / "h").rename(directory / "g")
    served.start("worker", "delivery")
    served.wait(lambda: len(served.recipients()) == 4, "four mails")


def test_a49_a_bad_config_at_reload_keeps_the_old_one(served: Bot) -> None:
    served.start()
    config = served.installation.config
    good = config.read_text()
    config.write_text(good.replace("port", "prot"))
    assert served.process is not None
    served.process.send_signal(signal.SIGHUP)
    served.wait(lambda: "config not reloaded" in served.log_path.read_text(), "the refusal")
    served.send(mail(), "rita@out.example")
    served.wait(lambda: len(served.recipients()) == 4, "four mails")


def test_a_member_removed_by_a_reload_gets_nothing_more(served: Bot) -> None:
    served.start()
    config = served.installation.config
    text = config.read_text()
    config.write_text(text[: text.index('[[member]]\nid = "bob"')] + text[text.index('[[member]]\nid = "dave"') :])
    assert served.process is not None
    served.process.send_signal(signal.SIGHUP)
    served.wait(lambda: "config reloaded" in served.log_path.read_text(), "the reload")
    served.wait(lambda: served.log_path.read_text().count("took the new config") == 4, "every role")
    served.send(mail(), "rita@out.example")
    served.wait(lambda: len(served.recipients()) == 3, "three mails")
    assert "bob@members.example" not in served.recipients()


def _restarted(served: Bot, role: str, old: int) -> bool:
    return served.processes(role) not in ([], [old])
