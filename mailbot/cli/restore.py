"""``mailbot restore``: a backup becomes an installation again."""

import argparse
from pathlib import Path

from mailbot.errors import ConfigError, UsageError


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser(
        "restore",
        help="unpack a backup, and say what to lay beside it",
        description="Unpack a backup into a new directory, and say which secrets have to be laid beside it.",
        epilog="example: mailbot restore /mnt/backups/mailbot-2026-11-24.tar /etc/mailbot",
    )
    parser.add_argument("file", type=Path, metavar="FILE", help="made by `mailbot backup`")
    parser.add_argument("directory", type=Path, metavar="DIR", help="a new or an empty directory")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    from mailbot import backup
    from mailbot.config import load

    try:
        about = backup.restore(options.file, options.directory)
    except OSError as error:
        raise UsageError(f"{error.filename or options.file}: {error.strerror}") from None
    config = options.directory / backup.CONFIG
    print(f"{options.directory}: config, database and public keys of {about.made_at}, by mailbot {about.version}\n")
    print("Now lay beside it, from where you keep them:")
    try:
        settings = load(config)
    except ConfigError as error:
        print(f"  (the config cannot be used as it is: {error})")
        print("  the seal key, and the GnuPG home with the group's secret key")
        return 1
    wanted = Path(settings.storage.database.removeprefix("sqlite:///"))
    here = options.directory / backup.DATABASE
    if wanted.resolve() != here.resolve():
        print(f"  {wanted}: move {here} there, or change storage.database")
    print(f"  {settings.storage.seal_key_file} and its .pub: the pair whose public half is {about.seal_key}")
    print(
        f"  {settings.openpgp.home}: the GnuPG home with the secret key {about.group_key}; or an empty directory, mode"
    )
    print("    0700, into which gpg --homedir DIR --import has taken that key's export")
    for path in (settings.openpgp.passphrase_file, settings.delivery.user_file, settings.delivery.password_file):
        if path is not None:
            print(f"  {path}")
    print(
        f"\nThen: mailbot --config {config} check --deep\nMail that waited in the backup is sent when the bot starts, "
        "once more if it had gone out since, with the\nsame Message-ID. Mail accepted after the backup is not in it."
    )
    return 0
