"""Where the demo plays: a scratch directory that is gone afterwards, however it ends."""

import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from mailbot.demo.playbill import Playbill
from mailbot.errors import UsageError

PATH_LIMIT = 60
"""Characters of the scratch directory: the sockets of gpg-agent, some folders below it, must stay under 108."""


class Stage:
    """`scratch` is removed in the end unless `keep`."""

    def __init__(self, scratch: Path, *, keep: bool) -> None:
        self.scratch = scratch
        self.keep = keep

    def settle(self, bill: Playbill) -> Path | None:
        """Decide: after a failure it stays in any case, with the mails as files. Where it is, or None if it goes."""
        self.keep = self.keep or bool(bill.failures)
        if not self.keep:
            return None
        bill.write_mails(self.scratch / "received")
        return self.scratch


@contextmanager
def opened(*, keep: bool) -> Iterator[Stage]:
    """A stage in the directory for temporary files. It is kept, and named on stderr, if a bug ends the demo.

    SIGTERM and SIGHUP clean up as Ctrl-C does. Raises `UsageError` if the directory's path is too long for GnuPG.
    """
    parent = tempfile.gettempdir()
    path = Path(tempfile.mkdtemp(prefix="mailbot-demo-"))
    stage = Stage(path, keep=keep)
    former = {number: signal.signal(number, _interrupt) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        if len(str(path)) > PATH_LIMIT:
            raise UsageError(f"{parent} is too long a path for the sockets of gpg-agent; try: TMPDIR=/tmp mailbot demo")
        yield stage
    except (KeyboardInterrupt, SystemExit, BrokenPipeError, UsageError):
        stage.keep = False
        raise
    except BaseException:
        stage.keep = True
        sys.stderr.write(f"mailbot: the demo broke off; everything is in {path}, the bot's log in bot.log there\n")
        raise
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)
        if not stage.keep:
            shutil.rmtree(path, ignore_errors=True)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
