"""What happens when a clock is due: the plan says what, one transaction per clock records it."""

from collections.abc import Callable
from datetime import datetime

from mailbot import maillog
from mailbot.config import Settings
from mailbot.domain.clock_kinds import DIGEST, is_promise
from mailbot.domain.clocks import Clock
from mailbot.errors import TemporaryError
from mailbot.service import digest, standing
from mailbot.service.firings import FIRINGS, put_right
from mailbot.service.occasion import CLOCKS, Moment, recorded
from mailbot.service.ports import OpenPGP
from mailbot.service.store import Store


class Ticks:
    def __init__(
        self, settings: Callable[[], Settings], store: Store, openpgp: OpenPGP, now: Callable[[], datetime]
    ) -> None:
        self._settings = settings
        self._store = store
        self._openpgp = openpgp
        self._now = now

    def fire_due_clocks(self) -> int:
        """Fire every clock whose next firing has come. Returns how many fired.

        One that cannot fire is tried again with the next tick, and the others fire all the same.
        """
        self._put_right()
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

    def keep_standing(self) -> None:
        """Bring the digest and the ends of keys in step with the config and the keys that there are."""
        settings = self._settings()
        ends = standing.key_ends(settings, self._store, self._openpgp)
        with self._store.operate() as unit:
            standing.keep(Moment(unit, settings, "mailbot", self._now()), ends)

    def _fire(self, clock: Clock) -> bool:
        now = self._now()
        after, due = clock.fire(now, promise=is_promise(clock.name))
        # Looked up before the transaction: it goes through all that is open.
        work = self._store.open_work(now, digest.LINES) if clock.name == DIGEST else None
        with self._store.fire(clock) as unit:
            if unit is None:
                return False
            at = Moment(unit, self._settings(), "mailbot", now, due.late)
            # The digest is no duty that ends: it comes again the next day.
            unit.save_clock(after if work is None else digest.next_round(at, after))
            unit.audit(
                clock.issue, "mailbot", f"clock {clock.name}", now,
                new={
                    "clock": clock.id, "fired": [firing.act.value for firing in due.firings], "late": due.late,
                    "state": str(after.state),
                },
            )  # fmt: skip
            if work is not None:
                digest.send(at, work)
            elif due.firings:
                FIRINGS[clock.name](at, clock, due)
            maillog.step("firing-clock")
        maillog.step("fired-clock")
        for firing in due.firings:
            maillog.clock_fired(clock.issue, clock.name, firing.act.value, due.late)
        return True

    def _put_right(self) -> None:
        """The wall clock was ahead, and is not any more: what it made dates fire too early is to come again."""
        while found := self._store.clocks_ahead(now := self._now()):
            for clock in found:
                with self._store.as_seen(clock) as unit:
                    if unit is None:
                        continue
                    right = put_right(clock, now, self._settings())
                    unit.save_clock(right)
                    if right.state != clock.state:
                        new = {clock.name: [recorded(right)]}
                        unit.audit(clock.issue, "mailbot", CLOCKS, now, new=new)
