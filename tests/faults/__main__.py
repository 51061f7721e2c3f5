"""``python -m tests.faults [--seconds N] [--seed S] [--keep]``: random faults under load, and what came of it.

Exit code 1 if anything was lost or handled twice; `--keep` leaves the bot's directory to look into.
"""

import argparse
import random
import shutil
import sys
import tempfile
from pathlib import Path

from tests.faults.chaos import EXTRA, Chaos
from tests.faults.scene import scene
from tests.openpgp_keys import laboratory


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description="Random faults under load.")
    parser.add_argument("--seconds", type=float, default=60.0, help="how long faults happen (default 60)")
    parser.add_argument("--seed", type=int, default=random.randrange(10**6), help="for the same choices again")
    parser.add_argument("--keep", action="store_true", help="leave the bot's directory")
    options = parser.parse_args()
    directory = Path(tempfile.mkdtemp(prefix="mb-"))
    try:
        with laboratory() as lab, scene(directory, lab, extra=EXTRA) as made:
            summary = Chaos(made, options.seed).run(options.seconds)
            print(summary)
            return 1 if summary.complaints else 0
    finally:
        if options.keep:
            print(f"kept: {directory}")
        else:
            shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
