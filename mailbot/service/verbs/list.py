"""``/list``: which issues there are. Answered only to who asks."""

from mailbot.mail.control import plain
from mailbot.service.desk import Desk, Done, Refused
from mailbot.service.verbs.verb import Scope, Verb

FILTERS = ("mine", "open", "overdue", "due", "unclaimed")
_MOST = 100
"""Issues that are shown, the newest: a mail is no place for more."""


def effect(desk: Desk, args: str) -> Done:
    word = plain(args).lower() or "open"
    if word not in FILTERS:
        raise Refused(f'"{word}" is not understood', [f"/list {one}" for one in FILTERS])
    found = desk.unit.listed(word, desk.actor, _MOST + 1, desk.now)
    lines = []
    for row in found[:_MOST]:
        desk.secret |= row.encrypted
        state = ", ".join(filter(None, (row.status, row.owner or "nobody has it", row.severity)))
        lines.append(f"{desk.name_of(row.number)}  {state}: {row.title or '(forgotten)'}")
    if len(found) > _MOST:
        lines.append("and older ones")
    what = {"mine": "yours", "due": "due within 7 days"}.get(word, word)
    return Done(lines=tuple(lines) or (f"no issue is {what}",))


VERB = Verb(
    name="list",
    arguments="[mine, open, overdue, due or unclaimed]",
    help="which issues there are (due: within 7 days); answered only to you",
    example="/list overdue",
    effect=effect,
    scope=Scope.GROUP,
)
