"""``mailbot health``: does it do its work at this moment? For monitoring and for a look."""

import argparse

from mailbot.cli.output import add_json, print_json


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser(
        "health",
        help="say whether the bot does its work",
        description="Look at how long mail and clocks have waited, what is held or failed, keys that expire, and the "
        "disk. Exit code: 0 if nothing grave is wrong, 1 if something is.",
        epilog="example: mailbot health --json",
    )
    add_json(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    from mailbot.app import CurrentSettings, Watch, open_database, utc_now
    from mailbot.config import load
    from mailbot.metrics import report
    from mailbot.service.health import problems

    settings = load(options.config)
    vitals = Watch(CurrentSettings(settings), open_database(settings), utc_now).vitals()
    found = list(problems(vitals))
    if options.json:
        print_json(report(vitals))
    else:
        print(
            f"{vitals.unhandled} to handle, {vitals.unsent} to send, {vitals.held} held, "
            f"{vitals.open_issues} issues open"
        )
        for problem in found:
            print(f"{'fail' if problem.grave else 'warn'}  {problem.what}\n      mend: {problem.mend}")
        if not found:
            print("ok    nothing is wrong")
    return 1 if any(problem.grave for problem in found) else 0
