"""The story while it happens: a line per step, and in a terminal what is being waited for."""

from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from mailbot.demo.playbill import Step


class Silent:
    """Tells nothing."""

    def doing(self, what: str) -> None:
        pass

    def done(self, step: Step) -> None:
        pass

    def mails(self, arrived: int) -> None:
        pass


class Telling:
    """A `story.Narrator` that prints. What is being waited for is shown from `with` on, if `out` is a terminal."""

    def __init__(self, out: Console) -> None:
        self._out = out
        self._progress = Progress(
            SpinnerColumn(), TextColumn("{task.description}", markup=False), TimeElapsedColumn(),
            console=out, transient=True, disable=not out.is_terminal,
        )  # fmt: skip
        self._task = self._progress.add_task("")
        self._doing = ""
        self._arrived = 0

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def doing(self, what: str) -> None:
        self._doing = what
        self._update()

    def mails(self, arrived: int) -> None:
        self._arrived = arrived
        self._update()

    def done(self, step: Step) -> None:
        line = Table.grid(padding=(0, 2))
        line.add_column(width=6, justify="right", no_wrap=True)
        line.add_column()
        line.add_row(Text(f"{step.at:.1f} s", style="dim"), Text(step.text))
        if step.command:
            line.add_row("", Text(f"$ {step.command}", style="dim"))
        self._out.print(line)

    def _update(self) -> None:
        mails = f", {self._arrived} mails so far" if self._arrived else ""
        self._progress.update(self._task, description=f"{self._doing}{mails}")
