"""What systemd hears, and that nothing happens without it."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from mailbot.systemd import Notifier


@pytest.fixture
def heard(short_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as one:
        one.bind(str(short_path / "notify"))
        one.settimeout(10)
        monkeypatch.setenv("NOTIFY_SOCKET", str(short_path / "notify"))
        yield one


def test_it_says_what_the_unit_does(heard: socket.socket) -> None:
    notifier = Notifier()
    notifier.ready()
    notifier.reloading()
    notifier.alive()
    notifier.stopping()
    said = [heard.recv(200).decode() for _ in range(4)]
    assert said[0] == "READY=1"
    assert said[1].startswith("RELOADING=1\nMONOTONIC_USEC=")
    assert said[2:] == ["WATCHDOG=1", "STOPPING=1"]


def test_an_abstract_socket_is_one_too(monkeypatch: pytest.MonkeyPatch) -> None:
    name = f"mailbot-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as one:
        one.bind(f"\0{name}")
        one.settimeout(10)
        monkeypatch.setenv("NOTIFY_SOCKET", f"@{name}")
        Notifier().ready()
        assert one.recv(100) == b"READY=1"


def test_children_do_not_speak_for_the_unit(heard: socket.socket) -> None:
    Notifier()
    assert "NOTIFY_SOCKET" not in os.environ


@pytest.mark.parametrize(
    ("usec", "pid", "expected"),
    [("60000000", None, 30.0), ("60000000", "1", None), ("", None, None), ("soon", None, None)],
)
def test_the_watchdog_is_fed_twice_as_often_as_asked_and_only_for_us(
    usec: str, pid: str | None, expected: float | None, heard: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", usec)
    if pid is not None:
        monkeypatch.setenv("WATCHDOG_PID", pid)
    assert Notifier().alive_every == expected


def test_without_systemd_and_with_a_socket_that_is_gone_nothing_happens(
    short_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    Notifier().ready()
    monkeypatch.setenv("NOTIFY_SOCKET", str(short_path / "nothing"))
    notifier = Notifier()
    notifier.ready()
    assert notifier.alive_every is None
