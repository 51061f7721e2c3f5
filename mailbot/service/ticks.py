"""What happens when a clock is due: the plan says what, one transaction per clock records it."""

from collections.abc import Callable
from datetime import datetime, timedelta

from mailbot import maillog
from mailbot.config import Settings
from mailbot.domain import clocks
from mailbot.errors import TemporaryError
from mailbot.service.store import ClockView, Store, Unit


class Ticks:
    def __init__(
        self, settings: Callable[[], Settings], store: Store, now: Callable[[], datetime]
    ) -> None:  # fmt: skip
        self._settings = settings
        self._store = store
        self._now = now

    def fire_due_clocks(self) -> int:
        """Fire every clock whose next firing has come. Returns how many fired.

        One that cannot fire is tried again with the next tick, and the others fire all the same.
        """
        fired = 0
        tried: set[int] = set()
        while found := [clock for clock in self._store.due_clocks(self._now()) if clock.id not in tried]:
            for clock in found:
                tried.add(clock.id)
                maillog.step("fire-clock")
                try:
                    fired += self._fire(clock)
                except TemporaryError:
                    raise
                except Exception as error:  # noqa: BLE001 - one clock that cannot fire must not stop all others
                    maillog.trouble("clock", error)
        return fired

    def _fire(self, clock: ClockView) -> bool:
        now = self._now()
        due = clocks.due(clock.firings, clock.fired, now)
        with self._store.fire(clock) as unit:
            if unit is None:
                return False
            missed = any(firing.act is clocks.Act.ESCALATE for firing in due.firings) or (
                clock.state == clocks.ClockState.MISSED
            )
            unit.clock_fired(due.fired, due.next_at, missed=missed)
            for event, params in self._events(clock, due, unit, now):
                silent = unit.silent_members(clock.issue, [member.id for member in self._settings().member])
                unit.notify(event, clock.issue, {**params, "late": due.late, "silent": silent}, now)
            unit.audit(
                clock.issue, "mailbot", f"clock {clock.name}", now,
                new={"fired": [firing.act.value for firing in due.firings], "late": due.late},
            )  # fmt: skip
            maillog.step("firing-clock")
        maillog.step("fired-clock")
        for firing in due.firings:
            maillog.clock_fired(clock.issue, clock.name, firing.act.value, due.late)
        return True

    def _events(
        self, clock: ClockView, due: clocks.Due, unit: Unit, now: datetime
    ) -> list[tuple[str, dict[str, object]]]:
        escalations = [firing for firing in due.firings if firing.act is clocks.Act.ESCALATE]
        if not escalations:
            return [("reminder", {"due_at": clock.due_at.isoformat()})] if due.firings else []
        told_before = any(firing.act is clocks.Act.ESCALATE for firing in clock.firings[: clock.fired])
        to = sorted({address for firing in escalations for address in firing.to})
        params: dict[str, object] = {"due_at": clock.due_at.isoformat(), "to": to}
        events: list[tuple[str, dict[str, object]]] = [("escalation", params)] if to else []
        told = self._may_tell_reporter(unit, clock.issue, now, again=told_before)
        events.append(("escalated", {**params, "again": told_before, "reporter_told": told}))
        if told and not told_before:
            events.append(("escalation_reporter", params))
        return events

    def _may_tell_reporter(self, unit: Unit, number: int, now: datetime, *, again: bool) -> bool:
        """Who must not be acknowledged must not be written to later either, and a flood of forged reports that was
        kept from making us write to others must not do so two days later. (The cap per sender is for acknowledgements:
        each report is escalated once.)"""
        issue = unit.issue(number)
        if issue is None or not issue.reporter or not issue.answerable:
            return False
        # Of a kind of its own: a new report within the hour is acknowledged all the same.
        return again or unit.may_acknowledge(
            issue.reporter, now, timedelta(0), self._settings().ack.per_hour, kind="escalation"
        )
