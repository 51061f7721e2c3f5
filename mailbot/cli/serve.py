"""``mailbot serve``: run the bot."""

import argparse

ROLES = ("listener", "worker", "delivery", "scheduler")


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser(
        "serve",
        help="run the bot until SIGTERM",
        description="Run the bot: accept mail, handle it, send, and keep the clocks. Prints `mailbot ready` when its "
        "roles are up. SIGTERM finishes what was begun and stops; SIGHUP reloads the config.",
        epilog="example: mailbot serve --role listener      (another process runs the other roles)",
    )
    parser.add_argument(
        "--role", action="append", choices=ROLES, metavar="NAME",
        help=f"run only this role; may be repeated (default: all of {', '.join(ROLES)})",
    )  # fmt: skip
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    from mailbot import maillog
    from mailbot.supervisor import Supervisor

    maillog.set_up()
    return Supervisor(options.config, [role for role in ROLES if role in (options.role or ROLES)]).run()
