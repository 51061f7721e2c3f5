"""Pairs of measurements in turns, and the table that they become."""

import os
import statistics
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

STEADY = 1.5
"""A reference that spreads more than this between its own runs decides nothing."""
_TICK = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Row:
    """One comparison; `reach` is the ratio to reach: at most so much, or with `more` at least so much."""

    name: str
    ours: Sequence[float]
    reference: Sequence[float]
    unit: str
    reach: float | None = None
    more: bool = False

    @property
    def ratio(self) -> float:
        return statistics.median(self.ours) / statistics.median(self.reference)

    @property
    def verdict(self) -> str:
        if spread(self.reference) > STEADY:
            return "undecided: unsteady reference"
        if self.reach is None:
            return ""
        return "reached" if (self.ratio >= self.reach if self.more else self.ratio <= self.reach) else "missed"


def spread(values: Sequence[float]) -> float:
    return max(values) / min(values)


def in_turns(
    pairs: int, reference: Callable[[], float], ours: Callable[[], float], each: int = 1
) -> tuple[list[float], list[float]]:
    """(ours, reference) of so many pairs, the reference first in each. A pair is the medians of `each` turns: what is
    short is disturbed by everything else that a machine does."""
    taken: tuple[list[float], list[float]] = ([], [])
    for _ in range(pairs):
        turns = [(ours_, reference_) for reference_, ours_ in ((reference(), ours()) for _ in range(each))]
        for column, values in zip(taken, zip(*turns, strict=True), strict=True):
            column.append(statistics.median(values))
    return taken


def show(title: str, rows: Sequence[Row]) -> None:
    """Print a table, with the machine under it."""
    print(f"\n{title}")
    width = max(len(row.name) for row in rows)
    print(f"{'':{width}} {'ours':>10} {'reference':>10} {'':7} {'ratio':>6} {'reach':>8} {'spread':>6}")
    for row in rows:
        ours, reference = (statistics.median(values) for values in (row.ours, row.reference))
        reach = "" if row.reach is None else f"{'>=' if row.more else '<='} {row.reach:g}"
        print(
            f"{row.name:{width}} {ours:10.2f} {reference:10.2f} {row.unit:7} {row.ratio:6.2f} {reach:>8}"
            f" {spread(row.reference):6.2f}  {row.verdict}".rstrip()
        )
    print(f"medians of {len(rows[0].reference)} pairs; {machine()}", flush=True)


def machine() -> str:
    model = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        "unknown CPU",
    )
    return f"{os.cpu_count()} x {model}, Python {sys.version.split()[0]}, load {os.getloadavg()[0]:.1f}"


def cpu_seconds(pid: int) -> float:
    """User and system time of one process, without its children; in steps of 10 ms on most kernels."""
    stat = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(stat[11]) + int(stat[12])) / _TICK


def children(pid: int) -> list[int]:
    """The living children of a process."""
    tasks = Path(f"/proc/{pid}/task")
    return [int(child) for task in tasks.iterdir() for child in (task / "children").read_text().split()]


def family(pid: int) -> list[int]:
    """A process and all its living descendants."""
    return [pid, *(found for child in children(pid) for found in family(child))]
