"""``python -m tests.bench``: the one entry to all benchmarks."""

import argparse
import importlib
import sys

BENCHMARKS = {
    "accept": "durable accept against Postfix into its hold queue; with slow fsyncs against a commit per mail",
    "relay": "from the inbox to the relays in the outbox: CPU against one parse, wall against bare gpg",
    "start": "serve until its first 220 and 250 against importing sqlalchemy.orm; --help against a bare Python",
    "memory": "a 25 MB attachment: peak memory of each process against the wire, longest stall of the event loop",
    "scale": "scheduler ticks with a million open clocks; issue list and show with 100,000 issues",
    "listener": "CPU per mail of the listener alone against stock aiosmtpd",
    "delivery": "how fast mail leaves, against aiosmtplib's own sendmail",
    "openpgp": "what going through mailbot.openpgp costs beside bare gpg",
    "parsing": "what taking a mail apart costs, against email.parser",
}


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench",
        description="Measure mailbot against references in the same run, in interleaved pairs.",
        epilog="benchmarks:\n" + "\n".join(f"  {name:10} {what}" for name, what in BENCHMARKS.items()),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("name", nargs="*", metavar="NAME", help="which ones, in this order (all, if none is named)")
    parser.add_argument(
        "--pairs", type=int, default=5, metavar="N", help="pairs per row (default 5; more decide better)"
    )
    options = parser.parse_args()
    unknown = [name for name in options.name if name not in BENCHMARKS]
    if unknown:
        parser.error(f"no benchmark {', '.join(unknown)}; there are: {', '.join(BENCHMARKS)}")
    if options.pairs < 1:
        parser.error("--pairs must be at least 1")
    for name in options.name or BENCHMARKS:
        importlib.import_module(f"tests.bench.{name}").run(options.pairs)
    return 0


if __name__ == "__main__":
    sys.exit(main())
