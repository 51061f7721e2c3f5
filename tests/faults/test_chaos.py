"""Random faults under load, for a few seconds; ``python -m tests.faults`` does it for as long as you like."""

import random
from pathlib import Path

import pytest

from tests.faults.chaos import EXTRA, Chaos
from tests.faults.scene import scene
from tests.openpgp_keys import Lab


@pytest.mark.timeout(300)
def test_a30_whatever_dies_when_nothing_accepted_is_lost_or_handled_twice(short_path: Path, lab: Lab) -> None:
    with scene(short_path, lab, extra=EXTRA) as made:
        summary = Chaos(made, random.randrange(10**6)).run(12.0)
        assert not summary.complaints, str(summary)
        assert summary.accepted > 0
