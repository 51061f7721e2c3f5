"""``/embargo``: until when the issue is confidential."""

import re

from mailbot.domain.embargo import read_end
from mailbot.mail.control import plain
from mailbot.mail.times import left, when
from mailbot.service import clockwork
from mailbot.service.desk import Change, Desk, Done, Refused
from mailbot.service.verbs.verb import Verb

_TIME = re.compile(r"\d{1,2}:\d{2}")


def effect(desk: Desk, args: str) -> Done:
    issue = desk.open_issue
    if issue.published_at is not None:
        raise Refused(f"{desk.id} was published on {when(issue.published_at)}")
    date, _, reason = plain(args).partition(" ")
    if _TIME.match(reason):
        # "2026-12-24 15:00Z" is one date.
        time, _, reason = reason.partition(" ")
        date = f"{date} {time}"
    if not date:
        raise Refused("it needs a date", ["/embargo 2026-12-24", "/embargo 2026-12-24T15:00Z", "/embargo +14d", "none"])
    try:
        end = read_end(date, desk.now)
    except ValueError as error:
        raise Refused(str(error)) from None
    before = issue.embargo_until
    lines = clockwork.set_embargo(desk, issue.number, end)
    new = {"until": end.isoformat() if end else None, "reason": reason}
    desk.unit.audit(
        issue.number, desk.actor, "embargo", desk.now, old=before.isoformat() if before else None, new=new
    )  # fmt: skip
    desk.refresh()
    shown = f"{when(end)} ({left(end, desk.now)})" if end else "none"
    change = Change("embargo", when(before) if before else None, f"{shown}: {reason}" if reason else shown)
    return Done((change,), lines)


VERB = Verb(
    name="embargo",
    arguments="DATE or none [reason]",
    help="when it ends: 2026-12-24 (at 12:00 UTC), 2026-12-24T15:00Z, +14d from now, or none; the reporter is told",
    example="/embargo +14d the fix needs another week",
    effect=effect,
    tell=True,
)
