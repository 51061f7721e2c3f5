"""A member's commands run once: through a crash at any step, and with two workers at once."""

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.abuse.victim import Victim
from tests.commands.mails import address, command
from tests.faults.scene import Scene, scene
from tests.openpgp_keys import Lab
from tests.world import World, mail, world

ALICE, BOB = "alice@members.example", "bob@members.example"


@pytest.fixture(scope="module")
def served(lab: Lab, short_root: Path) -> Iterator[Scene]:
    with scene(short_root, lab) as made:
        made.bot.start()
        made.bot.send(mail(subject="Crash"), "rita@out.example", "security@example.org")
        made.wait(lambda: idle(made), "the report's end")
        yield made


def idle(made: Scene) -> bool:
    return Victim(made.bot, made.lab).idle()


@pytest.mark.parametrize(
    ("step", "nth"),
    [("understood", 1), ("spent-signature", 1), ("ran-commands", 1), ("deciding", 1), ("decided", 1), ("composed", 1)],
)
def test_a30_a_kill_between_spending_a_signature_and_its_effects_leaves_both_or_neither(
    served: Scene, step: str, nth: int
) -> None:
    audited = "SELECT count(*) FROM audit WHERE action IN ('tag', 'reply')"
    spent = "SELECT count(*) FROM spent"
    told = "SELECT count(*) FROM notice WHERE event IN ('transcript', 'reply', 'answered')"
    before = [served.query(sql)[0][0] for sql in (audited, spent, told)]
    mails = len(served.bot.smarthost.taken())
    served.orders.kill("worker", step, nth)
    text = f"/tag +{step}\n/reply\n\nThank you, {step}."
    served.bot.send(command(served.lab, text, at=datetime.now(UTC)), ALICE, address())
    served.wait(lambda: served.orders.carried_out("worker", step), f"the kill at {step}")
    served.wait(lambda: idle(served), "the end of all work")
    after = [served.query(sql)[0][0] for sql in (audited, spent, told)]
    assert [new - old for new, old in zip(after, before, strict=True)] == [2, 1, 3]
    got = Counter(one.recipient for one in served.bot.smarthost.taken()[mails:])
    assert got == {ALICE: 1, "rita@out.example": 1, BOB: 1, "dave@members.example": 1}


@contextmanager
def worlds(directory: Path, lab: Lab) -> Iterator[tuple[World, World]]:
    """Two bots in this process on one database."""
    with world(directory, lab) as one:
        other = World(one.installation, lab)
        try:
            yield one, other
        finally:
            other.end()


def test_a51_of_two_members_who_claim_at_once_one_has_it_and_the_other_is_told(short_path: Path, lab: Lab) -> None:
    issues = 5
    with worlds(short_path, lab) as (one, other):
        for number in range(1, issues + 1):
            one.receive(mail(message_id=f"<{number}@out.example>"), f"r{number}@out.example")
        for number in range(1, issues + 1):
            for who in ("alice", "bob"):
                raw = command(lab, f"/claim\n# {number}", who, subject=f"[EX-{number}]", at=one.now)
                one.accept(raw, f"{who}@members.example", address(number))
        together = threading.Barrier(2)

        def work(bot: World) -> None:
            together.wait()
            while bot.pipeline.run_once():
                pass

        threads = [threading.Thread(target=work, args=(bot,)) for bot in (one, other)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        one.sent.clear()
        one.settle()
        for number in range(1, issues + 1):
            shown = one.show(number)
            claims = [row["new"] for row in shown["history"] if row["action"] == "claim"]
            assert claims == [shown["owner"]]
            told = {
                str(sent.member_id): sent.text
                for sent in one.sent
                if sent.kind == "transcript" and f"EX-{number}:" in sent.text
            }
            loser = {"alice": "bob", "bob": "alice"}[str(shown["owner"])]
            assert f"{shown['owner']} has it" in told[loser]
            assert f"owner: nobody -> {shown['owner']}" in told[str(shown["owner"])]
