"""``mailbot queue``: what came in, what goes out, and what became of each."""

import argparse
import sys

from mailbot.cli import held
from mailbot.cli.output import add_json, print_json, print_table
from mailbot.errors import UsageError


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    noun = commands.add_parser("queue", help="mails that came in and mails that go out").add_subparsers(
        title="commands", metavar="COMMAND", required=True
    )
    listing = noun.add_parser(
        "list", help="the newest rows of both queues", epilog="example: mailbot queue list --json"
    )
    listing.add_argument("--limit", type=int, default=50, metavar="N", help="how many of each (default 50, 0 for all)")
    add_json(listing)
    listing.set_defaults(run=run_list)
    show = noun.add_parser("show", help="one row", epilog="example: mailbot queue show out 17")
    show.add_argument("queue", choices=("in", "out"), help="in: accepted mail; out: outgoing mail")
    show.add_argument("id", type=int, help="as in `mailbot queue list`")
    show.add_argument(
        "--raw", action="store_true", help="of accepted mail, the mail itself as it came, to standard output"
    )
    add_json(show)
    show.set_defaults(run=run_show)
    retry = noun.add_parser(
        "retry", help="make outgoing mails due now", description="Make outgoing mails due now: waiting ones at once, "
        "failed and bounced ones anew.", epilog="example: mailbot queue retry 17 18",
    )  # fmt: skip
    retry.add_argument("id", type=int, nargs="+", metavar="ID", help="as in `mailbot queue list`")
    retry.set_defaults(run=run_retry)
    held.add(noun)


def run_list(options: argparse.Namespace) -> int:
    from mailbot.cli.access import listings

    with listings(options.config) as (rows, _):
        inbox, outbox = rows.inbox(options.limit), rows.outbox(options.limit)
    if options.json:
        print_json({"inbox": inbox, "outbox": outbox})
        return 0
    print("in")
    print_table(inbox, ("id", "received_at", "state", "disposition", "issue", "size"), "nothing was accepted yet")
    print("\nout")
    print_table(outbox, ("id", "kind", "recipient", "state", "attempts", "issue", "last_error"), "nothing was sent yet")
    return 0


def run_show(options: argparse.Namespace) -> int:
    from mailbot.cli.access import listings

    if options.raw:
        return run_raw(options)
    with listings(options.config) as (rows, _):
        found = rows.inbox(0) if options.queue == "in" else rows.outbox(0)
    row = next((row for row in found if row["id"] == options.id), None)
    if row is None:
        raise UsageError(f'the queue "{options.queue}" has no row {options.id}; `mailbot queue list` shows the newest')
    if options.json:
        print_json(row)
    else:
        for name, value in row.items():
            print(f"{name:<12} {'-' if value is None else value}")
    return 0


def run_raw(options: argparse.Namespace) -> int:
    from mailbot.app import open_store
    from mailbot.config import load

    if options.queue != "in" or options.json:
        raise UsageError("--raw goes with `mailbot queue show in ID` and nothing else")
    if sys.stdout.isatty():
        # A stranger wrote it, and a terminal obeys what it is sent.
        raise UsageError("--raw writes the mail as it came, which no terminal should see; add > FILE")
    raw = open_store(load(options.config)).raw_mail(options.id)
    if raw is None:
        raise UsageError(f'the queue "in" has no row {options.id}; `mailbot queue list` shows the newest')
    sys.stdout.buffer.write(raw)
    return 0


def run_retry(options: argparse.Namespace) -> int:
    from mailbot.app import open_store
    from mailbot.config import load

    store = open_store(load(options.config))
    retried = store.retry(options.id)
    missing = sorted(set(options.id) - set(retried))
    for row_id in retried:
        print(f"{row_id}: due now")
    for row_id in missing:
        print(f"{row_id}: not retried: no such row, or it was sent or cancelled")
    return 1 if missing else 0
