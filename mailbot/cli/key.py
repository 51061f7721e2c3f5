"""``mailbot key``: the public keys that mailbot encrypts to, and the group's own."""

import argparse
import sys
from pathlib import Path

from mailbot.cli.output import add_json, print_json, print_table
from mailbot.errors import UsageError


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    noun = commands.add_parser("key", help="public keys: list, import, and the group's to give away").add_subparsers(
        title="commands", metavar="COMMAND", required=True
    )
    listing = noun.add_parser("list", help="the group's key and those of members", epilog="example: mailbot key list")
    add_json(listing)
    listing.set_defaults(run=run_list)
    importing = noun.add_parser(
        "import", help="take a member's public key, or a newer copy of one",
        description="Take public keys from a file (- for standard input). A newer copy of a known key adds its new "
        "expiry, sub-keys and revocations. A key counts for a member when the config names its fingerprint.",
        epilog="example: mailbot key import alice.asc",
    )  # fmt: skip
    importing.add_argument("file", metavar="FILE", help="armored or binary")
    importing.set_defaults(run=run_import)
    export = noun.add_parser(
        "export", help="print the group's public key", epilog="example: mailbot key export > security-team.asc"
    )
    export.set_defaults(run=run_export)


def run_list(options: argparse.Namespace) -> int:
    from mailbot.app import utc_now
    from mailbot.cli.keyring import opened
    from mailbot.config import load
    from mailbot.storage.listings import instant

    settings = load(options.config)
    whose = {settings.openpgp.key: "group"} | {
        member.fingerprint: member.id for member in settings.member if member.fingerprint
    }
    rows = []
    with opened(settings) as gpg:
        for fingerprint, owner in whose.items():
            info = gpg.info(fingerprint)
            rows.append(
                {
                    "whose": owner,
                    "fingerprint": fingerprint,
                    "algorithm": info.algorithm if info else None,
                    "expires_at": instant(info.expires_at) if info else None,
                    "state": "not imported" if info is None else "usable" if info.usable(utc_now()) else
                    "revoked" if info.revoked else "expired",
                    "user_ids": list(info.user_ids) if info else [],
                }
            )  # fmt: skip
    if options.json:
        print_json(rows)
    else:
        print_table(rows, ("whose", "fingerprint", "algorithm", "expires_at", "state"), "no keys")
    return 0


def run_import(options: argparse.Namespace) -> int:
    from mailbot.app import open_database, utc_now
    from mailbot.config import load
    from mailbot.openpgp.keys import merge, scan
    from mailbot.storage import keys

    settings = load(options.config)
    try:
        data = sys.stdin.buffer.read() if options.file == "-" else Path(options.file).read_bytes()
    except OSError as error:
        raise UsageError(f"{options.file}: {error.strerror}") from None
    found = scan(data)
    if not found:
        raise UsageError(f"{options.file}: no OpenPGP public key in it; `gpg --armor --export ADDRESS` writes one")
    if any(info.secret for info in found):
        raise UsageError(f"{options.file}: holds a secret key, which must stay with its owner; nothing was imported")
    database = open_database(settings)
    for info in found:
        with database.read() as connection:
            known = keys.get(connection, info.fingerprint)
        armor = merge(known, data, info.fingerprint)
        with database.write() as connection:
            keys.put(connection, info.fingerprint, armor, utc_now())
        member = settings.member_by_fingerprint(info.fingerprint)
        print(f"{'updated' if known else 'imported'} {info.fingerprint}  {', '.join(info.user_ids)}")
        print(f"  member {member.id}" if member else "  no member of the config has this fingerprint yet")
        if not info.usable(utc_now()):
            print("  warning: it cannot be encrypted to now (expired, revoked, or without an encryption key)")
    return 0


def run_export(options: argparse.Namespace) -> int:
    from mailbot.cli.keyring import opened
    from mailbot.config import load

    with opened(load(options.config)) as gpg:
        sys.stdout.write(gpg.group_key())
    return 0
