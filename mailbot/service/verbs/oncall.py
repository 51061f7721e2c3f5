"""``/oncall``: you are there again. Who is on call at all stands in the config."""

from mailbot.service import clockwork
from mailbot.service.desk import Desk, Done, Refused, none
from mailbot.service.verbs.verb import Scope, Verb


def effect(desk: Desk, args: str) -> Done:
    none(args, "who is on call at all stands in the config")
    if desk.member is None:
        raise Refused("only a member can be on call")
    ended = clockwork.came_back(desk, desk.member.id)
    desk.unit.audit(None, desk.actor, "oncall", desk.now, new={"ended": ended})
    lines = [f"ended or dropped: {ended} time{'' if ended == 1 else 's'} away" if ended else "you were not away"]
    if not desk.member.oncall:
        lines.append("the config does not have you on call: an operator changes that")
    return Done(lines=tuple(lines))


VERB = Verb(
    name="oncall",
    arguments="",
    help="you are there again: ends and drops what you said with /away",
    example="/oncall",
    effect=effect,
    scope=Scope.GROUP,
)
