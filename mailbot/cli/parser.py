"""The command line as a whole: every noun adds its commands; rooms below are imported only by the command that runs."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from mailbot import __version__
from mailbot.cli import audit, check, db, demo, init, issue, key, member, queue, serve
from mailbot.errors import ConfigError, MailbotError, UsageError

NOUNS = (init, check, serve, demo, issue, member, key, queue, db, audit)

EPILOG = """\
examples:
  mailbot demo                        see the whole story on this machine, touching nothing
  mailbot init /etc/mailbot --name "Example Security" --address security@example.org --prefix EX
  mailbot --config /etc/mailbot/mailbot.toml check
  mailbot --config /etc/mailbot/mailbot.toml serve
  mailbot issue list open             what is open
"""


def build() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="mailbot",
        description="An email-driven intake bot for security response groups.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"mailbot {__version__}")
    parser.add_argument(
        "--config",
        metavar="FILE",
        type=Path,
        default=Path("mailbot.toml"),
        help="the config file (default: mailbot.toml)",
    )
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", dest="command", required=True)
    for noun in NOUNS:
        noun.add(commands)
    return parser


def run(arguments: Sequence[str]) -> int:
    """Run one command line. Returns the exit code."""
    options = build().parse_args(arguments)
    try:
        return int(options.run(options))
    except (ConfigError, UsageError) as error:
        sys.stderr.write(f"mailbot: {error}\n")
        return 2
    except MailbotError as error:
        sys.stderr.write(f"mailbot: {error}\n")
        return 1
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # The reader (head, less) went away; point stdout elsewhere so that the interpreter's flush does not complain.
        sys.stdout = open("/dev/null", "w", encoding="ascii")  # noqa: SIM115
        return 1
