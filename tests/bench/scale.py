"""What a large store costs beside a small one: the scheduler's tick, `issue list` and `issue show`.

The rows are copies of one real issue and its clock, multiplied inside the database, so that everything opens.
"""

import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial

from mailbot.app import CurrentSettings, open_store, open_vault, utc_now
from mailbot.domain import clocks, plans
from mailbot.service.occasion import calendar, policy
from mailbot.service.store import NewIssue
from mailbot.service.ticks import Ticks
from mailbot.storage.leadership import Leadership
from mailbot.storage.listings import Listings
from mailbot.storage.store import Store
from tests.bench.installation import Installation, installed
from tests.bench.measure import Row, in_turns, show
from tests.twins import FakeOpenPGP

CLOCKS_AN_ISSUE = 4
DUE = 100
FILTERS = (None, "open", "mine", "overdue", "due", "unclaimed")
_COPY_ISSUES = """\
INSERT INTO issue (id, wrapped_key, status, encrypted, drill, opened_at, sealed)
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
SELECT i + 1, wrapped_key, status, encrypted, drill, opened_at, sealed FROM issue, n WHERE id = 1"""
_COPY_CLOCKS = """\
INSERT INTO clock (issue_id, name, state, started_at, due_at, next_at, plan, fired)
SELECT issue.id, name, state, started_at, due_at + issue.id * 1000000, next_at + issue.id * 1000000 + ?, plan, fired
FROM issue, clock WHERE clock.id = 1 AND NOT (issue.id = 1 AND ? = 0)"""


@dataclass(frozen=True)
class Large:
    made: Installation
    store: Store

    def tick(self) -> None:
        """What the scheduler does each second."""
        if Leadership(self.store.database, "scheduler").hold():
            Ticks(CurrentSettings(self.made.settings), self.store, FakeOpenPGP(), utc_now).fire_due_clocks()

    def make_due(self, count: int) -> None:
        """The first firing of clocks all over the store becomes due now."""
        with self.store.database.write() as connection:
            connection.exec_driver_sql(
                "UPDATE clock SET next_at = ? WHERE id IN (SELECT id FROM clock WHERE fired = 0 ORDER BY id LIMIT ?)",
                (int((datetime.now(UTC) - timedelta(seconds=1)).timestamp() * 1e6), count),
            )


def run(pairs: int) -> None:
    with stored(1_000_000 // CLOCKS_AN_ISSUE, CLOCKS_AN_ISSUE) as large, stored(250, CLOCKS_AN_ISSUE) as small:
        ticks(large, small, pairs)
    with stored(100_000, 1, mostly_closed=True) as large, stored(100, 1, mostly_closed=True) as small:
        listings(large, small, pairs)


def ticks(large: Large, small: Large, pairs: int) -> None:
    for one in (large, small):
        one.tick()
    idle = in_turns(pairs, lambda: _timed(small.tick), lambda: _timed(large.tick), each=20)
    busy: tuple[list[float], list[float]] = ([], [])
    for _ in range(min(pairs, 2)):
        # Each round takes other clocks, and a small store holds a thousand.
        for one, times in ((small, busy[1]), (large, busy[0])):
            one.make_due(DUE)
            times.append(_timed(one.tick))
    show(
        "one tick of the scheduler with 1,000,000 open clocks, against 1,000 (wall)",
        [Row("none due", *idle, "ms", 1.5), Row(f"{DUE} due", *busy, "ms", 3)],
    )


def listings(large: Large, small: Large, pairs: int) -> None:
    rows = []
    with _reading(large) as of_large, _reading(small) as of_small:
        for word in FILTERS:
            calls = [partial(one.issues, word, 2, utc_now()) for one in (of_small, of_large)]
            rows.append(Row(f"list {word or ''}".strip(), *_each(calls, pairs), "ms", 1.5))
        shows = [partial(one.issue, number) for one, number in ((of_small, 50), (of_large, 50_000))]
        rows.append(Row("show", *_each(shows, pairs), "ms", 1.5))
    show("looking at 100,000 issues, against 100: the look-up alone (wall)", rows)
    rows = []
    for words in (("issue", "list"), ("issue", "list", "overdue"), ("issue", "show", "EX-50")):
        taken = in_turns(pairs, partial(_command, small, words), partial(_command, large, words))
        rows.append(Row(" ".join(words), *taken, "ms", 1.5))
    show("the same, whole commands (wall)", rows)


def _each(calls: Sequence[Callable[[], object]], pairs: int) -> tuple[list[float], list[float]]:
    for call in calls:
        call()
    return in_turns(pairs, lambda: _timed(calls[0]), lambda: _timed(calls[1]), each=10)


def _timed(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return (time.perf_counter() - start) * 1000


def _command(one: Large, words: tuple[str, ...]) -> float:
    return _timed(lambda: subprocess.run([*one.made.command, *words], check=True, stdout=subprocess.DEVNULL))


@contextmanager
def _reading(one: Large) -> Iterator[Listings]:
    vault = open_vault(one.made.settings, one.store.database)
    with one.store.database.read() as connection:
        yield Listings(connection, vault, "EX")


@contextmanager
def stored(issues: int, clocks_each: int, mostly_closed: bool = False) -> Iterator[Large]:
    """An installation with so many issues, each with so many running clocks that are due in a day or more."""
    with installed(members=2) as made:
        store = open_store(made.settings)
        _fill(made, store, issues, clocks_each, mostly_closed)
        yield Large(made, store)
        store.database.close()


def _fill(made: Installation, store: Store, issues: int, clocks_each: int, mostly_closed: bool) -> None:
    now = utc_now()
    with store.operate() as unit:
        number = unit.open_issue(NewIssue("Heap overflow", "rita@out.example", "Rita", False, now))
        plan = plans.first_response(policy(made.settings).response, calendar(made.settings), now)
        unit.start_clock(number, clocks.FIRST_RESPONSE, now, plan)
        unit.audit(number, "reporter", "opened", now)
    with store.database.write() as connection:
        one = connection.exec_driver_sql
        if issues > 1:
            one(_COPY_ISSUES, (issues - 1,))
        # Copies lie a second apart, so that the index on their due times has something to sort.
        for copy in range(clocks_each):
            one(_COPY_CLOCKS, (copy, copy))
        if mostly_closed:
            # A store of many years: nearly all is done, of what is open some is late and some belongs to nobody.
            one("UPDATE issue SET status = 'closed', outcome = 'fixed' WHERE id % 10 != 0")
            one("UPDATE clock SET state = 'cancelled', next_at = NULL WHERE issue_id % 10 != 0")
            one("UPDATE clock SET state = 'missed' WHERE issue_id % 50 = 0")
            one("UPDATE issue SET owner = 'alice' WHERE id % 20 = 0")
    with closing(sqlite3.connect(store.database.path)) as raw:
        raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")
