"""``mailbot member``: the members of the config, their keys, and what is wrong with one."""

import argparse
from typing import TYPE_CHECKING, Any

from mailbot.cli.output import add_json, print_json, print_table
from mailbot.errors import UsageError

if TYPE_CHECKING:
    from mailbot.config import Member, Settings
    from mailbot.service.ports import KeyInfo


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    noun = commands.add_parser("member", help="the members and the state of their keys").add_subparsers(
        title="commands", metavar="COMMAND", required=True
    )
    listing = noun.add_parser("list", help="all members", epilog="example: mailbot member list")
    add_json(listing)
    listing.set_defaults(run=run_list)
    show = noun.add_parser("show", help="one member", epilog="example: mailbot member show alice")
    show.add_argument("id", help="as in the config, such as alice")
    add_json(show)
    show.set_defaults(run=run_show)


def run_list(options: argparse.Namespace) -> int:
    rows = members(options)
    if options.json:
        print_json(rows)
    else:
        print_table(
            rows, ("id", "name", "email", "oncall", "key", "expires_at", "problem"),
            "no members yet: add a [[member]] table to the config file",
        )  # fmt: skip
    return 0


def run_show(options: argparse.Namespace) -> int:
    found = next((row for row in members(options) if row["id"] == options.id), None)
    if found is None:
        raise UsageError(f'there is no member "{options.id}"; `mailbot member list` shows those there are')
    if options.json:
        print_json(found)
    else:
        for name, value in found.items():
            print(f"{name:<12} {'-' if value is None else value}")
    return 0


def members(options: argparse.Namespace) -> list[dict[str, Any]]:
    """All members with the state of their keys."""
    from mailbot.cli.keyring import opened
    from mailbot.config import load

    settings = load(options.config)
    with opened(settings) as gpg:
        return [
            row(settings, member, gpg.info(member.fingerprint) if member.fingerprint else None)
            for member in settings.member
        ]


def row(settings: "Settings", member: "Member", info: "KeyInfo | None") -> dict[str, Any]:
    from mailbot.storage.listings import instant

    return {
        "id": member.id,
        "name": member.name,
        "email": member.email,
        "affiliation": member.affiliation,
        "oncall": member.oncall,
        "fingerprint": member.fingerprint,
        "key": info.algorithm if info else None,
        "expires_at": instant(info.expires_at) if info else None,
        "problem": problem(settings, member, info),
    }


def problem(settings: "Settings", member: "Member", info: "KeyInfo | None") -> str | None:
    """What keeps this member from getting encrypted mail, and the mend; None if nothing does."""
    from mailbot.app import utc_now

    if member.fingerprint is None:
        return f'no key: gets "{settings.relay.keyless}"; add a fingerprint to the config and import the key'
    if info is None:
        return "key not imported; mend: mailbot key import FILE"
    if info.usable(utc_now()):
        return None
    if info.revoked:
        return "key revoked; ask for a new one, import it, and put its fingerprint in the config"
    return "key expired or cannot encrypt; ask for a refreshed copy; mend: mailbot key import FILE"
