"""Mail of every kind comes in while whatever can die or fail does, at random; then all must be as if nothing had been.

What is random follows from the seed; what happens does not, because processes and the kernel have their own time.
"""

import contextlib
import os
import random
import resource
import signal
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from mailbot.openpgp.process import stop_agent
from mailbot.supervisor import ROLES
from tests.bot import PATIENCE
from tests.faults.ledger import Entry, Post
from tests.faults.scene import Scene

SENDERS = 4
PAUSE = 0.4
"""Seconds between two faults, on average."""
THINKING = 0.6
"""Seconds between two conversations of a sender, on average."""
EXTRA = """
[ack]
per_hour = 1000000

[slo]
first_response_remind = "3s"
first_response_escalate = "8s"

[[slo.escalation]]
after = "0s"
to = ["escalation@example.org"]
"""


@dataclass
class Summary:
    seed: int
    seconds: float
    accepted: int = 0
    attempts: int = 0
    duplicates: int = 0
    issues: int = 0
    deliveries: int = 0
    repeats: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    complaints: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        faults = ", ".join(f"{count} x {name}" for name, count in sorted(self.faults.items()))
        return "\n".join(
            [
                f"seed {self.seed}, {self.seconds:.0f} s of faults: {faults}",
                f"in: {self.accepted} accepted of {self.attempts} attempts, {self.duplicates} stored more than once",
                f"out: {self.issues} issues, {self.deliveries} deliveries, {self.repeats} of them repeats",
                *(self.complaints or ["nothing lost, nothing handled twice"]),
            ]
        )


class Chaos:
    def __init__(self, scene: Scene, seed: int) -> None:
        self._scene = scene
        self._bot = scene.bot
        self._random = random.Random(seed)
        self._post = Post(scene.lab, f"s{seed}")
        self._over = threading.Event()
        self._failed: list[BaseException] = []
        self._faults: Counter[str] = Counter()
        self._seed = seed
        self._actions: list[tuple[int, str, Callable[[], None]]] = [
            (20, "role killed", self._kill_a_role),
            (3, "all killed", self._kill_all),
            (2, "parent killed", self._kill_the_parent),
            (3, "stopped by SIGTERM", self._stop),
            (4, "role held up", self._hold_a_role_up),
            (4, "agent killed", self._kill_the_agent),
            (6, "parser killed", self._kill_a_parser),
            (3, "disk full", self._fill_the_disk),
            (3, "database locked", self._lock_the_database),
            (10, "smarthost moody", self._spoil_the_smarthost),
            (5, "smarthost healed", self._bot.smarthost.heal),
        ]

    def run(self, seconds: float) -> Summary:
        """Start the bot, let mail and faults come for so long, then see what became of it all."""
        self._start()
        senders = [
            threading.Thread(target=self._send, args=(random.Random(self._random.random()),)) for _ in range(SENDERS)
        ]
        for sender in senders:
            sender.start()
        began = time.monotonic()
        try:
            while time.monotonic() - began < seconds and not self._failed:
                self._over.wait(self._random.expovariate(1 / PAUSE))
                weights = [weight for weight, _, _ in self._actions]
                ((_, name, action),) = self._random.choices(self._actions, weights)
                self._faults[name] += 1
                action()
        finally:
            self._over.set()
            self._bot.smarthost.heal()
            for sender in senders:
                sender.join()
        if self._failed:
            raise self._failed[0]
        self._scene.settle(impatient=True)
        # Every first response has its say, and what it says arrives.
        self._scene.wait(self._all_clocks_fired, "the clocks")
        self._scene.settle(impatient=True)
        return self._summary(seconds)

    def _all_clocks_fired(self) -> bool:
        return self._scene.query(
            "SELECT count(*) FROM clock WHERE name = 'first_response' AND next_at IS NOT NULL"
        ) == [(0,)]

    def _summary(self, seconds: float) -> Summary:
        entries = self._scene.ledger.entries.values()
        (duplicates,), (issues,) = self._scene.query(
            "SELECT count(*) FROM inbox WHERE disposition = 'duplicate' UNION ALL SELECT count(*) FROM issue"
        )
        return Summary(
            self._seed, seconds, sum(entry.accepted for entry in entries), sum(entry.attempts for entry in entries),
            duplicates, issues, len(self._bot.smarthost.mails), self._scene.books.repeats, self._faults,
            self._scene.books.complaints(),
        )  # fmt: skip

    # Mail

    def _send(self, choice: random.Random) -> None:
        """A sender hands in one conversation after the other, each mail until it got its 250."""
        try:
            for number in range(1_000_000):
                if self._over.is_set():
                    return
                name = self._post.address(f"r{threading.get_ident()}.{number}")
                for mail in self._conversation(choice, name):
                    self._scene.ledger.hand_in(mail)
                self._over.wait(choice.expovariate(1 / THINKING))
        except BaseException as error:  # noqa: BLE001 - it ends the run, which raises it
            self._failed.append(error)

    def _conversation(self, choice: random.Random, name: str) -> Iterator[Entry]:
        post = self._post
        match choice.randrange(12):
            case 0 | 1:
                yield post.plain(name)
            case 2 | 3:
                yield post.encrypted(name)
            case 4 | 5:
                first = post.plain(name)
                yield first
                for _ in range(choice.randint(1, 3)):
                    yield post.follow_up(first)
                yield post.note(first)
            case 6:
                yield post.plain(name)
                yield post.encrypted(name)
            case 7:
                again = post.plain(name)
                yield again
                yield again
            case 8:
                yield post.key_request(name)
            case 9:
                yield post.automatic(name)
            case 10:
                yield post.unreadable(name)
                yield post.bounce(name)
            case _:
                yield post.large(name)

    # Faults

    def _start(self) -> None:
        self._bot.start()
        self._scene.ledger.port = self._bot.port

    def _role(self) -> int | None:
        found = [pid for role in ROLES for pid in self._bot.processes(role)]
        return self._random.choice(sorted(found)) if found else None

    def _kill_a_role(self) -> None:
        if (pid := self._role()) is not None:
            _signal(pid, signal.SIGKILL)

    def _kill_all(self) -> None:
        self._bot.kill()
        self._start()

    def _kill_the_parent(self) -> None:
        """The roles see it and end by themselves, while the next bot already works."""
        assert self._bot.process is not None
        self._bot.process.kill()
        self._bot.reap()
        self._start()

    def _stop(self) -> None:
        assert self._bot.stop() == 0
        self._start()

    def _hold_a_role_up(self) -> None:
        if (pid := self._role()) is not None:
            _signal(pid, signal.SIGSTOP)
            self._over.wait(self._random.uniform(0.2, 2.0))
            _signal(pid, signal.SIGCONT)

    def _kill_the_agent(self) -> None:
        stop_agent(self._bot.installation.settings.openpgp.home)

    def _kill_a_parser(self) -> None:
        """And whatever else a worker has started just now: gpg."""
        children = [child for pid in self._bot.processes("worker") for child in _children(pid)]
        if children:
            _signal(self._random.choice(sorted(children)), signal.SIGKILL)

    def _fill_the_disk(self) -> None:
        with full_disk([pid for role in ROLES for pid in self._bot.processes(role)]):
            self._over.wait(self._random.uniform(0.2, 1.5))

    def _lock_the_database(self) -> None:
        with closing(sqlite3.connect(self._scene.database, isolation_level=None, timeout=PATIENCE)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            self._over.wait(self._random.uniform(0.2, 1.5))
            connection.execute("ROLLBACK")

    def _spoil_the_smarthost(self) -> None:
        stage = self._random.choice(["connect", "MAIL", "RCPT", "DATA", "content"])
        times = self._random.randint(1, 8)
        match self._random.randrange(3):
            case 0:
                self._bot.smarthost.on(stage, drop=True, times=times)
            case 1:
                self._bot.smarthost.on(stage, reply="451 4.3.0 later", times=times)
            case _:
                self._bot.smarthost.on(stage, reply="421 4.3.2 not now", drop=True, times=times)


@contextmanager
def full_disk(processes: list[int]) -> Iterator[None]:
    """These processes can write to no file, as if there were no room."""
    before: dict[int, tuple[int, int]] = {}
    for pid in processes:
        with contextlib.suppress(ProcessLookupError):
            before[pid] = resource.prlimit(pid, resource.RLIMIT_FSIZE)
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (0, before[pid][1]))
    try:
        yield
    finally:
        for pid, limits in before.items():
            with contextlib.suppress(ProcessLookupError):
                resource.prlimit(pid, resource.RLIMIT_FSIZE, limits)


def _signal(pid: int, number: int) -> None:
    # It may have ended since we looked.
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def _children(pid: int) -> list[int]:
    found = []
    for path in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            found += [int(word) for word in path.read_text().split()]
    return found
