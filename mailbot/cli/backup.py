"""``mailbot backup``: one file with everything but the secrets."""

import argparse
from pathlib import Path

from mailbot.errors import UsageError


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser(
        "backup",
        help="write config, database and public keys to a file",
        description="Write the config, the database and the public keys to one file, also while the bot runs. The seal "
        "key and the group's secret key are not in it: keep copies of those elsewhere.",
        epilog="example: mailbot backup /mnt/backups/mailbot-2026-11-24.tar",
    )
    parser.add_argument("file", type=Path, metavar="FILE", help="a new file")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    from mailbot import __version__, backup
    from mailbot.app import open_database, utc_now
    from mailbot.cli.keyring import opened
    from mailbot.config import load
    from mailbot.storage import keys, schema
    from mailbot.storage.seal import load_sealer

    settings = load(options.config)
    database = open_database(settings)
    with opened(settings) as gpg, database.read() as connection:
        public = "\n".join([gpg.group_key(), *keys.armored(connection)])
    about = backup.About(
        made_at=f"{utc_now():%Y-%m-%dT%H:%M:%SZ}", version=__version__, schema=schema.HEAD,
        seal_key=load_sealer(settings.storage.seal_key_file).public_key.hex(), group_key=settings.openpgp.key,
    )  # fmt: skip
    try:
        backup.write(options.file, options.config, database.path, public, about)
    except FileExistsError:
        raise UsageError(f"{options.file} exists already; nothing was written") from None
    except OSError as error:
        raise UsageError(f"{options.file}: cannot be written: {error.strerror}") from None
    print(f"{options.file}: {options.file.stat().st_size:,} bytes; it opens only with {settings.storage.seal_key_file}")
    return 0
