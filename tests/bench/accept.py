"""Durable accept against Postfix into its hold queue, on the same disk, run by run in turns.

    python -m tests.bench.accept --port PORT --directory DIR [--sessions N] [--pairs N] [--seconds S] [--pipelining]
                                 -- COMMAND...

COMMAND starts the server, which must listen on PORT of loopback, take mail for security@example.org and end on SIGTERM.
DIR is where Postfix has its queue; for a fair comparison it is on the disk that the server stores to. As root, with
Postfix installed.
"""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.bench import postfix
from tests.bench.server import HEADER, Run, Shape, load, machine, row, serving, spread

_STEADY = 1.5
"""A reference that spreads more than this between its own runs decides nothing."""


@dataclass(frozen=True)
class Comparison:
    ours: list[Run]
    reference: list[Run]

    @property
    def decides(self) -> bool:
        return spread([run.rate for run in self.reference]) <= _STEADY

    def table(self, shape: Shape) -> str:
        lines = [
            f"durable accept, {shape.size:,} bytes, {shape.sessions} sessions, "
            f"{'with' if shape.pipelining else 'without'} pipelining, {len(self.ours)} pairs of {shape.seconds:g} s",
            HEADER,
            row("mailbot", self.ours, self.reference),
            row("Postfix", self.reference, self.reference),
            machine(),
        ]
        if not self.decides:
            lines.append(f"Postfix itself spread over {_STEADY} times: this run decides nothing.")
        return "\n".join(lines)


def compare(command: Sequence[str], port: int, directory: Path, shape: Shape, pairs: int = 5) -> Comparison:
    """Run server and Postfix side by side, loading one at a time. Raises `postfix.Unavailable`, `RuntimeError`."""
    comparison = Comparison([], [])
    with postfix.running(directory) as reference, serving(command, port) as pid:
        for _ in range(pairs):
            comparison.reference.append(load(reference.port, shape))
            reference.clear()
            comparison.ours.append(load(port, shape, pid))
    return comparison


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench.accept", description="Durable accept against Postfix into its hold queue."
    )
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--directory", type=Path, required=True)
    parser.add_argument("--sessions", type=int, default=50)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--pipelining", action="store_true")
    parser.add_argument("command", nargs="+")
    options = parser.parse_args()
    shape = Shape(sessions=options.sessions, seconds=options.seconds, pipelining=options.pipelining)
    try:
        comparison = compare(options.command, options.port, options.directory, shape, options.pairs)
    except (postfix.Unavailable, RuntimeError) as error:
        print(error, file=sys.stderr)
        return 1
    print(comparison.table(shape))
    return 0


if __name__ == "__main__":
    sys.exit(main())
