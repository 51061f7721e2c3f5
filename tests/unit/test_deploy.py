"""What lies in deploy/ fits the program: read as text, without systemd, Docker or root. See also ``./dev deploy``."""

import re
import shlex
import subprocess

import pytest

from mailbot.cli.parser import build
from mailbot.cli.serve import ROLES
from tests.documents import ROOT

SYSTEMD = ROOT / "deploy" / "systemd"
DOCKER = ROOT / "deploy" / "docker"
LISTENER, REST = (SYSTEMD / "mailbot-listener.service").read_text(), (SYSTEMD / "mailbot.service").read_text()


def values(unit: str, key: str) -> list[str]:
    return re.findall(rf"^{key}=(.*)$", unit, re.MULTILINE)


def arguments(unit: str) -> list[str]:
    (command,) = values(unit, "ExecStart")
    return shlex.split(command)[1:]


def test_the_units_run_every_role_once() -> None:
    roles = [role for unit in (LISTENER, REST) for role in build().parse_args(arguments(unit)).role]
    assert sorted(roles) == sorted(ROLES)


@pytest.mark.parametrize("unit", [LISTENER, REST])
def test_a_unit_says_ready_is_watched_reloads_and_has_time_to_drain(unit: str) -> None:
    assert values(unit, "Type") == ["notify"]
    assert int(values(unit, "WatchdogSec")[0]) >= 30
    assert values(unit, "ExecReload") == ["/bin/kill -HUP $MAINPID"]
    assert int(values(unit, "TimeoutStopSec")[0]) > 45
    assert values(unit, "RestartPreventExitStatus") == ["2"]
    assert values(unit, "CapabilityBoundingSet") == [""]


def test_the_listener_gets_no_private_key_and_sees_no_secret() -> None:
    assert values(LISTENER, "LoadCredential") == ["seal.key.pub:/etc/mailbot/seal.key.pub"]
    assert values(LISTENER, "InaccessiblePaths") == ["-/etc/mailbot/seal.key -/etc/mailbot/gnupg"]
    assert values(LISTENER, "User") != values(REST, "User")
    assert values(LISTENER, "ReadWritePaths") == ["/var/lib/mailbot", "-/var/spool/postfix/mailbot"]
    for socket in re.findall(r'socket = "?(/[a-z/]+)/mailbot\.sock', (ROOT / "docs" / "operator.md").read_text()):
        assert socket in ("/var/spool/postfix/mailbot", f"/run/{values(LISTENER, 'RuntimeDirectory')[0]}")


def test_nothing_hides_what_leases_are_read_from_and_the_cage_may_leave_the_network() -> None:
    """Leases read the boot id and other processes' start times in /proc; the cage makes a user and a net namespace."""
    for unit in (LISTENER, REST):
        assert values(unit, "ProcSubset") == []
    assert values(REST, "ProtectProc") == []
    assert values(REST, "RestrictNamespaces") == ["user net"]


def test_the_image_runs_commands_that_there_are() -> None:
    text = (DOCKER / "Dockerfile").read_text()
    for words in re.findall(r"(?:CMD|ENTRYPOINT) (\[.*\])", text):
        command = [word for word in re.findall(r'"([^"]+)"', words) if word != "mailbot"]
        if command:
            assert build().parse_args(command).run
    for source in re.findall(r"^COPY (?!--from)(\S+) ", text, re.MULTILINE):
        assert (ROOT / source).exists()


def test_postfix_in_the_container_hands_over_to_the_bots_own_name_and_port() -> None:
    script = DOCKER / "postfix" / "start"
    assert subprocess.run(["sh", "-n", str(script)], check=False).returncode == 0
    compose = (DOCKER / "compose.yaml").read_text()
    assert "smtp:[mailbot]:8025" in script.read_text()
    assert re.search(r"^  mailbot:$", compose, re.MULTILINE)
    (subnet,) = re.findall(r"subnet: (\S+)", compose)
    assert subnet in script.read_text()
    assert f'trusted_hosts = ["{subnet}"]' in compose
