"""Durable accept of 20 KB mails: `mailbot serve --role listener` against Postfix into its hold queue on the same disk.

A 250 of either means that the mail is fsynced. Then the same listener with every fsync slowed down, against itself with
a commit per mail.
"""

import statistics
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.bench import postfix, slow_sync
from tests.bench.installation import installed, serving
from tests.bench.measure import Row, show
from tests.bench.server import Run, Shape, load

SHAPES = (
    ("50 sessions, one listener", Shape(sessions=50), 1, 0.8),
    ("10 sessions, one listener", Shape(sessions=10), 1, 0.55),
    ("50 sessions, two listeners", Shape(sessions=50), 2, 1.1),
)


def run(pairs: int) -> None:
    try:
        with postfix.running(Path(tempfile.gettempdir())) as reference:
            against_postfix(reference, pairs)
    except postfix.Unavailable as reason:
        print(f"\ndurable accept against Postfix: not measured. {reason}", file=sys.stderr)
    try:
        with_slow_syncs(pairs)
    except slow_sync.Unavailable as reason:
        print(f"\ndurable accept with slow fsyncs: not measured. {reason}", file=sys.stderr)


def against_postfix(reference: postfix.Postfix, pairs: int) -> None:
    rows, details = [], []
    for name, shape, processes, reach in SHAPES:
        ours: list[Run] = []
        theirs: list[Run] = []
        with installed(members=0, processes=processes) as made, serving(made, ["listener"]) as pid:
            for _ in range(pairs):
                theirs.append(load(reference.port, shape))
                reference.clear()
                ours.append(load(made.port, shape, pid))
        rows.append(Row(name, _rates(ours), _rates(theirs), "mails/s", reach, more=True))
        details.append(
            f"{name}: CPU {statistics.median(one.cpu for one in ours) * 1000:.2f} ms a mail, longest wait for a 250"
            f" {max(one.worst for one in ours) * 1000:.0f} ms (Postfix {max(one.worst for one in theirs) * 1000:.0f})"
        )
    show("durable accept, 20 KB mails, against Postfix into its hold queue", rows)
    print("\n".join(details), flush=True)


def with_slow_syncs(pairs: int) -> None:
    shape = Shape(sessions=50)
    rates: dict[int, list[float]] = {200: [], 1: []}
    syncs: dict[int, list[float]] = {200: [], 1: []}
    with (
        installed(members=0) as ours,
        installed(members=0) as theirs,
        slow_sync.listening(ours, 200) as many,
        slow_sync.listening(theirs, 1) as one,
    ):
        for _ in range(pairs):
            for batch, listener in ((1, one), (200, many)):
                run_, per_mail = listener.load(shape)
                rates[batch].append(run_.rate)
                syncs[batch].append(per_mail)
    show(
        f"durable accept, 50 sessions, every fsync {slow_sync.DELAY_MICROSECONDS // 1000} ms slower, against a commit"
        " per mail",
        [
            Row("accept", rates[200], rates[1], "mails/s", 7, more=True),
            Row("syncs per mail", syncs[200], syncs[1], "", None),
        ],
    )
    print(f"syncs per mail: {statistics.median(syncs[200]):.3f} (to reach: at most 0.2)", flush=True)


def _rates(runs: Sequence[Run]) -> list[float]:
    return [run.rate for run in runs]
