"""``mailbot init``: a directory that is ready to serve."""

import argparse
import os
import sys
from pathlib import Path

from mailbot.errors import UsageError

KEY_LIFETIME = "2y"
"""The group key's: long enough not to be a chore, short enough that a lost key ends. `check` warns in time."""

CONFIG = """\
# mailbot's config. Every key is explained in config.example.toml and docs/operator.md.
# Paths are relative to this file. After a change: mailbot check, then kill -HUP the running bot.

[group]
name = "{name}"
id_prefix = "{prefix}"
address = "{address}"

[listener]
host = "127.0.0.1"
port = 8025

[delivery]
host = "127.0.0.1"
port = 25

[storage]
database = "sqlite:///mailbot.db"
seal_key_file = "seal.key"

[openpgp]
home = "gnupg"
key = "{fingerprint}"
{extra}
# Who gets mail when the first answer is overdue; id and times only.
# [[slo.escalation]]
# after = "0s"
# to = ["escalation@example.org"]

# One table per member; then: mailbot key import THEIR-KEY.asc
# [[member]]
# id = "alice"
# name = "Alice Example"
# email = "alice@members.example"
# fingerprint = "FULL FINGERPRINT"
# oncall = true
"""

OPTIONAL = """
# For members who have no OpenPGP. What it costs: a report that came in clear is relayed to them in clear, and whoever
# reads mail on its way to them reads it too. What came encrypted they get as a notice only.
[relay]
keyless = "plain"

[commands]
auth = "confirm"
"""


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser(
        "init",
        help="make a new installation",
        description="Write a config, the group's key pair, the seal key and the database into a directory.",
        epilog="example: mailbot init /etc/mailbot --address security@example.org --prefix EX",
    )
    parser.add_argument("directory", nargs="?", type=Path, default=Path(), metavar="DIR", help="default: here")
    parser.add_argument("--name", help="the group's name, as people see it")
    parser.add_argument("--address", help="the one public address, such as security@example.org")
    parser.add_argument("--prefix", help="of issue ids, such as EX for EX-42")
    parser.add_argument(
        "--openpgp", choices=("required", "optional"), default="required",
        help="optional: also for members who have no OpenPGP; says what that costs (default: required)",
    )  # fmt: skip
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    from mailbot.app import open_database
    from mailbot.config import load
    from mailbot.openpgp.keys import generate
    from mailbot.openpgp.process import stop_agent
    from mailbot.storage import seal

    directory: Path = options.directory
    name = options.name or _ask("The group's name", "Example Security Response Group", "--name")
    address = options.address or _ask("Its public address", "security@example.org", "--address")
    prefix = options.prefix or _ask("Prefix of issue ids", "EX", "--prefix")
    config = directory / "mailbot.toml"
    for path in (config, directory / "seal.key", directory / "gnupg", directory / "mailbot.db"):
        if path.exists():
            raise UsageError(f"{path} exists already; nothing was written. Choose another directory, or remove it")
    text = CONFIG.format(
        name=_quoted(name), prefix=_quoted(prefix), address=_quoted(address), fingerprint="0" * 40,
        extra=OPTIONAL if options.openpgp == "optional" else "",
    )  # fmt: skip
    _check(text, config)
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    fingerprint = generate(directory / "gnupg", name, address, KEY_LIFETIME)
    seal.generate(directory / "seal.key")
    with os.fdopen(os.open(config, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text.replace("0" * 40, fingerprint))
    settings = load(config)
    open_database(settings).close()
    stop_agent(settings.openpgp.home)
    _say_next(directory, config, settings.group.address, settings.group.domain, fingerprint, options.openpgp)
    return 0


def _check(text: str, config: Path) -> None:
    """Refuse bad values before anything is written."""
    import tempfile

    from mailbot.config import load
    from mailbot.errors import ConfigError

    with tempfile.TemporaryDirectory() as folder:
        trial = Path(folder) / "mailbot.toml"
        trial.write_text(text, encoding="utf-8")
        try:
            load(trial)
        except ConfigError as error:
            raise UsageError(str(error).replace(str(trial), str(config))) from None


def _quoted(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"')


def _ask(question: str, default: str, flag: str) -> str:
    if not sys.stdin.isatty():
        raise UsageError(f"{flag} is missing, and there is no terminal to ask at")
    return input(f"{question} [{default}]: ").strip() or default


def _say_next(directory: Path, config: Path, address: str, domain: str, fingerprint: str, openpgp: str) -> None:
    local = address.split("@", 1)[0]
    print(f"""\
Made in {directory}: mailbot.toml, gnupg/ (the group's key), seal.key, mailbot.db

The group's key: {fingerprint}
  It expires in two years, and `mailbot check` warns in time. It has no passphrase: whoever reads gnupg/ has it.
  Publish it: mailbot --config {config} key export
seal.key opens everything stored. Keep a copy of it and of gnupg/ apart from the database's backups; without
  it nothing can be read again.

Next
  1. Add a [[member]] table for everybody to {config}, and: mailbot --config {config} key import FILE
  2. DNS: an MX record for {domain} that points to your mail server.
  3. Mail server: hand mail for {address} and {local}+anything@{domain} to 127.0.0.1 port 8025
     (Postfix: recipient_delimiter = +, and a transport map), and accept mail from this machine on port 25.
     SPF and DKIM for {domain} belong there too.
  4. mailbot --config {config} check
  5. mailbot --config {config} serve""")
    if openpgp == "optional":
        print("""
Members without OpenPGP: reports that came in clear go to them in clear (relay.keyless = "plain"), and whoever reads
their mail on its way reads the report. Their commands need a confirmation each (commands.auth = "confirm").""")
