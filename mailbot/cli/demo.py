"""``mailbot demo``: the whole story on this machine, touching nothing."""

import argparse

from mailbot.cli.output import add_json, print_json


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser(
        "demo",
        help="play the whole story here, and show what everybody gets",
        description="Play the whole story on this machine, with throw-away keys in a scratch directory: a plain and "
        "an encrypted report, acknowledgements, relays, a reminder and an escalation on a shortened clock. Shows what "
        "each person received. Takes about 15 seconds; needs gpg. Exit code: 0 if all of it arrived, 1 if not.",
        epilog="example: mailbot demo --keep",
    )
    parser.add_argument("--keep", action="store_true", help="keep the scratch directory, and say where it is")
    add_json(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    from mailbot.demo import page, stage
    from mailbot.demo.story import Story
    from mailbot.demo.telling import Silent, Telling
    from mailbot.openpgp.process import version

    version()  # Else the first to miss gpg would be one of the bot's own commands.
    with stage.opened(keep=options.keep) as opened:
        if options.json:
            story = Story(opened.scratch, Silent())
            bill = story.play()
            kept = opened.settle(bill)
            print_json(bill.to_json(kept, story.log if kept else None))
        else:
            out = page.console()
            page.opening(out)
            with Telling(out) as telling:
                story = Story(opened.scratch, telling)
                bill = story.play()
            page.programme(out, bill)
            kept = opened.settle(bill)
            page.closing(out, bill, kept, story.log if kept else None)
    return 1 if bill.failures else 0
