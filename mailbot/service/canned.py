"""Canned answers: texts that come with mailbot, and the operator's own in the directory that `commands.canned` names.

One file an answer, ``NAME.txt``; the operator's go before ours. In the text ``{{ issue }}``, ``{{ group }}`` and
``{{ embargo }}`` stand for what they say, and so does ``{{ PIECE }}`` for each file ``_PIECE.txt``, such as the group's
``{{ scope }}``. It is filling in and nothing more: no value is ever read as a text to fill in.
"""

import re
from collections.abc import Mapping
from pathlib import Path

from mailbot.config import Settings
from mailbot.errors import ConfigError
from mailbot.mail.templates import packaged_templates

SIZE = 20_000
"""Bytes of one answer; more is not meant for a mail."""
_NAME = re.compile(r"_?[a-z][a-z0-9-]{0,40}")
_VALUE = re.compile(r"\{\{ *([a-z][a-z0-9-]{0,40}) *\}\}")


def names(settings: Settings) -> list[str]:
    """The answers there are, sorted."""
    return sorted(name for name in _files(settings) if not name.startswith("_"))


def text(settings: Settings, name: str, issue: str) -> str:
    """One answer, filled in. Raises `ConfigError` if the file cannot be read or asks for a value that there is not."""
    files = _files(settings)
    values = {"issue": issue, "group": settings.group.name, "embargo": settings.embargo.default.words}
    values |= {piece[1:]: _read(path).strip() for piece, path in files.items() if piece.startswith("_")}
    return _filled(files[name], values)


def _files(settings: Settings) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for directory in (packaged_templates() / "canned", settings.commands.canned):
        if directory is not None:
            found |= {path.stem: path for path in sorted(directory.glob("*.txt")) if _NAME.fullmatch(path.stem)}
    return found


def _read(path: Path) -> str:
    try:
        return path.read_bytes()[:SIZE].decode("utf-8")
    except (OSError, UnicodeDecodeError):
        raise ConfigError(f"{path}: cannot be read as UTF-8 text") from None


def _filled(path: Path, values: Mapping[str, str]) -> str:
    source = _read(path).strip("\n")
    unknown = [name for name in _VALUE.findall(source) if name not in values]
    if unknown:
        raise ConfigError(f"{path}: there is no value {unknown[0]}; there are {', '.join(sorted(values))}")
    return _VALUE.sub(lambda match: values[match[1]], source)
