"""What ``mailbot check`` says of lists."""

from pathlib import Path

import pytest

from mailbot.cli.lists import check
from mailbot.config import load
from tests.installation import install
from tests.openpgp_keys import Lab

TO_LIST = '\n[relay]\nto = "list"\nlist_address = "private@lists.example"\n'


def said(directory: Path, lab: Lab, extra: str, listener: str = "") -> list[tuple[str, str, str]]:
    installation = install(directory, lab, extra=extra)
    text = installation.config.read_text().replace("[listener]", f"[listener]\n{listener}", 1)
    installation.config.write_text(text)
    return [(finding.level, finding.text, finding.mend or "") for finding in check(load(installation.config))]


def test_nothing_is_said_where_there_is_no_list(short_path: Path, lab: Lab) -> None:
    assert said(short_path, lab, "") == []


@pytest.mark.parametrize(
    ("keyless", "gets"),
    [("notice", "notices without content"), ("always", "everything in clear"), ("plain", "a notice")],
)
def test_a_list_without_a_key_is_warned_of_with_what_it_gets(
    short_path: Path, lab: Lab, keyless: str, gets: str
) -> None:
    ((level, text, mend),) = said(short_path, lab, f'{TO_LIST}keyless = "{keyless}"\n')
    assert level == "warn"
    assert gets in text
    assert "mailbot key import" in mend


def test_a_key_that_nobody_imported_is_warned_of(short_path: Path, lab: Lab) -> None:
    ((level, text, _),) = said(short_path, lab, f'{TO_LIST}list_key = "{"E" * 40}"\n')
    assert (level, "not imported" in text) == ("warn", True)


def test_a_key_that_can_be_used_is_fine(short_path: Path, lab: Lab) -> None:
    ((level, _, _),) = said(short_path, lab, f'{TO_LIST}list_key = "{lab.fingerprint("bob")}"\n')
    assert level == "ok"


def test_an_intake_list_that_nothing_vouches_for_is_warned_of(short_path: Path, lab: Lab) -> None:
    lists = 'intake_lists = ["reports.lists.example"]\n'
    ((level, text, _),) = said(short_path, lab, "", lists)
    assert (level, "reports.lists.example" in text) == ("ok", True)


def test_the_bots_own_address_is_no_intake_list(short_path: Path, lab: Lab) -> None:
    levels = [level for level, *_ in said(short_path, lab, "", 'intake_lists = ["security.example.org"]\n')]
    assert levels == ["ok", "warn"]


def test_without_a_trusted_front_it_is_warned_of(short_path: Path, lab: Lab) -> None:
    installation = install(short_path, lab, extra="")
    text = installation.config.read_text().replace(
        'trusted_authserv_ids = ["mx.example.org"]', 'intake_lists = ["a.b"]'
    )
    installation.config.write_text(text)
    ((level, _, mend),) = [(one.level, one.text, one.mend or "") for one in check(load(installation.config))]
    assert (level, "trusted_authserv_ids" in mend) == ("warn", True)
