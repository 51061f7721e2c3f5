"""The command line as a whole: the nouns that stand in it add their commands, and nothing else is imported."""

import argparse
import sys
from collections.abc import Collection, Sequence
from importlib import import_module

from mailbot import __version__
from mailbot.errors import ConfigError, MailbotError, UsageError

NOUNS = {
    "init": "make a new installation",
    "check": "say what is wrong, and how to mend it",
    "health": "say whether the bot does its work",
    "serve": "run the bot until SIGTERM",
    "demo": "play the whole story here, and show what everybody gets",
    "issue": "look at issues, and do what members do",
    "clocks": "every running clock, next firing first",
    "member": "the members and the state of their keys",
    "key": "public keys: list, import, and the group's to give away",
    "queue": "mails that came in and mails that go out",
    "db": "the database's schema",
    "audit": "verify the log of changes",
    "backup": "write config, database and public keys to a file",
    "restore": "unpack a backup, and say what to lay beside it",
}
"""The modules of this package that are commands, and the line for each, so that the list needs none of them."""

EPILOG = """\
examples:
  mailbot demo                                       see the whole story, here
  mailbot init /etc/mailbot                          asks for name and address
  mailbot --config /etc/mailbot/mailbot.toml check
  mailbot --config /etc/mailbot/mailbot.toml serve
  mailbot issue list open                            what is open
"""


def build(words: Collection[str] = tuple(NOUNS)) -> argparse.ArgumentParser:
    """The parser of a command line that holds `words`: complete for the nouns among them, the others only listed."""
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
        type=_path,
        default="mailbot.toml",
        help="the config file (default: mailbot.toml)",
    )
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", dest="command", required=True)
    for noun, line in NOUNS.items():
        if noun in words:
            import_module(f"mailbot.cli.{noun}").add(commands)
        else:
            commands.add_parser(noun, help=line)
    return parser


def _path(text: str) -> object:
    # Here, because the listing of commands needs no path, and pathlib takes a fifth of its time.
    from pathlib import Path

    return Path(text)


def run(arguments: Sequence[str]) -> int:
    """Run one command line. Returns the exit code."""
    options = build(arguments).parse_args(arguments)
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
