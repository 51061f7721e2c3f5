"""An agent that is down or dies looks to gpg like one that has no such key. It must not look so to us."""

import shutil
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from mailbot.openpgp.gpg import Gpg
from mailbot.openpgp.process import GpgUnusable, stop_agent
from mailbot.service.ports import Opened
from tests.openpgp_keys import Home, Lab

REAL = shutil.which("gpg")


@pytest.fixture
def group(home: Home, lab: Lab) -> Home:
    home.make("group", "Some Group <some@example.org>")
    lab.people.gpg("--import", data=home.public("group").encode())
    return home


def test_a_stopped_agent_starts_again_by_itself(group: Home, lab: Lab) -> None:
    fingerprint = group.fingerprints["group"]
    gpg = Gpg(group.path, fingerprint, group.path / "s")
    message = lab.people.encrypt(b"text", [fingerprint])
    for _ in range(3):
        stop_agent(group.path)
        assert gpg.decrypt(message).plaintext == b"text"
    gpg.close()


def test_a46_an_agent_that_cannot_be_reached_is_not_called_cannot_decrypt(group: Home, lab: Lab) -> None:
    fingerprint = group.fingerprints["group"]
    binary = group.path / "gpg"
    binary.write_text(f'#!/bin/sh\nexec {REAL} $EXTRA "$@"\n')
    binary.chmod(0o700)
    gpg = Gpg(group.path, fingerprint, group.path / "s", binary=str(binary))
    gpg.load(1, [lab.people.public("alice")])
    messages = [
        lab.people.encrypt(b"text", [fingerprint]),
        lab.people.encrypt(b"text", [lab.fingerprint("alice")]),
        lab.people.gpg("--encrypt", "--hidden-recipient", fingerprint, data=b"text"),
    ]
    assert [gpg.decrypt(message).outcome for message in messages] == [
        Opened.DECRYPTED,
        Opened.NO_KEY,
        Opened.DECRYPTED,
    ]
    stop_agent(group.path)
    binary.write_text(f'#!/bin/sh\nexec {REAL} --no-autostart "$@"\n')
    for message in messages:
        with pytest.raises(GpgUnusable, match="gpg-agent"):
            gpg.decrypt(message)
    with pytest.raises(GpgUnusable):
        gpg.sign(b"text")
    with pytest.raises(GpgUnusable):
        gpg.encrypt([b"text"], [lab.fingerprint("alice")])
    gpg.close()


@contextmanager
def _dying_agent(path: Path, last: bytes) -> Iterator[list[bytes]]:
    """In the agent's place, something that answers OK to all and hangs up at the command `last`."""
    stop_agent(path.parent)
    path.unlink(missing_ok=True)
    seen: list[bytes] = []
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))
        listening.listen()

        def serve() -> None:
            while True:
                try:
                    client, _ = listening.accept()
                except OSError:
                    return
                with client, client.makefile("rwb") as lines:
                    lines.write(b"OK ready\n")
                    lines.flush()
                    for line in lines:
                        seen.append(line)
                        if line.startswith(last):
                            break
                        lines.write(b"OK\n")
                        lines.flush()

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield seen
        finally:
            listening.shutdown(socket.SHUT_RDWR)
            thread.join()
            path.unlink()


def test_a46_an_agent_that_dies_in_the_middle_is_not_called_cannot_decrypt(group: Home, lab: Lab) -> None:
    fingerprint = group.fingerprints["group"]
    gpg = Gpg(group.path, fingerprint, group.path / "s")
    gpg.load(1, [])
    message = lab.people.encrypt(b"text", [fingerprint])
    for last in (b"PKDECRYPT", b"HAVEKEY", b"OPTION"):
        with _dying_agent(group.path / "S.gpg-agent", last) as seen:
            with pytest.raises(GpgUnusable):
                gpg.decrypt(message)
            assert any(line.startswith(last) for line in seen)
    with _dying_agent(group.path / "S.gpg-agent", b"PKSIGN"), pytest.raises(GpgUnusable):
        gpg.sign(b"text")
    assert gpg.decrypt(message).plaintext == b"text"
    gpg.close()
