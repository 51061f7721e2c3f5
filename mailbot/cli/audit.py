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
    from mailbot.storage.outcomes import differing

    settings = load(options.config)
    database = open_database(settings)
    vault = open_vault(settings, database)
    with database.read() as connection:
        broken = broken_at(connection, vault.audit_key)
        clocks = differing(connection, vault)
    if broken is not None:
        print(f"broken: row {broken} was changed, or one before it is missing")
    elif clocks:
        shown = ", ".join(map(str, clocks[:10])) + (" ..." if len(clocks) > 10 else "")
        print(f"broken: the log tells other outcomes of the clocks in rows {shown}")
    else:
        print("ok: the chain holds")
    return 1 if broken is not None or clocks else 0
