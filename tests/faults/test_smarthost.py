"""The smarthost goes down in the middle of work, comes back, hangs up or says "later": every mail gets there, once."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.scene import Scene, scene
from tests.openpgp_keys import Lab


@pytest.fixture
def served(short_path: Path, lab: Lab) -> Iterator[Scene]:
    with scene(short_path, lab) as made:
        made.bot.start()
        yield made


def test_a47_mail_flows_again_after_the_smarthost_was_down(served: Scene) -> None:
    smarthost = served.bot.smarthost
    smarthost.on("connect", reply="421 4.3.2 going down", drop=True)
    served.ledger.hand_in_all(served.handful("down"))
    served.wait_for_log("smarthost does not answer")
    assert smarthost.mails == []
    smarthost.heal()
    served.settle()
    assert served.books.complaints() == []
    assert served.books.repeats == 0
    assert served.query("SELECT DISTINCT attempts FROM outbox") == [(1,)]


@pytest.mark.parametrize("stage", ["MAIL", "RCPT", "DATA", "content"])
def test_a47_what_broke_off_at_any_stage_is_repeated_with_the_same_bytes(served: Scene, stage: str) -> None:
    served.bot.smarthost.on(stage, drop=True, times=3)
    served.ledger.hand_in_all(served.handful("broken"))
    served.settle(impatient=True)
    assert served.books.complaints() == []
    # Only after the end of the data can the smarthost have the mail already.
    assert served.books.repeats == (3 if stage == "content" else 0)


def test_a47_a_later_from_the_smarthost_is_heeded(served: Scene) -> None:
    served.bot.smarthost.on("RCPT", reply="451 4.7.1 greylisted", times=3)
    served.bot.smarthost.on("content", reply="452 4.3.1 no room", times=3)
    served.ledger.hand_in_all(served.handful("later"))
    served.settle(impatient=True)
    assert served.books.complaints() == []
    assert sum(attempts - 1 for (attempts,) in served.query("SELECT attempts FROM outbox")) == 6
