"""The command line: one parser, one module per noun, imported only when its command runs."""

import argparse
from collections.abc import Sequence


def run(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="mailbot")
    parser.parse_args(arguments)
    parser.print_help()
    return 2
