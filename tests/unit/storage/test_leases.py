"""Whether a process that holds something still lives."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from mailbot.storage import leases
from mailbot.storage.leases import Owner, boot_seconds, is_dead


def renamed(name: str, *, boot: str = "", namespace: str = "", pid: str = "", started: str = "") -> str:
    """An owner's name with some of it changed."""
    machine, own_pid, own_start = name.rsplit(":", 2)
    own_boot, own_namespace = machine.split("/")
    return f"{boot or own_boot}/{namespace or own_namespace}:{pid or own_pid}:{started or own_start}"


@pytest.fixture
def child() -> Iterator[subprocess.Popen[bytes]]:
    """A process that waits until its input ends."""
    process = subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE)
    yield process
    process.kill()
    process.wait()
    if process.stdin is not None:
        process.stdin.close()


def name_of(pid: int) -> str:
    return renamed(Owner.current().name, pid=str(pid), started=leases._start_time(pid))


def test_a_process_knows_itself_alive() -> None:
    name = Owner.current().name
    assert not is_dead(name)
    assert Owner.current().name == name
    assert str(os.getpid()) in name


def test_another_process_lives_until_it_has_ended_even_if_nobody_has_fetched_its_end(
    child: subprocess.Popen[bytes],
) -> None:
    name = name_of(child.pid)
    assert not is_dead(name)
    child.kill()
    # It stays a zombie until `wait`, which is dead all the same.
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert is_dead(name)
    child.wait()
    assert is_dead(name)


def test_a_process_id_that_was_given_to_another_process_does_not_revive_the_dead(
    child: subprocess.Popen[bytes],
) -> None:
    assert is_dead(renamed(name_of(child.pid), started="1"))


def test_who_ran_before_the_last_boot_is_dead_whatever_runs_under_that_number_now() -> None:
    name = Owner.current().name
    assert is_dead(renamed(name, boot="00000000-0000-0000-0000-000000000000"))
    assert is_dead(renamed(name, boot="00000000-0000-0000-0000-000000000000", namespace="1"))


def test_who_is_in_another_namespace_may_live() -> None:
    assert not is_dead(renamed(Owner.current().name, namespace="1"))
    assert not is_dead(renamed(Owner.current().name, namespace="1", pid="4194305", started="1"))


def test_a_name_with_brackets_and_spaces_is_read_right(tmp_path: "os.PathLike[str]") -> None:
    """The name of a process stands in the middle of the line that is read, and may hold anything."""
    odd = os.path.join(tmp_path, ") R 1 (x")
    os.symlink(sys.executable, odd)
    process = subprocess.Popen([odd, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE)
    try:
        # The link's name is the process's once the program is loaded.
        deadline = time.monotonic() + 20
        while ") R 1 (x" not in _comm(process.pid) and time.monotonic() < deadline:
            os.sched_yield()
        assert ") R 1 (x" in _comm(process.pid)
        assert leases._start_time(process.pid).isdigit()
        assert abs(int(leases._start_time(process.pid)) / os.sysconf("SC_CLK_TCK") - boot_seconds()) < 60
    finally:
        process.kill()
        process.wait()
        if process.stdin is not None:
            process.stdin.close()


def _comm(pid: int) -> str:
    with open(f"/proc/{pid}/comm", encoding="ascii") as file:
        return file.read()


def test_the_lease_clock_only_goes_forward_and_counts_seconds() -> None:
    first = boot_seconds()
    assert 0 < first <= boot_seconds() < first + 60
    assert leases.RENEW_SECONDS * 5 < leases.LEASE_SECONDS
