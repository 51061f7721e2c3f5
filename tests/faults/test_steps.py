"""kill -9 at every named step: what got its 250 is handled once, and nothing goes out twice but the very same bytes."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.scene import Scene, scene
from tests.installation import ESCALATION
from tests.openpgp_keys import Lab

HASTY = (
    """
[slo]
first_response_remind = "2s"
first_response_escalate = "4s"
"""
    + ESCALATION
)


@pytest.fixture(scope="module")
def served(lab: Lab, short_root: Path) -> Iterator[Scene]:
    with scene(short_root, lab) as made:
        made.bot.start()
        yield made


def play(made: Scene, role: str, step: str, nth: int) -> None:
    """A handful of mails, with one kill on their way."""
    made.orders.kill(role, step, nth)
    made.ledger.hand_in_all(made.handful(f"{role}-{step}-{nth}"))
    made.wait(lambda: made.orders.carried_out(role, step), f"the kill at {step}")
    made.settle()


STEPS = [
    ("listener", "received-mail", 3),
    ("listener", "storing-mails", 2),
    ("listener", "stored-mails", 2),
    ("worker", "indexing-mails", 1),
    ("worker", "indexed-mails", 1),
    ("worker", "claim-mail", 3),
    ("worker", "claimed-mail", 2),
    ("worker", "understood", 3),
    ("worker", "opened-issue", 2),
    ("worker", "deciding", 3),
    ("worker", "decided", 2),
    ("worker", "claim-notice", 2),
    ("worker", "composed", 3),
    ("worker", "finishing-notice", 3),
    ("worker", "finished-notice", 3),
]
"""No N is larger than the number of times that the mails of one play make the step pass at least."""
SENDING_STEPS = [("claimed-outgoing", 2), ("send-mail", 3), ("finished-outgoing", 3)]
UNRECORDED_STEPS = [("answered-mail", 5), ("finishing-outgoing", 3)]
"""Between the smarthost's 250 and our commit."""
CLOCK_STEPS = [
    ("scheduler", "fire-clock", 2),
    ("scheduler", "firing-clock", 2),
    ("scheduler", "fired-clock", 1),
    ("worker", "claimed-notice", 2),
]
"""What a mail causes is claimed with its decision; only what clocks cause is taken from the queue."""


@pytest.mark.parametrize(("role", "step", "nth"), STEPS)
def test_a30_a_kill_at_this_step_loses_nothing_and_repeats_nothing(
    served: Scene, role: str, step: str, nth: int
) -> None:
    before = served.books.repeats
    play(served, role, step, nth)
    assert served.books.complaints() == []
    assert served.books.repeats == before


@pytest.mark.parametrize(("step", "nth"), SENDING_STEPS)
def test_a30_a_kill_while_mails_are_sent_repeats_nothing_but_the_same_bytes(served: Scene, step: str, nth: int) -> None:
    play(served, "delivery", step, nth)
    assert served.books.complaints() == []


@pytest.mark.parametrize(("step", "nth"), UNRECORDED_STEPS)
def test_a30_a_mail_whose_delivery_was_not_recorded_goes_out_again(served: Scene, step: str, nth: int) -> None:
    before = served.books.repeats
    play(served, "delivery", step, nth)
    assert served.books.complaints() == []
    assert served.books.repeats > before


@pytest.mark.parametrize(("role", "step", "nth"), CLOCK_STEPS)
def test_a30_a_kill_while_clocks_fire_tells_each_firing_once(
    short_path: Path, lab: Lab, role: str, step: str, nth: int
) -> None:
    with scene(short_path, lab, extra=HASTY) as made:
        made.bot.start()
        play(made, role, step, nth)
        made.wait(lambda: made.books.firings == 2 * 5, "every clock's reminder and escalation")
        made.settle()
        assert made.books.complaints() == []
