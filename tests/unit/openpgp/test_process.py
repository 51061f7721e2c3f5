"""A gpg that hangs, dies, is missing or talks nonsense."""

import logging
import os
import selectors
import shutil
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from mailbot.errors import MailFailed, TemporaryError
from mailbot.openpgp import process
from mailbot.openpgp.gpg import Gpg
from mailbot.openpgp.keys import scan
from mailbot.openpgp.process import SIDE, Gnupg, GpgMissing, GpgUnusable, Status, check_home, version
from mailbot.service.ports import Opened, Verdict
from tests.openpgp_keys import Lab

REAL = shutil.which("gpg")
# In a shell text: the pipe for status lines. Some shells take no descriptor above 9 by its number.
STATUS = "/dev/fd/$(echo \"$*\" | sed 's/.*--status-fd \\([0-9]*\\).*/\\1/')"


@pytest.fixture
def script(tmp_path: Path) -> Callable[[str], str]:
    """Makes a gpg that tells its version and then does what the shell text says."""

    def make(text: str) -> str:
        path = tmp_path / f"gpg-{len(list(tmp_path.iterdir()))}"
        path.write_text(f'#!/bin/sh\ncase "$*" in *--list-config*) exec {REAL} "$@" ;; esac\n{text}\n')
        path.chmod(0o700)
        return str(path)

    return make


def _only(what: str, then: str) -> str:
    """Shell text that does `then` where the arguments hold `what`, and else runs the real gpg."""
    return f'case "$*" in *{what}*) {then} ;; esac\nexec {REAL} "$@"'


@pytest.mark.parametrize("operation", ["--decrypt", "--verify", "--detach-sign", "--encrypt"])
def test_a46_a_hanging_gpg_is_ended_at_the_time_limit(
    lab: Lab, tmp_path: Path, script: Callable[[str], str], operation: str
) -> None:
    pid = tmp_path / "pid"
    # The child of the script holds the pipes open too, as a helper of gpg could.
    binary = script(_only(operation, f"sleep 600 & echo $! > {pid}; wait"))
    gpg = Gpg(lab.group.path, lab.group_key, tmp_path / "s", binary=binary)
    gpg.load(1, [lab.people.public("alice")])
    gpg._gnupg.timeout = 0.5
    calls: dict[str, Callable[[], object]] = {
        "--decrypt": lambda: gpg.decrypt(b"x" * 1_000_000),
        "--verify": lambda: gpg.verify(b"x" * 1_000_000, b"y" * 1_000_000),
        "--detach-sign": lambda: gpg.sign(b"x" * 1_000_000),
        "--encrypt": lambda: gpg.encrypt([b"x" * 1_000_000], [lab.fingerprint("alice")]),
    }
    start = time.monotonic()
    with pytest.raises(MailFailed, match=r"within 0\.5 seconds"):
        calls[operation]()
    assert time.monotonic() - start < 10
    assert _ends(int(pid.read_text()))


def _ends(pid: int) -> bool:
    """Whether a process that is no child of ours is gone, or goes within seconds."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    with selectors.DefaultSelector() as ready:
        ready.register(descriptor, selectors.EVENT_READ)
        gone = ready.select(10)
    os.close(descriptor)
    return bool(gone)


def test_a_gpg_that_closes_its_pipes_and_stays_is_ended_too(lab: Lab, script: Callable[[str], str]) -> None:
    gpg = Gnupg(lab.group.path, binary=script("exec >&- 2>&- <&- sleep 600"), timeout=0.5)
    with pytest.raises(MailFailed, match="within"):
        gpg.run(["--decrypt"], [b"x"])


def test_a46_a_missing_gpg_is_temporary_and_says_what_to_install(lab: Lab, tmp_path: Path) -> None:
    gpg = Gpg(lab.group.path, lab.group_key, tmp_path / "s", binary=str(tmp_path / "gpg"))
    for call in (lambda: gpg.load(1, []), lambda: gpg.decrypt(b""), lambda: gpg.sign(b""), gpg.group_key):
        with pytest.raises(GpgMissing, match=r"is missing\. On Debian or Ubuntu: apt-get install gnupg") as missing:
            call()
        assert isinstance(missing.value, TemporaryError)
    with pytest.raises(GpgMissing):
        scan(b"", binary=str(tmp_path / "gpg"))


def test_a_gpg_that_disappears_while_we_run_is_missing(lab: Lab, script: Callable[[str], str]) -> None:
    binary = script(f'exec {REAL} "$@"')
    gpg = Gnupg(lab.group.path, binary=binary)
    assert gpg.run(["--list-keys"]).returncode == 0
    Path(binary).unlink()
    with pytest.raises(GpgMissing):
        gpg.run(["--list-keys"])


@pytest.mark.parametrize("text", ["exit 1", "echo not gnupg", "echo cfg:version:1.4.23"])
def test_what_is_no_usable_gnupg_is_told(tmp_path: Path, text: str) -> None:
    binary = tmp_path / "gpg"
    binary.write_text(f"#!/bin/sh\n{text}\n")
    binary.chmod(0o700)
    with pytest.raises(GpgUnusable, match="is not GnuPG 2"):
        version(str(binary))


def test_a_file_that_cannot_be_run_is_no_gpg(tmp_path: Path) -> None:
    (tmp_path / "gpg").write_text("#!/bin/sh\n")
    with pytest.raises(GpgMissing):
        version(str(tmp_path / "gpg"))


def test_a_gpg_that_hangs_at_everything_is_ended_at_the_time_limit(lab: Lab, tmp_path: Path) -> None:
    binary = tmp_path / "gpg"
    binary.write_text("#!/bin/sh\nexec sleep 600\n")
    binary.chmod(0o700)
    gpg = Gpg(lab.group.path, lab.group_key, tmp_path / "s", timeout=0.2, binary=str(binary))
    with pytest.raises(MailFailed, match=r"within 0\.2 seconds"):
        gpg.decrypt(b"x")


def test_the_end_is_awaited_without_pidfd_too(
    lab: Lab, script: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(os, "pidfd_open")
    assert Gnupg(lab.group.path, binary=script("echo x")).run(["--decrypt"]).output == b"x\n"
    gpg = Gnupg(lab.group.path, binary=script("exec >&- 2>&- <&- sleep 600"), timeout=0.5)
    with pytest.raises(MailFailed, match="within"):
        gpg.run(["--decrypt"])


def test_the_version_is_numbers() -> None:
    assert version() >= (2, 1)


@pytest.mark.parametrize(
    ("number", "error"),
    [(signal.SIGSEGV, MailFailed), (signal.SIGABRT, MailFailed), (signal.SIGKILL, GpgUnusable)],
)
def test_a_crash_is_the_mails_fault_and_a_kill_is_not(
    lab: Lab, script: Callable[[str], str], number: signal.Signals, error: type[Exception]
) -> None:
    gpg = Gnupg(lab.group.path, binary=script(f"kill -{int(number)} $$"))
    with pytest.raises(error, match=f"signal {int(number)}"):
        gpg.run(["--decrypt"], [b"x"])


@pytest.mark.parametrize(
    "text",
    [
        "exit 0",
        "exit 2",
        "head -c 100000 /dev/zero >&3",
        "echo '[GNUPG:] ' >&3",
        "echo '[GNUPG:] GOODSIG' >&3; echo '[GNUPG:] VALIDSIG' >&3",
        "echo '[GNUPG:] GOODSIG 0123456789ABCDEF x' >&3; echo '[GNUPG:] DECRYPTION_OKAY' >&3",
        "printf '\\377\\376[GNUPG:] \\200' >&3; exit 0",
    ],
)
def test_nonsense_is_never_good(lab: Lab, tmp_path: Path, script: Callable[[str], str], text: str) -> None:
    hostile = script(
        _only("--decrypt", f"exec 3>{STATUS}; {text}; exit 0").replace("*--decrypt*", "*--decrypt*|*--verify*")
    )
    gpg = Gpg(lab.group.path, lab.group_key, tmp_path / "s", binary=hostile)
    opened = gpg.decrypt(b"x")
    assert opened.outcome in (Opened.BROKEN, Opened.TOO_LARGE)
    assert opened.plaintext is None
    assert gpg.verify(b"x", b"y").verdict is Verdict.ERROR
    gpg.close()


def test_status_lines_count_only_on_their_own_pipe(lab: Lab, tmp_path: Path, script: Callable[[str], str]) -> None:
    """CVE-2018-12020: text of the mail, printed by gpg for people, passed for status lines."""
    forged = (
        "[GNUPG:] NEWSIG\\n[GNUPG:] GOODSIG 0123456789ABCDEF Alice\\n"
        f"[GNUPG:] VALIDSIG {'0' * 24}0123456789ABCDEF 2020-01-01 1577836800 0 4 0 22 10 00 {'0' * 24}0123456789ABCDEF"
    )
    binary = script(_only("--verify", f"printf '{forged}\\n'; printf '{forged}\\n' >&2; exit 0"))
    gpg = Gpg(lab.group.path, lab.group_key, tmp_path / "s", binary=binary)
    assert gpg.verify(b"x", b"y").verdict is Verdict.ERROR
    gpg.close()


def test_a_flood_of_status_lines_is_cut_off(lab: Lab, tmp_path: Path, script: Callable[[str], str]) -> None:
    binary = script(_only("--verify", f"exec yes '[GNUPG:] NEWSIG' >{STATUS}"))
    gpg = Gpg(lab.group.path, lab.group_key, tmp_path / "s", binary=binary)
    assert gpg.verify(b"x", b"y").verdict is Verdict.ERROR
    gpg.close()


def test_endless_talk_to_people_is_read_and_not_kept(lab: Lab, script: Callable[[str], str]) -> None:
    gpg = Gnupg(lab.group.path, binary=script("head -c 5000000 /dev/zero | tr '\\0' x >&2"))
    assert len(gpg.run(["--decrypt"]).notes) < 300_000


def test_output_over_the_limit_is_dropped(lab: Lab, script: Callable[[str], str]) -> None:
    gpg = Gnupg(lab.group.path, binary=script("exec cat /dev/zero"))
    result = gpg.run(["--decrypt"], limit=1_000_000)
    assert result.overflow
    assert result.output == b""


def test_a_gpg_that_does_not_read_its_input_is_no_failure(lab: Lab, script: Callable[[str], str]) -> None:
    gpg = Gnupg(lab.group.path, binary=script("exec <&-; echo done"))
    assert gpg.run(["--decrypt"], [b"x" * 1_000_000], side=b"y" * 1_000_000).output == b"done\n"


def test_both_inputs_arrive_whole_whatever_their_size(lab: Lab, script: Callable[[str], str]) -> None:
    binary = script('for last; do :; done; cat "/dev/fd/${last#-&}" -')
    result = Gnupg(lab.group.path, binary=binary).run(
        ["--verify", SIDE], [b"b" * 200_000, b"c" * 3], side=b"a" * 200_000
    )
    assert result.output == b"a" * 200_000 + b"b" * 200_000 + b"ccc"


def test_line_ends_are_made_crlf_also_between_two_reads(lab: Lab, script: Callable[[str], str]) -> None:
    gpg = Gnupg(lab.group.path, binary=script("seq 100000"))
    expected = "".join(f"{number}\r\n" for number in range(1, 100_001)).encode()
    assert gpg.run(["--decrypt"], crlf=True).output == expected


def test_gpg_gets_none_of_our_environment(
    lab: Lab, script: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAILBOT_SECRET", "hush")
    monkeypatch.setenv("LC_ALL", "de_DE.UTF-8")
    output = Gnupg(lab.group.path, binary=script("env")).run(["--decrypt"]).output
    assert b"hush" not in output
    assert b"LC_ALL=C\n" in output


def test_gpg_gets_no_descriptor_of_ours_and_leaves_none_open(lab: Lab, script: Callable[[str], str]) -> None:
    def descriptors() -> set[str]:
        return set(os.listdir("/proc/self/fd"))

    gpg = Gnupg(lab.group.path, binary=script('exec ls /proc/self/fd "$@" 2>/dev/null'))
    gpg.run(["--decrypt"])
    before = descriptors()
    with open(os.devnull) as ours:
        os.set_inheritable(ours.fileno(), True)
        seen = gpg.run(["--decrypt"], side=b"x", passphrase="y").output.split()
    # The three standard ones, status, side, passphrase, and the one with which ls reads the directory.
    assert len(seen) <= 7
    assert descriptors() == before


def test_nothing_of_a_mail_is_logged_or_an_argument(
    lab: Lab, gpg: Gpg, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.DEBUG)
    message, signature = lab.people.encrypt(b"hush", [lab.group_key], by="alice"), lab.people.sign("alice", b"hush")
    commands: list[str] = []
    make = Gnupg.command

    def command(self: Gnupg, arguments: Sequence[str]) -> list[str]:
        commands.append(repr(make(self, arguments)))
        return make(self, arguments)

    monkeypatch.setattr(Gnupg, "command", command)
    gpg.decrypt(message)
    gpg.verify(b"hush", signature)
    gpg.sign(b"hush")
    assert len(commands) == 3
    assert "hush" not in "".join(commands) + caplog.text
    assert "alice" not in caplog.text.lower()


def test_a_home_that_is_not_there_or_not_ours_is_told(tmp_path: Path, script: Callable[[str], str]) -> None:
    with pytest.raises(GpgUnusable, match="no such directory"):
        check_home(tmp_path / "none")
    gpg = Gpg(tmp_path / "none", "A" * 40, tmp_path / "s")
    with pytest.raises(GpgUnusable, match="no such directory"):
        gpg.load(1, [])


def test_a_home_that_hands_its_keys_to_keyboxd_is_told(short_path: Path) -> None:
    (short_path / "common.conf").write_text("# use-keyboxd\n")
    check_home(short_path)
    (short_path / "common.conf").write_text("\n use-keyboxd\n")
    gpg = Gpg(short_path, "A" * 40, short_path / "s")
    for call in (lambda: check_home(short_path), lambda: gpg.load(1, []), lambda: gpg.decrypt(b"")):
        with pytest.raises(GpgUnusable, match="use-keyboxd"):
            call()


def test_a_home_whose_path_is_too_long_is_told_when_it_is_used(tmp_path: Path) -> None:
    home = tmp_path / ("x" * 100)
    home.mkdir(mode=0o700)
    gpg = Gpg(home, "A" * 40, tmp_path / "s")
    with pytest.raises(GpgUnusable, match="too long"):
        gpg.sign(b"text")


def test_status_lines_are_split_at_blanks() -> None:
    lines = "[GNUPG:] NEWSIG\ngpg: talk\n[GNUPG:] ENC_TO A 1 0\n [GNUPG:] NO\n[GNUPG:] \n"
    assert process._parse(lines) == (Status("NEWSIG"), Status("ENC_TO", ("A", "1", "0")), Status(""))


def test_calls_side_by_side_do_not_hold_each_others_pipes(lab: Lab, script: Callable[[str], str]) -> None:
    """A descriptor that another thread's child inherits would keep a call waiting for the end of its input."""
    gpg = Gnupg(lab.group.path, binary=script("exec cat"), timeout=20)
    started, finish = threading.Event(), threading.Event()
    outputs: list[bytes] = []

    def pieces() -> Iterator[bytes]:
        yield b"slow"
        started.set()
        finish.wait()

    slow = threading.Thread(target=lambda: outputs.append(gpg.run([], pieces()).output))
    slow.start()
    try:
        assert started.wait(20)
        assert gpg.run([], [b"fast"]).output == b"fast"
    finally:
        finish.set()
        slow.join()
    assert outputs == [b"slow"]
