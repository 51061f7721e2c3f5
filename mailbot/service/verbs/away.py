"""``/away FROM..TO``: the rotation skips you in that time."""

import re
from datetime import UTC, date, datetime, timedelta

from mailbot.mail.control import plain
from mailbot.mail.times import when
from mailbot.service import clockwork
from mailbot.service.desk import Desk, Done, Refused
from mailbot.service.verbs.verb import Scope, Verb

_ACCEPTED = ("/away 2026-12-20..2027-01-06", "/away 2026-12-20 for one day")
_LONGEST = timedelta(days=400)
_PERIOD = re.compile(r"(\d{4}-\d{2}-\d{2})(?: ?(?:\.\.\.?|to|until|-) ?(\d{4}-\d{2}-\d{2}))?")


def effect(desk: Desk, args: str) -> Done:
    if desk.member is None:
        raise Refused("only a member can be away")
    words = plain(args).lower()
    found = _PERIOD.fullmatch(words)
    if found is None:
        raise Refused(f'"{words}" is no time' if words else "it names no time", _ACCEPTED)
    try:
        first, last = date.fromisoformat(found[1]), date.fromisoformat(found[2] or found[1])
    except ValueError as error:
        raise Refused(f'"{words}" is no date of the calendar', _ACCEPTED) from error
    # Whole days in UTC, the last one included.
    begins = datetime(first.year, first.month, first.day, tzinfo=UTC)
    ends = datetime(last.year, last.month, last.day, tzinfo=UTC) + timedelta(days=1)
    if last < first or ends <= desk.now or ends - begins > _LONGEST:
        raise Refused("the time ends before it begins, is over, or is longer than a year", _ACCEPTED)
    owned = clockwork.went_away(desk, desk.member.id, begins, ends)
    new = {"from": begins.isoformat(), "to": ends.isoformat()}
    desk.unit.audit(None, desk.actor, "away", desk.now, new=new)
    lines = [f"away: {when(begins)} to {when(ends)}; the rotation skips you"]
    if owned:
        lines.append(f"you coordinate {', '.join(map(desk.name_of, owned))}: please hand over with /assign or /unclaim")
    return Done(lines=tuple(lines))


VERB = Verb(
    name="away",
    arguments="FROM..TO",
    help="the rotation skips you in that time (whole days, UTC); what you coordinate you are asked to hand over",
    example="/away 2026-12-20..2027-01-06",
    effect=effect,
    scope=Scope.GROUP,
)
