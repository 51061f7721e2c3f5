"""The systemd units as systemd reads them: run by ``./dev deploy``, because it needs systemd's own programs."""

import re
import subprocess
from pathlib import Path

import pytest

UNITS = sorted((Path(__file__).parent.parent.parent / "deploy" / "systemd").glob("*.service"))


def test_there_are_units() -> None:
    assert [unit.name for unit in UNITS] == ["mailbot-listener.service", "mailbot.service"]


@pytest.mark.parametrize("unit", UNITS, ids=lambda path: path.name)
def test_systemd_finds_nothing_to_complain_of(unit: Path, tmp_path: Path) -> None:
    program = tmp_path / "mailbot"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    for one in UNITS:  # with each other, because they name each other, and with a program that is there
        (tmp_path / one.name).write_text(one.read_text().replace("/opt/mailbot/bin/mailbot", str(program)))
    done = subprocess.run(
        ["systemd-analyze", "verify", "--recursive-errors=no", str(tmp_path / unit.name)],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("unit", UNITS, ids=lambda path: path.name)
def test_the_exposure_stays_low(unit: Path) -> None:
    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--threshold=20", str(unit)],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    level = re.search(r"Overall exposure level for \S+: (\d+\.\d)", done.stdout)
    assert level is not None, done.stdout + done.stderr
    assert float(level[1]) <= 2.0
    assert done.returncode == 0
