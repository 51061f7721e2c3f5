"""What happens to an issue, as far as its clocks care: the one place that verbs call."""

from datetime import datetime
from typing import Protocol

from mailbot.domain.clocks import FIRST_RESPONSE, ClockState
from mailbot.service.store import Unit


class Occasion(Protocol):
    @property
    def unit(self) -> Unit: ...

    @property
    def now(self) -> datetime: ...


def human_word(at: Occasion, number: int) -> tuple[str, ...]:
    """A member wrote to the reporter: that is the first response, late if its time was over."""
    issue = at.unit.issue(number)
    for clock in issue.clocks if issue is not None else ():
        if clock.name == FIRST_RESPONSE and clock.state in (ClockState.RUNNING, ClockState.MISSED):
            state = (
                ClockState.MET if clock.state == ClockState.RUNNING and at.now <= clock.due_at else ClockState.MISSED
            )
            at.unit.end_clock(number, FIRST_RESPONSE, state, at.now)
            return (f"first response: {state}",)
    return ()
