"""The cage holds whatever the worker does: hang, die, lie, or be killed from outside."""

import dataclasses
import os
import signal
import socket
import subprocess
import sys
import textwrap
import threading
import time
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mailbot.cage import protocol
from mailbot.cage.client import CagedParser, worker_command
from mailbot.errors import MailFailed, TemporaryError
from mailbot.mail.bounce import Action
from mailbot.mail.parse import parse
from mailbot.service.ports import Unreadable

MAIL = b"Subject: x\r\n\r\nbody\r\n"


@pytest.fixture
def caged() -> Iterator[CagedParser]:
    with CagedParser() as parser:
        yield parser


def pid(parser: CagedParser) -> int:
    assert parser._worker is not None
    return parser._worker._process.pid


def worker(behaviour: str) -> CagedParser:
    """A parser whose worker runs `behaviour` for every request; `answer(kind, payload)` and `raw` are there."""
    script = f"""
        import os, struct, sys, time
        def read(count):
            data = b""
            while len(data) < count:
                piece = os.read(0, count - len(data))
                if not piece:
                    sys.exit()
                data += piece
            return data
        def answer(kind, payload, length=None):
            os.write(1, struct.pack(">BI", kind, len(payload) if length is None else length) + payload)
        os.write(1, b"R")
        while True:
            raw = read(struct.unpack(">BQ", read(9))[1])
            {behaviour}
    """
    return CagedParser(wall_seconds=1.0, command=[sys.executable, "-I", "-c", textwrap.dedent(script)])


def test_one_worker_handles_one_mail_after_another(caged: CagedParser) -> None:
    caged.parse(MAIL)
    first = pid(caged)
    for _ in range(3):
        assert caged.parse(MAIL) == parse(MAIL)
    assert pid(caged) == first


def test_threads_take_turns(caged: CagedParser) -> None:
    mails = [b"\r\n" + str(number).encode() * 30_000 for number in range(8)]
    texts: dict[int, str] = {}

    def run(number: int) -> None:
        texts[number] = caged.parse(mails[number]).text

    threads = [threading.Thread(target=run, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert texts == {number: str(number) * 30_000 for number in range(8)}


def test_a24_a25_hostile_mails_do_not_cost_the_worker(caged: CagedParser) -> None:
    caged.parse(MAIL)
    first = pid(caged)
    nested = b"".join(b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (n, n) for n in range(1_500))
    for raw in (
        nested,
        b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b\r\n\r\nx\r\n" * 100_000,
        b"Content-Type: message/rfc822\r\n\r\n" * 3_000,
        b"Subject: " + b"=?utf-8?q?=C3=A4?= " * 50_000 + b"\r\n\r\n",
        b"Content-Type: text/plain" + b"".join(b";\r\n name*%d*=%%41" % n for n in range(4_000)) + b"\r\n\r\n",
    ):
        with pytest.raises(Unreadable):
            caged.parse(raw)
        assert caged.parse(MAIL) == parse(MAIL)
    assert pid(caged) == first


def test_a_worker_killed_while_idle_costs_no_mail(caged: CagedParser) -> None:
    caged.parse(MAIL)
    os.kill(pid(caged), signal.SIGKILL)
    assert caged.parse(MAIL) == parse(MAIL)


def test_a_hang_is_killed_and_the_next_mail_is_read() -> None:
    with CagedParser(wall_seconds=1.0) as caged:
        caged.parse(MAIL)
        hung = pid(caged)
        os.kill(hung, signal.SIGSTOP)
        started = time.monotonic()
        with pytest.raises(MailFailed, match="hung"):
            caged.parse(MAIL * 100_000)
        assert time.monotonic() - started < 5
        with pytest.raises(ProcessLookupError):
            os.kill(hung, 0)
        assert caged.parse(MAIL) == parse(MAIL)


def test_dying_on_a_mail_twice_is_the_mails_fault() -> None:
    with worker("os._exit(1)") as caged, pytest.raises(MailFailed, match="died twice"):
        caged.parse(MAIL)


@pytest.mark.parametrize(
    "behaviour",
    [
        "answer(1, b'')",
        "answer(1, b'{}')",
        "answer(1, struct.pack('>I', 2) + b'{}')",
        "answer(1, struct.pack('>I', 100_000) + b'[' * 100_000)",
        "answer(1, b'x', 2**32 - 1)",
        "answer(1, b'longer', 2)",
        "answer(0, b'')",
        "answer(77, b'')",
        "os.write(1, b'\\x00' * 100)",
    ],
)
def test_nonsense_is_the_mails_fault_and_the_worker_is_replaced(behaviour: str) -> None:
    with worker(behaviour) as caged:
        with pytest.raises(MailFailed):
            caged.parse(MAIL)
        assert caged._worker is None


def test_a_header_with_a_line_end_is_refused_whoever_sends_it() -> None:
    forged = dataclasses.replace(parse(MAIL), headers=(("Subject", "x\nBcc: y"),))
    with pytest.raises(ValueError, match="no line of text"):
        protocol.decode(protocol.encode(forged), len(MAIL))


@pytest.mark.parametrize("wrong", [{"end": 999}, {"start": -1}, {"body": 0, "start": 5}, {"size": "1"}, {"end": True}])
def test_offsets_outside_the_mail_are_refused(wrong: dict[str, Any]) -> None:
    mail = parse(MAIL)
    forged = dataclasses.replace(mail, root=dataclasses.replace(mail.root, **wrong))
    with pytest.raises(ValueError, match="offsets outside the mail"):
        protocol.decode(protocol.encode(forged), len(MAIL))


def test_a_bug_in_the_parser_is_told_by_its_class_alone() -> None:
    with worker("answer(3, b'KeyError')") as caged, pytest.raises(MailFailed, match="failed with KeyError"):
        caged.parse(MAIL)


@pytest.mark.parametrize("command", [["/nonexistent"], [sys.executable, "-c", "pass"]])
def test_no_mail_is_to_blame_if_no_worker_starts(command: list[str]) -> None:
    with CagedParser(command=command) as caged, pytest.raises(TemporaryError):
        caged.parse(MAIL)


def test_closing_ends_the_worker_and_leaves_no_zombie() -> None:
    caged = CagedParser()
    caged.parse(MAIL)
    number = pid(caged)
    caged.close()
    assert not Path(f"/proc/{number}").exists()


def test_the_client_makes_no_copy_of_a_large_mail(caged: CagedParser) -> None:
    raw = b"Content-Type: image/png\r\n\r\n" + b"x" * 20_000_000
    caged.parse(MAIL)
    tracemalloc.start()
    try:
        caged.parse(raw)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 1_000_000


class TestConfinement:
    def test_it_inherits_no_descriptor_and_no_environment(self, tmp_path: Path) -> None:
        behaviour = (
            "answer(3, repr((sorted(os.listdir('/proc/self/fd'))[:-1], dict(os.environ), os.getcwd())).encode())"
        )
        with (tmp_path / "secret").open("w") as secret, worker(behaviour) as caged:
            os.set_inheritable(secret.fileno(), True)
            # Python itself sets LC_CTYPE where it finds no locale.
            with pytest.raises(MailFailed, match=r"\(\['0', '1', '2'\], \{('LC_CTYPE': 'C.UTF-8')?\}, '/'\)"):
                caged.parse(MAIL)

    def test_its_limits_are_set(self, caged: CagedParser) -> None:
        caged.parse(MAIL)
        text = Path(f"/proc/{pid(caged)}/limits").read_text()
        limits = {line[:25].strip(): line[25:].split() for line in text.splitlines()}
        assert limits["Max file size"][0] == "0"
        assert limits["Max core file size"][0] == "0"
        assert limits["Max processes"][0] == "0"
        assert int(limits["Max open files"][0]) <= 32
        assert int(limits["Max address space"][0]) <= 768_000_000
        assert int(limits["Max cpu time"][0]) <= 12
        assert "NoNewPrivs:\t1" in Path(f"/proc/{pid(caged)}/status").read_text()

    def test_it_has_no_network_where_the_kernel_lets_it_go(self) -> None:
        script = (
            "import sys, os, socket, ctypes; sys.path.insert(0, sys.argv[1]); from mailbot.cage import confinement\n"
            "before = os.readlink('/proc/self/ns/net'); confinement.confine()\n"
            "away = os.readlink('/proc/self/ns/net') != before\n"
            "try: socket.create_connection(('127.0.0.1', int(sys.argv[2])), 1); reached = True\n"
            "except OSError: reached = False\n"
            "print(away, reached)"
        )
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = str(server.getsockname()[1])
            found = subprocess.run(
                [sys.executable, "-I", "-c", script, str(Path(__file__).parents[3]), port],
                capture_output=True,
                check=True,
                text=True,
            ).stdout.split()
        allowed = subprocess.run(["unshare", "-Un", "true"], capture_output=True, check=False).returncode == 0
        assert found == (["True", "False"] if allowed else ["False", "True"])

    def test_it_imports_the_parser_and_nothing_else(self) -> None:
        *start, boot, root = worker_command()
        script = boot.replace("main()", "print(*sys.modules)")
        modules = set(subprocess.run([*start, script, root], capture_output=True, check=True, text=True).stdout.split())
        rooms = {name for name in modules if name.startswith("mailbot.")}
        assert {name for name in rooms if not name.startswith(("mailbot.mail", "mailbot.cage"))} == set()
        assert "mailbot.cage.client" not in rooms
        assert not modules & {"sqlalchemy", "pydantic", "gnupg", "nacl", "email", "charset_normalizer", "socket", "ssl"}

    def test_a_mail_that_burns_cpu_is_ended_by_the_kernel(self) -> None:
        behaviour = (
            "sys.path.insert(0, sys.argv[1]); from mailbot.cage import confinement; confinement.allow_cpu(1)\n"
            "            while True: pass"
        )
        with worker(behaviour) as caged:
            caged._command.append(str(Path(__file__).parents[3]))
            caged._wall_seconds = 30.0
            with pytest.raises(MailFailed, match="died twice"):
                caged.parse(MAIL)

    def test_a_mail_that_takes_too_much_memory_fails_alone(self) -> None:
        with CagedParser() as caged:
            with pytest.raises(MailFailed):
                caged.parse(bytes(800_000_000))
            assert caged.parse(MAIL) == parse(MAIL)


class TestBounces:
    """Whatever a bounce does to the reader of dialects, it is only not understood."""

    @pytest.mark.parametrize(
        "behaviour",
        ["sys.exit()", "time.sleep(60)", "answer(4, b'nonsense')", "answer(1, b'x')", "os.write(1, b'z' * 9)"],
    )
    def test_a_reader_that_misbehaves_costs_its_answer_only(self, behaviour: str) -> None:
        with worker(behaviour) as caged:
            assert caged.bounce(MAIL) is Action.UNKNOWN

    @pytest.mark.parametrize(
        "raw",
        [
            b"",
            b"\xff\x00" * 1000,
            b"Content-Type: multipart/mixed; boundary=b\r\n\r\n"
            + b"--b\r\nContent-Type: multipart/x; boundary=b\r\n" * 9000,
            b"Subject: x\r\n\r\nHi. This is the\r\n\r\n" + b"<" * 3_000_000,
            b"\r\nYour message to:\r\n" + b"a" * 3_000_000,
            b"\r\nYour message to:\r\n" + (b"a" * 990 + b"\r\n") * 3_000,
            b"\r\nThe address to which the message has not yet been delivered is\r\n" + b"\r\n \r\n" * 100_000,
            b"Content-Type: message/delivery-status\r\n\r\nAction: failed\r\nFinal-Recipient: " + b"rfc822;x;" * 20_000,
        ],
    )
    def test_a_hostile_one_is_read_within_seconds(self, caged: CagedParser, raw: bytes) -> None:
        started = time.monotonic()
        assert caged.bounce(raw) in (Action.UNKNOWN, Action.FAILED)
        assert time.monotonic() - started < 15
        assert caged.parse(MAIL) == parse(MAIL)
