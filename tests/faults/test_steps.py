"""kill -9 at every named step: what got its 250 is handled once, and nothing goes out twice but the very same bytes."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.bot import Bot, bot
from tests.faults.books import Books, settle
from tests.faults.ledger import Ledger, Post
from tests.faults.orders import Orders
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


class Scene:
    """A bot that runs with the hook, the mail that it got so far, and what it made of it."""

    def __init__(self, bot: Bot, lab: Lab) -> None:
        self.bot = bot
        self.lab = lab
        self.orders = Orders(bot.installation.directory / "orders")
        self.orders.directory.mkdir()
        bot.environment.update(self.orders.environment)
        self.ledger = Ledger(bot)
        self.books = Books(bot, self.ledger)

    def play(self, role: str, step: str, nth: int = 1) -> None:
        """A handful of mails, with one kill on their way."""
        post = Post(self.lab, f"{role}-{step}-{nth}")
        two, thread = post.address("two"), post.plain(post.address("thread"))
        self.orders.kill(role, step, nth)
        self.ledger.hand_in_all(
            [
                [post.plain(post.address("plain"))],
                [post.encrypted(post.address("encrypted"))],
                [post.plain(two)],
                [post.encrypted(two)],
                [thread, post.follow_up(thread)],
            ]
        )
        self.bot.wait(lambda: self.orders.carried_out(role, step), f"the kill at {step}")
        settle(self.bot, self.books)


@pytest.fixture(scope="module")
def scene(lab: Lab, short_root: Path) -> Iterator[Scene]:
    with bot(short_root, lab) as made:
        scene = Scene(made, lab)
        made.start()
        yield scene


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
    ("worker", "claimed-notice", 2),
    ("worker", "composed", 3),
    ("worker", "finishing-notice", 5),
    ("worker", "finished-notice", 3),
]
"""No N is larger than the number of times that the mails of one play make the step pass at least."""
SENDING_STEPS = [("claimed-outgoing", 2), ("send-mail", 3), ("finished-outgoing", 3)]
UNRECORDED_STEPS = [("answered-mail", 5), ("finishing-outgoing", 3)]
"""Between the smarthost's 250 and our commit."""
CLOCK_STEPS = [("fire-clock", 2), ("firing-clock", 2), ("fired-clock", 1)]


@pytest.mark.parametrize(("role", "step", "nth"), STEPS)
def test_a30_a_kill_at_this_step_loses_nothing_and_repeats_nothing(
    scene: Scene, role: str, step: str, nth: int
) -> None:
    before = scene.books.repeats
    scene.play(role, step, nth)
    assert scene.books.complaints() == []
    assert scene.books.repeats == before


@pytest.mark.parametrize(("step", "nth"), SENDING_STEPS)
def test_a30_a_kill_while_mails_are_sent_repeats_nothing_but_the_same_bytes(scene: Scene, step: str, nth: int) -> None:
    scene.play("delivery", step, nth)
    assert scene.books.complaints() == []


@pytest.mark.parametrize(("step", "nth"), UNRECORDED_STEPS)
def test_a30_a_mail_whose_delivery_was_not_recorded_goes_out_again(scene: Scene, step: str, nth: int) -> None:
    before = scene.books.repeats
    scene.play("delivery", step, nth)
    assert scene.books.complaints() == []
    assert scene.books.repeats > before


@pytest.mark.parametrize(("step", "nth"), CLOCK_STEPS)
def test_a30_a_kill_while_clocks_fire_tells_each_firing_once(short_path: Path, lab: Lab, step: str, nth: int) -> None:
    with bot(short_path, lab, extra=HASTY) as made:
        scene = Scene(made, lab)
        made.start()
        scene.play("scheduler", step, nth)
        made.wait(lambda: scene.books.firings == 2 * 5, "every clock's reminder and escalation")
        settle(made, scene.books)
        assert scene.books.complaints() == []
