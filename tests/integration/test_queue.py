"""What an operator decides about mails in the queues, with the commands that they type."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.bot import Bot, bot
from tests.openpgp_keys import Lab
from tests.world import mail

SPAM = b"X-Spam-Score: 14.2\r\nAuthentication-Results: mx.example.org; dmarc=none header.from=out.example\r\n"


@pytest.fixture
def served(short_path: Path, lab: Lab) -> Iterator[Bot]:
    with bot(short_path, lab) as made:
        yield made


def states(served: Bot, queue: str) -> list[str]:
    return [row["state"] for row in served.json("queue", "list")[queue]]


def test_held_mail_is_listed_released_and_discarded(served: Bot) -> None:
    served.start()
    for number in range(3):
        served.send(SPAM + mail(f"Buy {number}\n", message_id=f"<{number}@out.example>"), "rita@out.example")
    served.wait(lambda: states(served, "inbox") == ["held"] * 3, "three held mails")
    assert [row["disposition"] for row in served.json("queue", "list")["inbox"]] == [None] * 3
    held = served.json("queue", "held")
    assert [(row["id"], row["cause"]) for row in held] == [(n, "spam score 14.2, over 10") for n in (1, 2, 3)]
    assert "rita@out.example" in served.run("queue", "held").stdout
    assert served.run("queue", "discard", "2").stdout == "2: discarded\n"
    assert served.run("queue", "release", "1", "99", check=False).returncode == 1
    served.wait(lambda: len(served.recipients()) == 4, "the acknowledgement and three relays")
    assert [(row["id"], row["state"], row["disposition"]) for row in served.json("queue", "list")["inbox"]] == [
        (3, "held", None), (2, "done", "discarded"), (1, "done", "report"),
    ]  # fmt: skip
    assert served.stop() == 0


def test_outgoing_mail_is_kept_back_let_go_and_dropped(served: Bot) -> None:
    served.start("listener", "worker", "scheduler")
    served.send(mail(), "rita@out.example")
    served.wait(lambda: states(served, "outbox") == ["waiting"] * 4, "four mails that wait")
    assert served.run("queue", "hold", "1", "2", "3").returncode == 0
    assert served.run("queue", "drop", "3", "4").returncode == 0
    assert sorted(states(served, "outbox")) == ["cancelled", "cancelled", "held", "held"]
    assert served.stop() == 0
    served.start()
    assert served.run("queue", "retry", "2").stdout == "2: due now\n"
    served.wait(lambda: len(served.recipients()) == 1, "the one that was let go")
    assert sorted(states(served, "outbox")) == ["cancelled", "cancelled", "held", "sent"]
    assert served.run("queue", "drop", "2", check=False).returncode == 1
    assert served.run("queue", "hold", "2", check=False).returncode == 1
    assert served.stop() == 0
