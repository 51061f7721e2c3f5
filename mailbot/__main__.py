"""`python -m mailbot` and the `mailbot` command."""

import sys


def main() -> int:
    """Run the command line. Imports late, so that ``--help`` costs next to nothing."""
    from mailbot.cli.parser import run

    return run(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
