"""``/publish``: it becomes public, announced in the group's name. Takes two members."""

from mailbot.mail.times import when
from mailbot.service.desk import Change, Desk, Done, Refused, none
from mailbot.service.publishing import publish, too_early
from mailbot.service.verbs.verb import Verb


def second(desk: Desk, args: str) -> bool:
    _check(desk, args)
    return True


def effect(desk: Desk, args: str) -> Done:
    _check(desk, args)
    if not desk.seconded:
        raise Refused("it takes two members, each by a mail of theirs")
    number = desk.about.number
    lines = publish(desk, number)
    desk.unit.audit(number, desk.actor, "publish", desk.now, new=desk.now.isoformat())
    desk.refresh()
    return Done((Change("published", None, when(desk.now)),), (*lines, "when nothing is left to do: /close fixed"))


def _check(desk: Desk, args: str) -> None:
    none(args)
    if why := too_early(desk.about, desk.now):
        raise Refused(f"{desk.id} cannot be published: {why}")


VERB = Verb(
    name="publish",
    arguments="",
    help="it is public: announced, and the embargo over; once that date is past or a lift agreed, and with two members",
    example="/publish",
    effect=effect,
    second=second,
    tell=True,
)
