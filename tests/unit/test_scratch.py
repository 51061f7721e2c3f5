"""Scratch directories: private, and what a killed process left behind goes with the next start."""

import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from mailbot.app import Scratch


@pytest.fixture(autouse=True)
def own_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    return tmp_path


def test_what_a_killed_process_left_is_removed_and_what_is_in_use_stays(own_directory: Path) -> None:
    program = (
        "import os; from mailbot.app import Scratch; s = Scratch(); (s.path / 'x').touch(); os.kill(os.getpid(), 9)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == -9
    (left,) = own_directory.iterdir()
    living = Scratch()
    assert not left.exists()
    again = Scratch()
    assert living.path.is_dir()
    assert living.path.stat().st_mode & 0o777 == 0o700
    again.close()
    living.close()
    assert list(own_directory.iterdir()) == []


def test_a_link_under_that_name_leads_nowhere(own_directory: Path, short_path: Path) -> None:
    (short_path / "keep").touch()
    (own_directory / "mailbot-scratch-link").symlink_to(short_path)
    Scratch().close()
    assert (short_path / "keep").exists()
