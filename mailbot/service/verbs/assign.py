"""``/assign MEMBER``: ask somebody to coordinate. It counts when they claim it."""

from mailbot.mail.control import plain
from mailbot.service import clockwork
from mailbot.service.desk import Change, Desk, Done, Refused
from mailbot.service.verbs.verb import Verb


def effect(desk: Desk, args: str) -> Done:
    issue, word = desk.open_issue, plain(args)
    if not word:
        raise Refused("it names nobody", [*(member.id for member in desk.settings.member), "next"])
    if word.lower() == "next":
        lines = clockwork.appoint_next(desk, issue.number)
    else:
        member = desk.member_named(word)
        if member.id == issue.owner:
            raise Refused(f"{member.id} has it already")
        lines = clockwork.assigned(desk, issue.number, member.id)
    desk.refresh()
    now_asked = desk.about.appointed
    desk.unit.audit(issue.number, desk.actor, "assign", desk.now, old=issue.appointed, new=now_asked)
    changes = (Change("appointed", issue.appointed, now_asked),) if issue.appointed != now_asked else ()
    return Done(changes, tuple(line for line in lines if now_asked is None or not line.startswith("appointed: nobody")))


VERB = Verb(
    name="assign",
    arguments="MEMBER or next",
    help="asks a member to coordinate, or the next one on call; it counts when they type /claim",
    example="/assign next",
    effect=effect,
    tell=True,
)
