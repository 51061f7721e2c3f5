"""The timetable: which tick runs how often, and what it calls. No logic.

APScheduler with a memory store: ticks say "do what is due", due times are rows in our own tables, so nothing is lost
with the process and no job exists per deadline. Coalescing makes an overslept tick run once.
"""

from collections.abc import Callable
from dataclasses import dataclass

from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.interval import IntervalTrigger


@dataclass(frozen=True, slots=True)
class Tick:
    name: str
    seconds: float
    call: Callable[[], object]


def timetable(fire_due_clocks: Callable[[], object]) -> tuple[Tick, ...]:
    return (
        # A clock fires within two seconds of its due time.
        Tick("clocks", 1.0, fire_due_clocks),
    )


def start(ticks: tuple[Tick, ...]) -> BackgroundScheduler:
    """Start a scheduler that runs the ticks until it is shut down."""
    scheduler = BackgroundScheduler(timezone="UTC")
    for tick in ticks:
        scheduler.add_job(
            tick.call, IntervalTrigger(seconds=tick.seconds), id=tick.name,
            max_instances=1, coalesce=True, misfire_grace_time=None,
        )  # fmt: skip
    scheduler.start()
    return scheduler
