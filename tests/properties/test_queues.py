"""Workers that die, hang, come late and fail at random: every mail is decided exactly once, and every notice sent once.

Real queues of a real database; what a mail says and who is told is left out. A dead or hanging worker is one that never
gives back what it claimed: its lease runs out. A late one gives its result after somebody else took over.
"""

import tempfile
from datetime import timedelta
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import Phase, settings
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, multiple, rule
from sqlalchemy import delete

from mailbot.domain.issue import Disposition
from mailbot.errors import ClaimLost
from mailbot.service.store import ClaimedMail, ClaimedNotice, Draft, NewIssue
from mailbot.storage import tables
from mailbot.storage.leases import LEASE_SECONDS, RENEW_SECONDS
from mailbot.storage.store import Store
from tests.unit.storage.storeroom import NOW, Storeroom

SENDERS = st.sampled_from(["rita@out.example", "sam@out.example", "kim@out.example"])
WORDS = st.lists(st.sampled_from(["<1>", "<2>", "<3>", "<4>"]), max_size=2, unique=True)
WORKERS = st.sampled_from(["one", "two", "three"])


class Queues(RuleBasedStateMachine):
    room: Storeroom
    """Set by the fixture of this module; emptied at the start of each example."""

    mails: Bundle[tuple[Store, ClaimedMail]] = Bundle("mails")
    """Claims that some worker believes it holds."""
    notices: Bundle[tuple[Store, ClaimedNotice]] = Bundle("notices")

    def __init__(self) -> None:
        super().__init__()
        with self.room.database.write() as connection:
            for table in reversed(tables.metadata.sorted_tables):
                if table not in (tables.secret, tables.setting):
                    connection.execute(delete(table))
        self.now = NOW
        self.accepted: dict[int, tuple[str, frozenset[str]]] = {}
        self.decided: list[int] = []
        self.composed: list[int] = []
        self.workers = {name: self.room.worker(name) for name in ("one", "two", "three")}

    # What happens

    @rule(sender=SENDERS, words=WORDS)
    def a_mail_comes(self, sender: str, words: list[str]) -> None:
        number = self.room.accept(sender, " ".join(words), self.now)
        self.accepted[number] = (sender, frozenset(words))

    @rule()
    def the_first_pass(self) -> None:
        self.room.index(limit=2)

    @rule(target=mails, worker=WORKERS)
    def a_worker_takes_a_mail(self, worker: str) -> Any:
        store = self.workers[worker]
        claim = store.claim_mail(self.now)
        if claim is None:
            return multiple()
        self._is_next(claim.id)
        return store, claim

    @rule(target=notices, worker=WORKERS)
    def a_worker_takes_a_notice(self, worker: str) -> Any:
        store = self.workers[worker]
        claim = store.claim_notice(self.now)
        return multiple() if claim is None else (store, claim)

    @rule(target=notices, held=consumes(mails))
    def it_decides(self, held: tuple[Store, ClaimedMail]) -> Any:
        """The notice that it makes is its own to compose."""
        store, claim = held
        try:
            with store.decide(claim) as unit:
                number = unit.open_issue(NewIssue(f"mail {claim.id}", "", "", False, self.now))
                unit.notify("report", number, {}, self.now, original=True)
                unit.audit(number, "reporter", "opened", self.now)
                unit.finish(Disposition.REPORT, number, self.now)
        except ClaimLost:
            self.the_books_are_right()
            return multiple()
        assert claim.id not in self.decided, "decided twice"
        self.decided.append(claim.id)
        self.the_books_are_right()
        (made,) = unit.caused
        return store, made

    @rule(held=consumes(mails), own=st.booleans(), seconds=st.integers(0, 20))
    def it_fails(self, held: tuple[Store, ClaimedMail], own: bool, seconds: int) -> None:
        store, claim = held
        give_back = store.mail_failed if own else store.release_mail
        try:
            give_back(claim, self.now, timedelta(seconds=seconds))
        except ClaimLost:
            return

    @rule(held=consumes(notices))
    def it_composes(self, held: tuple[Store, ClaimedNotice]) -> None:
        store, claim = held
        mails = [
            Draft(
                seq,
                claim.event,
                f"m{seq}@x.example",
                None,
                "v@x",
                b"To: x\r\n\r\n",
                f"<{claim.id}.{seq}@x>",
                (b"b",),
                True,
            )
            for seq in range(2)
        ]
        try:
            store.finish_notice(claim, mails, self.now)
        except ClaimLost:
            return self.the_books_are_right()
        assert claim.id not in self.composed, "composed twice"
        self.composed.append(claim.id)
        return self.the_books_are_right()

    @rule(held=consumes(notices), seconds=st.integers(0, 20))
    def it_fails_to_compose(self, held: tuple[Store, ClaimedNotice], seconds: int) -> None:
        store, claim = held
        try:
            store.notice_failed(claim, self.now, timedelta(seconds=seconds), own=True)
        except ClaimLost:
            return

    @rule(held=consumes(mails))
    def a_worker_dies_over_a_mail(self, held: tuple[Store, ClaimedMail]) -> None:
        """It is never heard of again."""

    @rule(held=consumes(notices))
    def a_worker_dies_over_a_notice(self, held: tuple[Store, ClaimedNotice]) -> None:
        """So here."""

    @rule(held=mails)
    def a_living_worker_renews(self, held: tuple[Store, ClaimedMail]) -> None:
        store, claim = held
        with store.holding(claim):
            store.renew()

    @rule(seconds=st.sampled_from([1.0, RENEW_SECONDS, LEASE_SECONDS - 1, LEASE_SECONDS + 1]))
    def time_passes(self, seconds: float) -> None:
        self.room.pass_time(seconds)
        self.now += timedelta(seconds=seconds)

    @rule(days=st.sampled_from([-365, 365]))
    def the_wall_clock_jumps(self, days: int) -> None:
        self.now += timedelta(days=days)

    # What must hold

    def _is_next(self, number: int) -> None:
        """No older mail of its sender or thread is unfinished."""
        sender, words = self.accepted[number]
        for other, (other_sender, other_words) in self.accepted.items():
            if other < number and other not in self.decided:
                assert other_sender != sender
                assert not other_words & words

    def the_books_are_right(self) -> None:
        done = {row.id for row in self.room.rows(tables.inbox) if row.state == "done"}
        assert done == set(self.decided)
        assert {row.id for row in self.room.rows(tables.inbox)} == set(self.accepted)
        notices = self.room.rows(tables.notice)
        assert len(notices) == len(self.room.rows(tables.issue)) == len(self.room.rows(tables.audit)) == len(done)
        assert {row.id for row in notices if row.state == "done"} == set(self.composed)
        assert len(self.room.rows(tables.outbox)) == 2 * len(self.composed)
        waiting = {row.inbox_id for row in self.room.rows(tables.inbox_hash)}
        assert not waiting & done

    def teardown(self) -> None:
        """When everybody else is gone, one worker finishes all that was ever accepted."""
        self.room.pass_time(LEASE_SECONDS + 1)
        self.now += timedelta(hours=5)
        last = self.room.worker("last")
        while self.room.index():
            pass
        while (mail := last.claim_mail(self.now)) is not None:
            self._is_next(mail.id)
            self.it_composes(self.it_decides((last, mail)))
        while (notice := last.claim_notice(self.now)) is not None:
            self.it_composes((last, notice))
        assert sorted(self.decided) == sorted(self.accepted)
        assert len(self.composed) == len(self.accepted)
        self.the_books_are_right()


@pytest.fixture(scope="module", autouse=True)
def queues() -> Any:
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        room = Storeroom.build(Path(folder))
        room.hurry()
        room.control_leases(patch)
        Queues.room = room
        yield
        room.database.close()


# A failure is shown as it was found: making it smaller takes longer than a test may.
Queues.TestCase.settings = settings(
    max_examples=30, stateful_step_count=25, phases=[Phase.explicit, Phase.generate], report_multiple_bugs=False
)
TestQueues: Any = Queues.TestCase
