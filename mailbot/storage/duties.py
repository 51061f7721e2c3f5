"""`service.duties.Duties` on a database: clocks, who is away, whose turn it is, where members stand on a lift."""

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, and_, bindparam, delete, func, insert, or_, select, update

from mailbot.domain.clocks import Clock, ClockState, Plan
from mailbot.domain.rotation import Away
from mailbot.storage import views
from mailbot.storage.tables import away, clock, issue, stance, turn
from mailbot.storage.unseal import Box
from mailbot.storage.vault import row_id

_ADD_CLOCK = insert(clock)
_SAVE_CLOCK = update(clock).where(clock.c.id == bindparam("clock_id"))
_MICROSECOND = timedelta(microseconds=1)


class DutyRecords(ABC):
    """The part of a unit of work that knows clocks."""

    _connection: Connection

    @abstractmethod
    def _box(self, number: int | None) -> Box:
        """The box for an issue's values, or for those that belong to none."""

    # Clocks

    def start_clock(
        self, number: int | None, name: str, started_at: datetime, plan: Plan, *, subject: str | None = None,
        data: Mapping[str, Any] | None = None,
    ) -> Clock:  # fmt: skip
        row = {
            "issue_id": number, "name": name, "subject": subject, "state": ClockState.RUNNING, "started_at": started_at,
            "due_at": plan.due_at, "next_at": plan.firings[0].at, "plan": views.plan_json(plan.firings),
            "business": plan.business, "data": json.dumps(data or {}),
        }  # fmt: skip
        made = self._connection.execute(_ADD_CLOCK, row)
        return Clock(
            row_id(made), number, name, ClockState.RUNNING, started_at, plan.due_at,
            plan.firings[0].at, plan.firings, 0, plan.business, subject=subject, data=data or {},
        )  # fmt: skip

    def save_clock(self, clock: Clock) -> None:
        row = {
            "state": clock.state, "due_at": clock.due_at, "next_at": clock.next_at,
            "plan": views.plan_json(clock.firings), "fired": clock.fired, "business": clock.business,
            "paused_at": clock.paused_at, "paused": clock.paused // _MICROSECOND, "fired_at": clock.fired_at,
            "ended_at": clock.ended_at, "data": json.dumps(dict(clock.data)),
        }  # fmt: skip
        self._connection.execute(_SAVE_CLOCK.values(row), {"clock_id": clock.id})

    def standing_clocks(self, name: str) -> list[Clock]:
        query = select(clock).where(clock.c.issue_id.is_(None), clock.c.name == name, clock.c.ended_at.is_(None))
        return [views.clock_view(row) for row in self._connection.execute(query.order_by(clock.c.id))]

    # Issues

    def owned_by(self, member: str) -> list[int]:
        mine = or_(issue.c.owner == member, issue.c.appointed == member)
        query = select(issue.c.id).where(issue.c.status != "closed", mine).order_by(issue.c.id)
        return list(self._connection.scalars(query))

    # Turns

    def away(self) -> Sequence[Away]:
        query = select(away).order_by(away.c.begins_at, away.c.id)
        return [Away(row.member_id, row.begins_at, row.ends_at) for row in self._connection.execute(query)]

    def add_away(self, member: str, begins_at: datetime, ends_at: datetime) -> None:
        self._connection.execute(insert(away).values(member_id=member, begins_at=begins_at, ends_at=ends_at))

    def end_away(self, member: str, now: datetime) -> int:
        mine = and_(away.c.member_id == member, away.c.ends_at > now)
        dropped = self._connection.execute(delete(away).where(mine, away.c.begins_at >= now)).rowcount
        return dropped + self._connection.execute(update(away).where(mine).values(ends_at=now)).rowcount

    def last_turns(self) -> Mapping[str, int]:
        query = select(turn.c.member_id, func.max(turn.c.id)).group_by(turn.c.member_id)
        return {member: number for member, number in self._connection.execute(query)}

    def add_turn(self, number: int, member: str, now: datetime) -> None:
        self._connection.execute(insert(turn).values(issue_id=number, member_id=member, at=now))

    # Lifts

    def stances(self, number: int) -> Mapping[str, str]:
        query = select(stance).where(stance.c.issue_id == number).order_by(stance.c.seq)
        return {row.member_id: row.stance for row in self._connection.execute(query)}

    def take_stance(self, number: int, member: str, stance_: str, reason: str, now: datetime) -> None:
        mine = and_(stance.c.issue_id == number, stance.c.member_id == member)
        sealed = self._box(number).seal_json({"reason": reason}, "stance")
        values = {"stance": stance_, "at": now, "sealed": sealed}
        if self._connection.execute(update(stance).where(mine).values(**values)).rowcount:
            return
        seq = self._connection.scalar(select(func.count()).where(stance.c.issue_id == number)) or 0
        self._connection.execute(insert(stance).values(issue_id=number, member_id=member, seq=seq, **values))

    def forget_stances(self, number: int) -> None:
        self._connection.execute(delete(stance).where(stance.c.issue_id == number))
