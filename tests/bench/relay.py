"""A report's way from the inbox to the relays in the outbox.

A plain one: the CPU time of our own processes (the worker and its caged parsers; gpg's not) against one
`BytesParser(policy.SMTP)` of that mail. An encrypted and signed one: wall time against gpg called bare with the same
options and keyring, one decrypt, one sign and encrypt, and one signature for the acknowledgement.
"""

import email.parser
import email.policy
import itertools
import sqlite3
import statistics
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from unittest import mock

from mailbot.app import CurrentSettings, Scratch, open_gpg, open_store, utc_now
from mailbot.cage.client import CagedParser
from mailbot.mail.envelope import Envelope
from mailbot.mail.templates import Templates, packaged_templates
from mailbot.openpgp.gpg import Gpg
from mailbot.service.notices import Composer
from mailbot.service.pipeline import Pipeline
from mailbot.storage.intake import store_mails
from mailbot.storage.seal import load_sealer
from mailbot.storage.store import Store
from tests.bench import mails
from tests.bench.installation import Installation, installed, serving, wait_until
from tests.bench.measure import Row, cpu_seconds, in_turns, show

PLAIN_MAILS = 40
"""Per measurement, because CPU time is counted in steps of 10 ms."""
PARSES = 100
ENCRYPTED_MAILS = 3

_numbers = itertools.count(1)


def run(pairs: int) -> None:
    plain(pairs)
    rows = []
    for count in (10, 50):
        rows += encrypted(pairs, count, "together", 1.15)
    for count in (10, 50):
        rows += encrypted(pairs, count, "each", 0.55)
    rows += encrypted(pairs, 10, "each", 0.25, ("rsa4096", "rsa4096"), ", RSA-4096")
    show("encrypted and signed report, one at a time, wall per report against bare gpg", rows)
    print("against schleuder: not measured, it is not installed here", flush=True)


# Plain


def plain(pairs: int) -> None:
    shares: list[tuple[float, float]] = []
    with installed(members=10) as made, serving(made, ["listener", "worker"]) as pid:
        queue = sqlite3.connect(made.settings.storage.database.removeprefix("sqlite:///"))
        processes = made.children(pid)

        def ours() -> float:
            processes.update(made.children(pid))
            before = [sum(map(cpu_seconds, processes.get(role, []))) for role in ("worker", "cage")]
            batch = [(number, mails.plain(number)) for number in itertools.islice(_numbers, PLAIN_MAILS)]
            mails.hand_in(made.port, batch)
            wait_until(lambda: _idle(queue), every=0.02)
            after = [sum(map(cpu_seconds, processes.get(role, []))) for role in ("worker", "cage")]
            worker, cage = ((end - start) * 1000 / PLAIN_MAILS for start, end in zip(before, after, strict=True))
            shares.append((worker, cage))
            return worker + cage

        ours()
        shares.clear()
        reads: list[float] = []

        def reference() -> float:
            parse, read = _parse_cpu(mails.plain(next(_numbers)))
            reads.append(read)
            return parse

        taken = in_turns(pairs, reference, ours)
        rows = queue.execute("SELECT kind, count(*) FROM outbox GROUP BY kind ORDER BY kind").fetchall()
        queue.close()
    show(
        "plain report of 20 KB to 10 members, CPU of our own processes, against one BytesParser(policy.SMTP)",
        [Row("its parse alone", *taken, "ms", 2), Row("its header fields read too", taken[0], reads, "ms", 2)],
    )
    worker, cage = (statistics.median(column) for column in zip(*shares, strict=True))
    print(f"worker {worker:.2f} ms, cage {cage:.2f} ms; in the outbox: {dict(rows)}", flush=True)


def _idle(queue: sqlite3.Connection) -> bool:
    waiting = (
        "SELECT (SELECT count(*) FROM inbox WHERE state = 'new') + (SELECT count(*) FROM notice WHERE state = 'new')"
    )
    return bool(queue.execute(waiting).fetchone() == (0,))


def _parse_cpu(raw: bytes) -> tuple[float, float]:
    """Milliseconds of one parse, which reads no field, and of one with every header field read."""
    start = time.process_time()
    for _ in range(PARSES):
        email.parser.BytesParser(policy=email.policy.SMTP).parsebytes(raw)
    parsed = time.process_time()
    for _ in range(PARSES):
        mail = email.parser.BytesParser(policy=email.policy.SMTP).parsebytes(raw)
        mail.items()
    return (parsed - start) * 1000 / PARSES, (time.process_time() - parsed) * 1000 / PARSES


# Encrypted


@dataclass(frozen=True)
class Bench:
    """A worker in this process, on a real database, with a real cage and gpg."""

    made: Installation
    store: Store
    gpg: Gpg
    pipeline: Pipeline

    def accept(self, raw: bytes, number: int) -> None:
        sealer = load_sealer(self.made.settings.storage.seal_key_file)
        envelope = Envelope(mails.sender(number), ("security@example.org",), utc_now(), "127.0.0.1")
        with self.store.database.write() as connection:
            store_mails(connection, [envelope], [sealer.seal(envelope.to_bytes(), raw)])

    def relays(self, raw: bytes) -> tuple[float, float]:
        """Milliseconds until the relays of one report are in the outbox, and until the acknowledgement is too."""
        self.accept(raw, next(_numbers))
        finished: list[float] = []
        finish = self.store.finish_notice

        def timed(*args: Any) -> None:
            finish(*args)
            finished.append(time.perf_counter())

        with mock.patch.object(self.store, "finish_notice", timed):
            start = time.perf_counter()
            assert self.pipeline.run_once()
        relayed, acknowledged = finished
        return (relayed - start) * 1000, (acknowledged - start) * 1000


@contextmanager
def bench(made: Installation) -> Iterator[Bench]:
    settings, scratch = made.settings, Scratch()
    store, gpg, parser = open_store(settings), open_gpg(settings, scratch.path), CagedParser()
    try:
        gpg.load(*store.keys())
        composer = Composer(store, gpg, Templates(packaged_templates()))
        yield Bench(made, store, gpg, Pipeline(CurrentSettings(settings), store, parser, gpg, composer, utc_now))
    finally:
        parser.close()
        gpg.close()
        scratch.close()
        store.database.close()


def encrypted(
    pairs: int, count: int, how: str, reach: float, algorithm: tuple[str, str] = ("ed25519", "cv25519"), note: str = ""
) -> list[Row]:
    """Rows for `count` members: until the relays are there, and until the acknowledgement is there as well."""
    with (
        installed(members=count, encrypt=how, group_algorithm=algorithm) as made,
        bench(made) as worker,
    ):
        calls = Bare(worker.gpg, made)
        groups = [list(made.members)] if how == "together" else [[one] for one in made.members]
        ours: list[tuple[float, float]] = []
        theirs: list[tuple[float, float]] = []
        worker.relays(mails.encrypted(next(_numbers), made.people))
        for _ in range(pairs):
            for _ in range(ENCRYPTED_MAILS if how == "together" else 1):
                raw = mails.encrypted(next(_numbers), made.people)
                theirs.append(calls.measure(raw, groups))
                ours.append(worker.relays(raw))
    name = f"{count} members, {how}{note}"
    return [
        Row(f"{name}: relays", [one[0] for one in ours], [one[0] for one in theirs], "ms", reach),
        Row(f"{name}: and ack", [one[1] for one in ours], [one[1] for one in theirs], "ms", reach),
    ]


class Bare:
    """gpg as the library calls it, without the library: its output is read whole and thrown away."""

    def __init__(self, gpg: Gpg, made: Installation) -> None:
        self._gpg = gpg
        with gpg._keyrings.current() as ring:
            self._options = ring.options
        signer = made.group.fingerprints["group"]
        self._signing = ["--digest-algo", "SHA512", "--local-user", signer, "--armor"]

    def measure(self, raw: bytes, groups: list[list[str]]) -> tuple[float, float]:
        """Milliseconds for one decrypt and one sign-and-encrypt per group; and with a signature more."""
        armored = raw[raw.index(b"-----BEGIN PGP MESSAGE") : raw.index(b"--b--")]
        call = self._call
        start = time.perf_counter()
        inside = call(["--decrypt"], armored)()
        original = inside + raw
        for group in groups:
            to = [word for one in group for word in ("--recipient", one)]
            call(["--sign", *self._signing, "--encrypt", *to], original)()
        relayed = time.perf_counter()
        call([*self._signing, "--detach-sign"], b"Your report is EX-1.\r\n" * 60)()
        return (relayed - start) * 1000, (time.perf_counter() - start) * 1000

    def _call(self, command: list[str], data: bytes) -> Callable[[], bytes]:
        arguments = self._gpg._gnupg.command([*self._options, *command])
        # A signer whose key is not known makes gpg exit with 2 after a good decryption.
        return lambda: subprocess.run(arguments, input=data, capture_output=True, check=False).stdout
