"""``mailbot audit``: prove that nobody changed the log of changes."""

import argparse


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    noun = commands.add_parser("audit", help="verify the log of changes").add_subparsers(
        title="commands", metavar="COMMAND", required=True
    )
    verify = noun.add_parser(
        "verify", help="check the hash chain over all rows", epilog="example: mailbot audit verify"
    )
    verify.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    from mailbot.app import open_database, open_vault
    from mailbot.config import load
    from mailbot.storage.audit import broken_at

    settings = load(options.config)
    database = open_database(settings)
    key = open_vault(settings, database).audit_key
    with database.read() as connection:
        broken = broken_at(connection, key)
    if broken is None:
        print("ok: the chain holds")
        return 0
    print(f"broken: row {broken} was changed, or one before it is missing")
    return 1
