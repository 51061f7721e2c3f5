"""A bot under a service manager and under a monitoring system, as an operator runs it."""

import json
import re
import signal
import smtplib
import socket
import sqlite3
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.bot import Bot, bot
from tests.openpgp_keys import Lab
from tests.smarthost import FakeSmarthost, in_thread
from tests.world import mail


@pytest.fixture
def served(short_path: Path, lab: Lab) -> Iterator[Bot]:
    with bot(short_path, lab) as made:
        yield made


def test_systemd_hears_ready_signs_of_life_a_reload_and_the_stop(served: Bot) -> None:
    address = served.installation.directory / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as heard:
        heard.bind(str(address))
        heard.settimeout(60)
        served.environment = {"NOTIFY_SOCKET": str(address), "WATCHDOG_USEC": "400000"}
        served.start()

        def until(wanted: str) -> None:
            while not heard.recv(500).decode().startswith(wanted):
                pass

        until("READY=1")
        until("WATCHDOG=1")
        until("WATCHDOG=1")
        assert served.process is not None
        served.process.send_signal(signal.SIGHUP)
        until("RELOADING=1")
        until("READY=1")
        served.process.terminate()
        until("STOPPING=1")
        assert served.reap() == 0


def test_a_reload_says_which_keys_wait_for_a_restart(served: Bot) -> None:
    config = served.installation.config
    served.start()
    assert served.process is not None
    config.write_text(config.read_text().replace("[listener]", "[listener]\nprocesses = 2"))
    served.process.send_signal(signal.SIGHUP)
    served.wait(lambda: "these need a restart: listener.processes" in served.log_path.read_text(), "the warning")
    config.write_text(config.read_text().replace("processes = 2\n", ""))
    served.process.send_signal(signal.SIGHUP)
    served.wait(lambda: re.search(r"config reloaded$", served.log_path.read_text(), re.M) is not None, "a plain reload")
    assert served.stop() == 0


def test_a_reload_takes_another_smarthost_and_other_limits(served: Bot) -> None:
    config = served.installation.config
    served.start()
    served.send(mail(), "rita@out.example")
    served.wait(lambda: len(served.recipients()) == 4, "four mails")
    other = FakeSmarthost()
    with in_thread(other):
        text = config.read_text().replace(f"port = {served.smarthost.port}", f"port = {other.port}")
        config.write_text(text.replace("[listener]", '[listener]\nmax_message_size = "10KB"'))
        assert served.process is not None
        served.process.send_signal(signal.SIGHUP)
        served.wait(lambda: served.log_path.read_text().count("took the new config") == 4, "four reloads")
        served.send(mail(message_id="<2@out.example>"), "rita@out.example")
        served.wait(lambda: len(other.taken()) == 3, "three mails at the other smarthost")
        with pytest.raises(smtplib.SMTPException, match="552"):
            served.send(mail("x\n" * 10_000, message_id="<3@out.example>"), "rita@out.example")
        assert "need a restart" not in served.log_path.read_text()
        assert served.stop() == 0
    assert len(served.recipients()) == 4


def test_metrics_and_health_tell_the_same_and_nothing_of_any_mail(served: Bot) -> None:
    config = served.installation.config
    config.write_text(config.read_text() + "\n[metrics]\nport = 0\n")
    served.start()
    served.send(mail(subject="Zymurgic overflow"), "rita@out.example")
    served.wait(lambda: len(served.recipients()) == 4, "four mails")
    served.wait(lambda: served.json("health")["unsent_mails"] == 0, "all of it recorded as sent")
    (port,) = re.findall(r"monitoring answers on 127\.0\.0\.1 port (\d+)", served.log_path.read_text())
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=30) as answer:
        text = answer.read().decode()
    assert "mailbot_open_issues 1\n" in text
    assert "mailbot_healthy 1\n" in text
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=30) as answer:
        health = json.loads(answer.read())
    assert health["open_issues"] == served.json("health")["open_issues"] == 1
    for confidential in ("Zymurgic", "rita", "out.example", "alice"):
        assert confidential not in text + json.dumps(health)
    assert served.stop() == 0


def test_health_fails_when_mail_is_accepted_and_nobody_handles_it(served: Bot) -> None:
    served.start("listener")
    served.send(mail(), "rita@out.example")
    assert served.json("health")["unhandled_mails"] == 1
    database = served.installation.directory / "mailbot.db"
    served.stop()
    with sqlite3.connect(database) as connection:
        connection.execute("UPDATE inbox SET received_at = received_at - 3600000000")
    done = served.run("health", check=False)
    assert done.returncode == 1
    assert "fail  1 mail is accepted and not handled, the oldest for 60 min" in done.stdout
