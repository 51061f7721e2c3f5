"""What the use cases record about clocks and about who has what: the part of a unit of work for that."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from mailbot.domain.clocks import Clock, Plan
from mailbot.domain.rotation import Away


class Duties(Protocol):
    """Within the transaction of a `service.store.Unit`."""

    def start_clock(
        self, number: int | None, name: str, started_at: datetime, plan: Plan, *, subject: str | None = None,
        data: Mapping[str, Any] | None = None,
    ) -> Clock:  # fmt: skip
        """A new running clock, of an issue or of none."""
        ...

    def save_clock(self, clock: Clock) -> None:
        """Write down how a clock stands now."""
        ...

    def standing_clocks(self, name: str) -> list[Clock]:
        """The live clocks of this name that belong to no issue."""
        ...

    def owned_by(self, member: str) -> list[int]:
        """The open issues that a member coordinates, or was appointed to, the oldest first."""
        ...

    # Who is there, and whose turn it is

    def away(self) -> Sequence[Away]:
        """All times in which somebody is away, past ones too."""
        ...

    def add_away(self, member: str, begins_at: datetime, ends_at: datetime) -> None: ...

    def end_away(self, member: str, now: datetime) -> int:
        """The member is there again from `now` on; later times are forgotten. Returns how many times that changed."""
        ...

    def last_turns(self) -> Mapping[str, int]:
        """The number of each member's last turn: when they were appointed, or claimed an issue."""
        ...

    def add_turn(self, number: int, member: str, now: datetime) -> None: ...

    # The proposal to lift an embargo

    def stances(self, number: int) -> Mapping[str, str]:
        """Each member's last word on the proposal that is open, in the order in which they first spoke; {} if none
        is open."""
        ...

    def take_stance(self, number: int, member: str, stance: str, reason: str, now: datetime) -> None: ...

    def forget_stances(self, number: int) -> None:
        """The proposal is over."""
        ...
