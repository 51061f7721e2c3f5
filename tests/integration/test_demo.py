"""``mailbot demo`` as a person runs it: everybody gets their mail, and nothing stays behind."""

import argparse
import os
import re
import select
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

import mailbot
from mailbot.cli import demo
from mailbot.demo import story
from mailbot.demo.reports import ENCRYPTED_WORDS, PLAIN_WORDS

ROOT = Path(mailbot.__file__).parent.parent
SECONDS = 300


def start(temporary: Path, *arguments: str, path: str = os.environ["PATH"]) -> "subprocess.Popen[str]":
    """In a session of its own, so that whatever it leaves running can be told from everybody else's."""
    return subprocess.Popen(
        [sys.executable, "-m", "mailbot", "demo", *arguments], cwd=ROOT, start_new_session=True, text=True,
        env={**os.environ, "TMPDIR": str(temporary), "PATH": path, "COLUMNS": "80"},
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


def running(session: int, temporary: Path) -> dict[int, str]:
    """Command lines of the processes of a session, or that name a directory, by process id."""
    found = {}
    for entry in Path("/proc").glob("[0-9]*"):
        # Gone meanwhile.
        with suppress(OSError):
            command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            # The name, which may hold anything, stands in parentheses; the session is the fourth value behind it.
            its_session = int((entry / "stat").read_text().rpartition(")")[2].split()[3])
            if its_session == session or str(temporary) in command:
                found[int(entry.name)] = command
    return found


def left_running(session: int, temporary: Path) -> list[str]:
    """The same, but for those that are about to end: they are waited for."""
    left = []
    for process, command in running(session, temporary).items():
        with suppress(ProcessLookupError):
            descriptor = os.pidfd_open(process)
            ended, _, _ = select.select([descriptor], [], [], 5.0)
            os.close(descriptor)
            left += [] if ended else [command]
    return left


@pytest.mark.timeout(SECONDS)
def test_everybody_gets_their_mail_and_nothing_leaks(short_path: Path) -> None:
    with start(short_path, "--keep") as process:
        shown, errors = process.communicate(timeout=SECONDS)
    assert (process.returncode, errors) == (0, "")
    assert [line for line in shown.splitlines() if len(line) > 80] == []
    assert "\x1b" not in shown
    for expected in (
        "all 31 mails arrived, and none too many",
        "owner: nobody -> alice",
        "[EX-1] Message from the Example Security Group",
        "goes to rita@reporters.example, in clear, as the report came",
        "Subject   [EX-1] We have received your report",
        "Subject   [EX-2] Use after free in the frame decoder, remote code execution",
        "Outside   Subject: [EX-2] new report",
        "OpenPGP   encrypted; signed by the group's key: good",
        "Arrived: encrypted to us; signed by",
        "EX-2: new report. You cannot be shown more, because no key of",
        "[EX-1] reminder: no answer yet",
        "[EX-1] We owe you an answer",
        "[EX-1] A report is waiting for an answer",
        "ok: the chain holds",
        "mailbot init DIR",
    ):
        assert expected in shown
    assert "signature:" not in shown
    assert re.findall(r"(?m)^NO ", shown) == []
    (scratch,) = short_path.iterdir()
    assert str(scratch) in shown
    log = (scratch / "bot.log").read_text()
    assert "issue=2 clock=first_response fired=escalate" in log
    assert [word for word in (*PLAIN_WORDS, *ENCRYPTED_WORDS, "rita", "otto") if word in log.lower()] == []
    assert len(list((scratch / "received").glob("*.eml"))) == 31
    assert left_running(process.pid, short_path) == []


@pytest.mark.timeout(SECONDS)
def test_ended_in_the_middle_it_leaves_nothing(short_path: Path) -> None:
    with start(short_path) as process:
        assert process.stdout is not None
        assert any("$ mailbot serve" in line for line in process.stdout)
        commands = " ".join(running(process.pid, short_path).values())
        assert "mailbot.roles worker" in commands
        assert "gpg-agent" in commands
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=SECONDS)
    assert process.returncode == 130
    assert list(short_path.iterdir()) == []
    assert left_running(process.pid, short_path) == []


@pytest.mark.timeout(SECONDS)
def test_mail_that_does_not_come_is_named_and_everything_is_kept(
    short_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TMPDIR", str(short_path))
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setattr("tempfile.tempdir", None)
    monkeypatch.setattr(story, "PATIENCE_SECONDS", 0.0)
    assert demo.run(argparse.Namespace(keep=False, json=False)) == 1
    shown = " ".join(capsys.readouterr().out.split())
    assert "not received in time: relay of EX-1 to Alice Ahn <alice@members.example>" in shown
    (scratch,) = short_path.iterdir()
    assert f"The bot's log is {scratch / 'bot.log'}" in shown
    assert (scratch / "bot.log").is_file()


def test_without_gpg_it_says_what_to_install(short_path: Path) -> None:
    with start(short_path, path=str(short_path)) as process:
        shown, errors = process.communicate(timeout=SECONDS)
    assert (process.returncode, shown) == (1, "")
    assert "gpg is missing. On Debian or Ubuntu: apt-get install gnupg" in errors
    assert list(short_path.iterdir()) == []


def test_a_path_too_long_for_gnupg_is_refused_with_the_way_out(short_path: Path) -> None:
    deep = short_path / ("d" * 60)
    deep.mkdir()
    with start(deep) as process:
        _, errors = process.communicate(timeout=SECONDS)
    assert process.returncode == 2
    assert "TMPDIR=/tmp mailbot demo" in errors
    assert list(deep.iterdir()) == []
