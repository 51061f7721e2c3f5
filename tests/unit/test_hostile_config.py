"""Settings with which a report would never reach a member are said before it happens."""

from pathlib import Path

import pytest

from mailbot.cli import check
from tests.installation import install
from tests.openpgp_keys import Lab
from tests.smarthost import FakeSmarthost, in_thread


@pytest.mark.parametrize(("size", "levels"), [(10_240_000, ["ok", "warn"]), (50_000_000, ["ok"]), (0, ["ok"])])
def test_check_warns_of_a_smarthost_that_takes_no_large_relay(
    short_path: Path, lab: Lab, size: int, levels: list[str]
) -> None:
    """Postfix takes 10 MB unless told otherwise, and a report of 25 MB is accepted and then relayed to nobody."""
    with in_thread(FakeSmarthost(extensions=(f"SIZE {size}",))) as smarthost:
        settings = install(short_path, lab, smarthost_port=smarthost.port).settings
        found = list(check._smarthost(settings))
    assert [one.level for one in found] == levels
