"""``mailbot demo``: the whole story on this machine, touching nothing."""

import argparse
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from mailbot.cli.output import add_json, print_json
from mailbot.errors import UsageError

if TYPE_CHECKING:
    from mailbot.demo.playbill import Playbill

PATH_LIMIT = 60
"""Characters of the scratch directory: the sockets of gpg-agent, some folders below it, must stay under 108."""


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser(
        "demo",
        help="play the whole story here, and show what everybody gets",
        description="Play the whole story on this machine, with throw-away keys in a scratch directory: a plain and "
        "an encrypted report, acknowledgements, relays, a reminder and an escalation on a shortened clock. Shows what "
        "each person received. Takes about 15 seconds; needs gpg. Exit code: 0 if all arrived, else 1.",
        epilog="example: mailbot demo --keep",
    )
    parser.add_argument("--keep", action="store_true", help="keep the scratch directory, and say where it is")
    add_json(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    from mailbot.openpgp.process import version

    version()  # else the first that misses gpg would be a command of the bot
    with _terminable(), _scratch(options.keep) as (scratch, keep):
        bill = _as_json(scratch, keep) if options.json else _as_page(scratch, keep)
    return 1 if bill.failures else 0


class _Keep:
    """Whether the scratch directory stays."""

    def __init__(self, *, wanted: bool) -> None:
        self.wanted = wanted

    def settle(self, bill: "Playbill", scratch: Path) -> Path | None:
        """After a failure it stays in any case; where it is, or None if it goes."""
        self.wanted = self.wanted or bool(bill.failures)
        if self.wanted:
            bill.write_mails(scratch / "received")
        return scratch if self.wanted else None


def _as_page(scratch: Path, keep: _Keep) -> "Playbill":
    from mailbot.demo import page
    from mailbot.demo.story import Story
    from mailbot.demo.telling import Telling

    out = page.console()
    page.opening(out)
    with Telling(out) as telling:
        story = Story(scratch, telling)
        bill = story.play()
    page.programme(out, bill)
    kept = keep.settle(bill, scratch)
    page.closing(out, bill, kept, story.log if kept else None)
    return bill


def _as_json(scratch: Path, keep: _Keep) -> "Playbill":
    from mailbot.demo.story import Story
    from mailbot.demo.telling import Silent

    story = Story(scratch, Silent())
    bill = story.play()
    kept = keep.settle(bill, scratch)
    print_json(bill.to_json(kept, story.log if kept else None))
    return bill


@contextmanager
def _scratch(keep: bool) -> Iterator[tuple[Path, _Keep]]:
    path = Path(tempfile.mkdtemp(prefix="mailbot-demo-"))
    keeping = _Keep(wanted=keep)
    try:
        if len(str(path)) > PATH_LIMIT:
            raise UsageError(
                f"{path.parent} is too long a path for the sockets of gpg-agent; try: TMPDIR=/tmp mailbot demo"
            )
        yield path, keeping
    except (KeyboardInterrupt, UsageError):
        raise
    except BaseException:
        sys.stderr.write(f"mailbot: the demo broke off; everything is in {path}, the bot's log in bot.log there\n")
        keeping.wanted = True
        raise
    finally:
        if not keeping.wanted:
            shutil.rmtree(path, ignore_errors=True)


@contextmanager
def _terminable() -> Iterator[None]:
    """SIGTERM and SIGHUP clean up as Ctrl-C does."""

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = {number: signal.signal(number, interrupt) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
