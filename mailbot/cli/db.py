"""``mailbot db``: the database's schema."""

import argparse


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    noun = commands.add_parser("db", help="the database's schema").add_subparsers(
        title="commands", metavar="COMMAND", required=True
    )
    current = noun.add_parser("current", help="show the schema's revision", epilog="example: mailbot db current")
    current.set_defaults(run=run_current)
    upgrade = noun.add_parser(
        "upgrade", help="bring the schema up to date", description="Bring the schema up to date; an older SQLite file "
        "is copied aside first. Every other command does the same by itself.", epilog="example: mailbot db upgrade",
    )  # fmt: skip
    upgrade.set_defaults(run=run_upgrade)


def run_current(options: argparse.Namespace) -> int:
    from mailbot.config import load
    from mailbot.storage import schema
    from mailbot.storage.database import Database

    database = Database(load(options.config).storage.database)
    revision = None
    if database.path.exists():
        with database.read() as connection:
            revision = schema.current(connection)
    print(f"{revision or 'empty'} (newest: {schema.HEAD})")
    return 0 if revision == schema.HEAD else 1


def run_upgrade(options: argparse.Namespace) -> int:
    from mailbot.app import open_database
    from mailbot.config import load
    from mailbot.storage import schema

    open_database(load(options.config))
    print(f"the database has the newest revision, {schema.HEAD}")
    return 0
