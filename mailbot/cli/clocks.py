"""``mailbot clocks``: every clock whose duty stands, next firing first, as a table or as a timeline."""

import argparse
from typing import Any

from mailbot.cli.output import add_json, print_json, print_table


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser(
        "clocks",
        help="every running clock, next firing first",
        description="Every clock whose duty stands: running, paused, or missed and not done yet. First the next to "
        "fire; last those that fire no more, or stand still.",
        epilog="example: mailbot clocks --timeline",
    )
    parser.add_argument("--timeline", action="store_true", help="day by day: what fires, and what is due")
    parser.add_argument("--limit", type=int, default=50, metavar="N", help="how many (default 50, 0 for all)")
    add_json(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    from mailbot.app import utc_now
    from mailbot.cli.access import listings

    with listings(options.config) as (rows, _):
        clocks = rows.clocks(options.limit)
    if options.json:
        print_json(clocks)
    elif options.timeline:
        for line in timeline(clocks, utc_now()):
            print(line)
    else:
        print_table(clocks, ("issue", "name", "state", "next_at", "due_at", "started_at", "subject"), "no clock runs")
    return 0


def timeline(clocks: list[dict[str, Any]], now: Any) -> list[str]:
    """Days with what happens on them, in lines; what is past stands under "overdue"."""
    from datetime import datetime

    from mailbot.mail.times import left, when

    moments: list[tuple[datetime, str]] = []
    for clock in clocks:
        name = f"{clock['issue'] or clock['subject'] or 'all'}  {clock['name'].replace('_', ' ')}"
        due, following = (datetime.fromisoformat(clock[key]) if clock[key] else None for key in ("due_at", "next_at"))
        if clock["state"] == "paused":
            name += " (paused)"
        elif following is not None and following != due:
            moments.append((following, f"{name}: fires"))
        if due is not None:
            moments.append((due, f"{name}: due"))
    lines: list[str] = []
    day = ""
    for moment, what in sorted(moments):
        # "Thu 26 Nov 2026 14:47 UTC": the day, and the time on it.
        heading = "overdue" if moment < now else when(moment)[: -len(" 00:00 UTC")]
        if heading != day:
            lines += [*([""] if lines else []), heading]
            day = heading
        at = when(moment) if moment < now else when(moment)[-len("00:00 UTC") :]
        lines.append(f"  {at}  {what} ({left(moment, now)})")
    return lines or ["no clock runs"]
