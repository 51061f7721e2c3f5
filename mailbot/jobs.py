"""The timetable: which tick runs how often, and what it calls. No logic.

APScheduler with a memory store: ticks say "do what is due", due times are rows in our own tables, so nothing is lost
with the process and no job exists per deadline. An overslept tick runs once. APScheduler plans by the wall clock, which
may be set: forward, its own interval trigger would count out every second of a year; back, it would sleep for a year.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.base import BaseTrigger

LOOK_SECONDS = 1.0
"""How often it is looked whether the clock was set back."""


@dataclass(frozen=True, slots=True)
class Tick:
    name: str
    seconds: float
    call: Callable[[], object]


def timetable(
    fire_due_clocks: Callable[[], object], keep_standing: Callable[[], object], say_daily: Callable[[], object]
) -> tuple[Tick, ...]:
    return (
        # Keys change seldom, and are looked at with gpg.
        Tick("standing", 300.0, keep_standing),
        # A clock fires within two seconds of its due time.
        Tick("clocks", 1.0, fire_due_clocks),
        # Once a day, at an hour that need not be met to the minute.
        Tick("daily", 60.0, say_daily),
    )


class _Every(BaseTrigger):  # type: ignore[misc]  # APScheduler has no types
    """Every so many seconds from now on; what was overslept is not made up for."""

    def __init__(self, seconds: float) -> None:
        self.period = timedelta(seconds=seconds)

    def get_next_fire_time(self, previous: datetime | None, now: datetime) -> datetime:
        return max(now, previous or now) + self.period


def start(ticks: tuple[Tick, ...]) -> BackgroundScheduler:
    """Start a scheduler that runs the ticks until it is shut down."""
    scheduler = BackgroundScheduler(timezone="UTC")
    for tick in ticks:
        scheduler.add_job(
            tick.call, _Every(tick.seconds), id=tick.name, max_instances=1, coalesce=True, misfire_grace_time=None,
            next_run_time=datetime.now(UTC),
        )  # fmt: skip
    scheduler.start()
    return scheduler


def keep_ticking(scheduler: BackgroundScheduler, stop: threading.Event) -> None:
    """Until `stop`, bring back the ticks that a clock set back left in the future."""
    while not stop.wait(LOOK_SECONDS):
        now = datetime.now(UTC)
        for job in scheduler.get_jobs():
            if job.next_run_time > now + 2 * job.trigger.period:
                job.modify(next_run_time=now)
