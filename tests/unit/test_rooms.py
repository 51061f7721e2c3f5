"""Each third-party library is imported in one room only, and no module grows out of its room."""

import ast
from pathlib import Path

import pytest

import mailbot

PACKAGE = Path(mailbot.__file__).parent
MODULES = sorted(PACKAGE.rglob("*.py"))

ROOMS = {
    "aiosmtpd": {"smtp/session.py", "smtp/stream.py", "smtp/data.py", "smtp/listener.py", "smtp/lmtp.py"},
    "aiosmtplib": {"smtp/smarthost.py", "smtp/connection.py", "smtp/login.py", "smtp/dialogue.py"},
    "gnupg": {"openpgp/process.py"},
    "jinja2": {"mail/templates.py"},
    "sqlalchemy": {"storage/"},
    "alembic": {"storage/schema.py"},
    "apscheduler": {"jobs.py"},
    "nacl": {"storage/seal.py", "storage/unseal.py"},
    "pydantic": {"config.py", "config_types.py"},
    "flufl": {"cage/dialects.py"},
    "charset_normalizer": {"mail/charset.py"},
    "rich": {"cli/", "demo/"},
    "cvss": {"domain/severity.py"},
}
STANDARD = {"mailbot"}
LONGEST = 400


def imported(path: Path) -> set[str]:
    """The top-level names of everything that a module imports, wherever in it."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module.split(".")[0])
    return names


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_library_is_imported_in_its_room_only(path: Path) -> None:
    place = str(path.relative_to(PACKAGE))
    for library in imported(path) & set(ROOMS):
        assert any(place == room or (room.endswith("/") and place.startswith(room)) for room in ROOMS[library]), library


def test_every_library_has_a_room() -> None:
    import sys

    used = set().union(*map(imported, MODULES)) - set(sys.stdlib_module_names) - STANDARD
    assert used == set(ROOMS)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_no_module_is_longer_than_400_lines(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= LONGEST
