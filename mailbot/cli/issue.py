"""``mailbot issue``: look at issues, and do with one what members do by mail."""

import argparse
import re
from typing import Any

from mailbot.cli import issue_verbs
from mailbot.cli.output import add_json, print_json, print_table
from mailbot.errors import UsageError

OUTCOMES = ("fixed", "not-security", "public-bug", "duplicate", "invalid", "spam")
FILTERS = ("open", "mine", "overdue", "due", "unclaimed")


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    noun = commands.add_parser("issue", help="look at issues, and do what members do").add_subparsers(
        title="commands", metavar="COMMAND", required=True
    )
    listing = noun.add_parser("list", help="the newest issues", epilog="example: mailbot issue list overdue --json")
    listing.add_argument("filter", nargs="?", choices=FILTERS, metavar="FILTER", help=f"one of: {', '.join(FILTERS)}")
    listing.add_argument("--limit", type=int, default=50, metavar="N", help="how many (default 50, 0 for all)")
    add_json(listing)
    listing.set_defaults(run=run_list)
    show = noun.add_parser("show", help="everything about one issue", epilog="example: mailbot issue show EX-42")
    show.add_argument("issue", help="such as EX-42, or 42")
    add_json(show)
    show.set_defaults(run=run_show)
    history = noun.add_parser("history", help="who changed what, when", epilog="example: mailbot issue history EX-42")
    history.add_argument("issue", help="such as EX-42, or 42")
    add_json(history)
    history.set_defaults(run=run_history)
    close = noun.add_parser(
        "close", help="close an issue; its clocks stop", epilog="example: mailbot issue close EX-42 fixed"
    )
    close.add_argument("issue", help="such as EX-42, or 42")
    close.add_argument("outcome", choices=OUTCOMES, metavar="OUTCOME", help=f"one of: {', '.join(OUTCOMES)}")
    close.set_defaults(run=run_close)
    issue_verbs.add(noun)


def number_of(text: str, prefix: str) -> int:
    """The number of an issue as a person types it. Raises `UsageError`."""
    match = re.fullmatch(rf"(?:{re.escape(prefix)}-)?([1-9]\d{{0,8}})", text, re.I)
    if match is None:
        raise UsageError(f'"{text}" is no issue; write it as {prefix}-42 or 42')
    return int(match[1])


def run_list(options: argparse.Namespace) -> int:
    from mailbot.app import utc_now
    from mailbot.cli.access import listings

    with listings(options.config) as (rows, _):
        issues = rows.issues(options.filter, options.limit, utc_now())
    if options.json:
        print_json(issues)
    else:
        print_table(
            issues, ("id", "status", "owner", "severity", "opened_at", "title"),
            f"no issue that is {options.filter}" if options.filter else "no issues yet",
        )  # fmt: skip
    return 0


def run_show(options: argparse.Namespace) -> int:
    shown = _one(options)
    if options.json:
        print_json(shown)
        return 0
    print(f"{shown['id']}  {shown['title']}\n")
    for name in (
        "status", "outcome", "owner", "appointed", "severity", "category", "opened_at", "embargo_until", "closed_at",
        "published_at", "encrypted", "drill",
    ):  # fmt: skip
        if shown[name] is not None:
            value = (
                {True: "yes", False: "no"}.get(shown[name], shown[name])
                if name in ("encrypted", "drill")
                else shown[name]
            )
            print(f"{name:<10} {value}")
    print(f"{'reporter':<10} {shown['reporter']['name'] or ''} <{shown['reporter']['address'] or 'unknown'}>")
    for title, columns in (
        ("clocks", ("name", "state", "due_at", "next_at")),
        ("messages", ("at", "direction", "kind", "from", "encrypted", "signed_by")),
        ("history", ("at", "actor", "action", "old", "new")),
    ):
        print()
        print_table(shown[title], columns, f"no {title}")
    return 0


def run_history(options: argparse.Namespace) -> int:
    history = _one(options)["history"]
    if options.json:
        print_json(history)
    else:
        print_table(history, ("at", "actor", "action", "old", "new"), "nothing happened yet")
    return 0


def _one(options: argparse.Namespace) -> dict[str, Any]:
    from mailbot.cli.access import listings

    with listings(options.config) as (rows, settings):
        number = number_of(options.issue, settings.group.id_prefix)
        shown = rows.issue(number)
    if shown is None:
        raise UsageError(f"there is no issue {settings.issue_id(number)}; `mailbot issue list` shows those there are")
    return shown


def run_close(options: argparse.Namespace) -> int:
    from mailbot.app import open_store, utc_now
    from mailbot.config import load
    from mailbot.service.closing import close

    settings = load(options.config)
    number = number_of(options.issue, settings.group.id_prefix)
    with open_store(settings).operate() as unit:
        was = close(unit, number, options.outcome, "operator", utc_now())
    if was is None:
        raise UsageError(f"there is no issue {settings.issue_id(number)}; `mailbot issue list` shows those there are")
    print(f"{settings.issue_id(number)}: {was} -> closed ({options.outcome}); its clocks are stopped")
    return 0
