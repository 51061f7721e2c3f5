"""What a person decides in the queues: ``mailbot queue held``, ``release``, ``discard``, ``drop``, ``hold``."""

import argparse
from collections.abc import Callable
from typing import TYPE_CHECKING

from mailbot.cli.output import add_json, print_json, print_table

if TYPE_CHECKING:
    from mailbot.service.store import HeldMail
    from mailbot.storage.store import Store


def add(noun: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    listing = noun.add_parser(
        "held", help="accepted mails that wait for a decision", epilog="example: mailbot queue held --json"
    )
    add_json(listing)
    listing.set_defaults(run=run_held)
    release = noun.add_parser(
        "release", help="handle held mails as reports", description="Handle held mails as ordinary reports, with "
        "everything counted from when they came. A discarded one can be released too.",
        epilog="example: mailbot queue release 107",
    )  # fmt: skip
    discard = noun.add_parser(
        "discard", help="decide that held mails are nothing", description="Decide that held mails are nothing. Nobody "
        "is answered; they stay stored.", epilog="example: mailbot queue discard 107 112",
    )  # fmt: skip
    for parser, run, which in (
        (release, run_release, "a held mail, as in `mailbot queue held`"),
        (discard, run_discard, "a held mail, as in `mailbot queue held`"),
        (
            noun.add_parser(
                "drop", help="never send outgoing mails", description="Cancel outgoing mails that were not sent yet.",
                epilog="example: mailbot queue drop 17",
            ),
            run_drop, "an outgoing mail, as in `mailbot queue list`",
        ),
        (
            noun.add_parser(
                "hold", help="keep outgoing mails back", description="Keep outgoing mails back until `mailbot queue "
                "retry`.", epilog="example: mailbot queue hold 17 18",
            ),
            run_hold, "an outgoing mail, as in `mailbot queue list`",
        ),
    ):  # fmt: skip
        parser.add_argument("id", type=int, nargs="+", metavar="ID", help=which)
        parser.set_defaults(run=run)


def run_held(options: argparse.Namespace) -> int:
    from mailbot.storage.listings import instant

    with _store(options).operate() as unit:
        rows = [
            {
                "id": mail.number, "received_at": instant(mail.received_at), "size": mail.size, "cause": mail.cause,
                "from": mail.author, "name": mail.author_name, "subject": mail.subject,
            }
            for mail in unit.held()
        ]  # fmt: skip
    if options.json:
        print_json(rows)
    else:
        print_table(rows, ("id", "received_at", "cause", "from", "subject"), "no mail is held")
    return 0


def run_release(options: argparse.Namespace) -> int:
    from mailbot.service.held import release

    return _decide(options, release, "released; it is handled now")


def run_discard(options: argparse.Namespace) -> int:
    from mailbot.service.held import discard

    return _decide(options, discard, "discarded")


def _decide(options: argparse.Namespace, decide: "Callable[..., HeldMail | None]", done: str) -> int:
    from mailbot.app import utc_now

    store = _store(options)
    code = 0
    for number in options.id:
        with store.operate() as unit:
            found = decide(unit, number, "operator", utc_now())
        print(f"{number}: {done if found is not None else 'not held; `mailbot queue held` shows what is'}")
        code |= found is None
    return code


def run_drop(options: argparse.Namespace) -> int:
    return _outgoing(options, _store(options).drop, "cancelled", "no such row, or it was sent already, or just is")


def run_hold(options: argparse.Namespace) -> int:
    return _outgoing(
        options,
        _store(options).keep_back,
        "kept back; `mailbot queue retry` lets it go",
        "it does not wait to be sent, or just is",
    )


def _outgoing(options: argparse.Namespace, change: "Callable[[list[int]], list[int]]", done: str, why: str) -> int:
    changed = set(change(options.id))
    for number in options.id:
        print(f"{number}: {done if number in changed else f'unchanged: {why}'}")
    return 0 if changed.issuperset(options.id) else 1


def _store(options: argparse.Namespace) -> "Store":
    from mailbot.app import open_store
    from mailbot.config import load

    return open_store(load(options.config))
