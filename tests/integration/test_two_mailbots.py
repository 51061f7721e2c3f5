"""Two groups that each run a mailbot, and are made to write to each other."""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from tests.installation import install
from tests.openpgp_keys import Lab
from tests.world import Sent, World, mail

OURS, THEIRS = "security@example.org", "security@other.example"
CONFIG = '\n[ack]\nper_sender = "0s"\n'


@pytest.fixture
def two(lab: Lab) -> Iterator[dict[str, World]]:
    directories = [Path(tempfile.mkdtemp(prefix="mb-")) for _ in range(2)]
    worlds: dict[str, World] = {}
    try:
        for address, directory in zip((OURS, THEIRS), directories, strict=True):
            installation = install(directory, lab, extra=CONFIG, more_members="")
            installation.config.write_text(installation.config.read_text().replace(OURS, address))
            worlds[address] = World(installation, lab)
        yield worlds
    finally:
        for one in worlds.values():
            one.end()
        for directory in directories:
            shutil.rmtree(directory)


def domain(address: str) -> str:
    return address.rpartition("@")[2]


def exchanged(two: dict[str, World], first: list[Sent], way: Callable[[bytes], bytes] = bytes) -> int:
    """Carry mail between the two until none is left; how many mails went over. `way` is what mail systems between them
    do to each."""
    by_domain = {domain(address): one for address, one in two.items()}
    waiting = list(first)
    carried = 0
    while waiting:
        one = waiting.pop(0)
        if domain(one.recipient) in by_domain:
            carried += 1
            assert carried < 20, "they write to each other without end"
            waiting += by_domain[domain(one.recipient)].receive(way(one.raw), one.sender, one.recipient)
    return carried


def unmarked(raw: bytes) -> bytes:
    """A gateway that drops the field which says that a program wrote it."""
    return raw.replace(b"Auto-Submitted: auto-replied\r\n", b"")


@pytest.mark.parametrize("way", [bytes, unmarked])
def test_they_end_after_one_exchange(two: dict[str, World], way: Callable[[bytes], bytes]) -> None:
    """Somebody forges a report of one group to the other: it is acknowledged, and the acknowledgement is no report that
    is acknowledged again; without its mark it is, once."""
    sent = two[THEIRS].receive(mail(author=OURS, message_id="<forged@x>"), OURS, THEIRS)
    assert exchanged(two, sent, way) == (1 if way is bytes else 2)
    assert [len(one.issues()) for one in two.values()] == [1, 1]


def test_a_member_who_is_the_other_group_makes_no_loop(two: dict[str, World]) -> None:
    """Each gets what the other relays, and neither relays back."""
    two[OURS].reload(lambda text: text.replace("bob@members.example", THEIRS))
    two[THEIRS].reload(lambda text: text.replace("bob@members.example", OURS))
    assert exchanged(two, two[OURS].receive(mail(author="rita@out.example"), "rita@out.example", OURS)) == 2
    assert [len(one.issues()) for one in two.values()] == [1, 1]
    assert two[OURS].dispositions() == ["report", "own"]
    # What their clock says of it comes back too, and opens nothing; what ours says is news to them, once.
    for one in (THEIRS, OURS):
        assert exchanged(two, two[one].pass_time(timedelta(days=3))) <= 4
    assert len(two[OURS].issues()) == 1


def test_their_bounces_and_vacations_end_at_once(two: dict[str, World]) -> None:
    ack = two[OURS].receive(mail(author=THEIRS, message_id="<2@x>"), THEIRS, OURS)
    (mine,) = [one for one in ack if one.recipient == THEIRS]
    for raw in (
        mail("Away.\n", author=THEIRS, message_id="<3@x>", auto_submitted="auto-replied"),
        mail("Failed: 550 5.1.1\n", author="MAILER-DAEMON@other.example", message_id="<4@x>"),
    ):
        sent = two[OURS].receive(raw, "", mine.sender)
        assert exchanged(two, sent) == 0
    assert len(two[OURS].issues()) == 1
