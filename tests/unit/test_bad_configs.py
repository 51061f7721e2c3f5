"""Every mistake in a config is told by file, key, what was found and what is allowed: one folder per mistake.

``tests/bad_configs/NAME`` holds a `mailbot.toml`, the files beside it that the mistake needs, and the exact text that
`mailbot check` says about it. ``tests/good_configs/NAME`` must load. ``pytest --update-golden`` rewrites the texts.
"""

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from mailbot.cli.parser import run
from mailbot.config import load

TESTS = Path(__file__).parent.parent
BAD = sorted((TESTS / "bad_configs").iterdir())
GOOD = sorted((TESTS / "good_configs").iterdir())

READABLE_BY_OTHERS = {"seal-key-readable-by-others", "password-readable-by-others"}
"""Where a secret file's mode is the mistake; git keeps no modes, so the test sets them."""


@pytest.fixture
def case(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the case's folder, which is also the current directory; returns the original."""
    original: Path = request.param
    shutil.copytree(original, tmp_path / "config")
    for secret in [path for name in ("seal.key", "password") for path in (tmp_path / "config").glob(name)]:
        secret.chmod(0o644 if original.name in READABLE_BY_OTHERS else 0o600)
    monkeypatch.chdir(tmp_path / "config")
    return original


@pytest.mark.parametrize("case", BAD, ids=lambda path: path.name, indirect=True)
def test_a_bad_config_is_refused_with_a_text_that_tells_the_mend(
    case: Path, capsys: pytest.CaptureFixture[str], golden: Callable[..., None]
) -> None:
    assert run(["--config", "mailbot.toml", "check"]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    golden(case / "expected.txt", said.err.replace(str(Path.cwd()), "DIR"))


@pytest.mark.parametrize("case", BAD, ids=lambda path: path.name)
def test_every_line_of_an_error_names_the_file(case: Path) -> None:
    lines = (case / "expected.txt").read_text(encoding="utf-8").removeprefix("mailbot: ").splitlines()
    assert lines
    assert all(line.startswith(("mailbot.toml: ", "DIR/")) for line in lines)


@pytest.mark.parametrize("case", GOOD, ids=lambda path: path.name)
def test_a_good_config_loads(case: Path) -> None:
    assert load(case / "mailbot.toml").group.id_prefix == "EX"


@pytest.mark.parametrize("command", [["check"], ["serve"], ["issue", "list"]], ids=lambda command: command[0])
def test_a_config_error_ends_every_command_with_2_and_no_traceback(command: list[str]) -> None:
    case = TESTS / "bad_configs" / "several-mistakes"
    done = subprocess.run(
        [sys.executable, "-m", "mailbot", "--config", str(case / "mailbot.toml"), *command],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    expected = (case / "expected.txt").read_text(encoding="utf-8").replace("mailbot.toml", str(case / "mailbot.toml"))
    assert (done.returncode, done.stdout, done.stderr) == (2, "", expected)


def test_a_file_that_is_not_there_says_how_to_get_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    missing = tmp_path / "nowhere.toml"
    assert run(["--config", str(missing), "check"]) == 2
    assert capsys.readouterr().err == (
        f"mailbot: {missing}: no such file. `mailbot init` makes one, or name yours with --config FILE\n"
    )
