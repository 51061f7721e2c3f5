"""``/ask``: like ``/reply``, and now the group waits for the reporter."""

from mailbot.service.answering import send
from mailbot.service.desk import Change, Desk, Done, none
from mailbot.service.verbs.verb import Verb


def effect(desk: Desk, args: str) -> Done:
    none(args, "write the text below it")
    issue = desk.open_issue
    done = send(desk, desk.text(), "ask", waits=True)
    desk.take_message()
    changes = (Change("status", issue.status, desk.about.status),) if issue.status != desk.about.status else ()
    return Done(changes, done.lines)


VERB = Verb(
    name="ask",
    arguments="",
    help="like /reply, and the issue waits for the reporter: clocks that only they can move stand still",
    example="/ask",
    effect=effect,
    message=True,
)
