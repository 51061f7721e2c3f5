"""``mailbot key``: the public keys that mailbot encrypts to, and the group's own."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from mailbot.cli import rotation
from mailbot.cli.output import add_json, print_json, print_table
from mailbot.errors import UsageError

if TYPE_CHECKING:
    from mailbot.config import Settings
    from mailbot.service.ports import KeyInfo


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
    importing.add_argument("--issue", metavar="ID", help="take it as the key of this issue's reporter, such as EX-42")
    importing.set_defaults(run=run_import)
    export = noun.add_parser(
        "export", help="print the group's public key", epilog="example: mailbot key export > security-team.asc"
    )
    export.set_defaults(run=run_export)
    rotation.add(noun)


def run_list(options: argparse.Namespace) -> int:
    from mailbot.app import utc_now
    from mailbot.cli.keyring import opened
    from mailbot.config import load
    from mailbot.storage.listings import instant

    settings = load(options.config)
    whose = {settings.openpgp.key: "group"} | {
        member.fingerprint: member.id for member in settings.member if member.fingerprint
    }
    if settings.relay.to == "list" and settings.relay.list_key:
        whose.setdefault(settings.relay.list_key, "list")
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
    from mailbot.mail.author import mailboxes
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
    if options.issue:
        return _import_for_reporter(settings, options.issue, data, found)
    database = open_database(settings)
    for info in found:
        with database.read() as connection:
            known = keys.get(connection, info.fingerprint)
        armor = merge(known, data, info.fingerprint)
        with database.write() as connection:
            addresses = [mailbox.address for one in info.user_ids for mailbox in mailboxes(one) if mailbox.address]
            keys.put(connection, info.fingerprint, armor, utc_now(), addresses)
        member = settings.member_by_fingerprint(info.fingerprint)
        print(f"{'updated' if known else 'imported'} {info.fingerprint}  {', '.join(info.user_ids)}")
        of_list = settings.relay.to == "list" and info.fingerprint == settings.relay.list_key
        whose = f"member {member.id}" if member else f"the list {settings.relay.list_address}" if of_list else ""
        print(f"  {whose}" if whose else "  no member of the config has this fingerprint yet")
        if not info.usable(utc_now()):
            print("  warning: it cannot be encrypted to now (expired, revoked, or without an encryption key)")
    return 0


def _import_for_reporter(settings: "Settings", issue: str, data: bytes, found: "list[KeyInfo]") -> int:
    """The operator's word that this key is the reporter's."""
    from mailbot.app import open_store, utc_now
    from mailbot.cli.issue import number_of
    from mailbot.openpgp.keys import merge
    from mailbot.service.store import ReporterKey

    if len(found) != 1:
        raise UsageError(f"the file holds {len(found)} keys; for a reporter it must hold exactly one")
    number = number_of(issue, settings.group.id_prefix)
    key = ReporterKey(found[0].fingerprint, merge(None, data, found[0].fingerprint))
    with open_store(settings).operate() as unit:
        view = unit.issue(number)
        if view is None or not view.reporter:
            raise UsageError(f"there is no issue {settings.issue_id(number)} with a known reporter")
        unit.set_key(number, view.reporter, key)
        old = view.reporter_key.fingerprint if view.reporter_key else None
        unit.audit(number, "operator", "reporter key", utc_now(), old=old, new=key.fingerprint)
    print(f"{settings.issue_id(number)}: mail to the reporter is now encrypted to {key.fingerprint}")
    if not found[0].usable(utc_now()):
        print("  warning: it cannot be encrypted to now (expired, revoked, or without an encryption key)")
    return 0


def run_export(options: argparse.Namespace) -> int:
    from mailbot.cli.keyring import opened
    from mailbot.config import load

    with opened(load(options.config)) as gpg:
        sys.stdout.write(gpg.group_key())
    return 0
