"""``/reply``: the text below goes to the reporter, in the group's name."""

from mailbot.service.answering import send
from mailbot.service.desk import Desk, Done, none
from mailbot.service.verbs.verb import Verb


def effect(desk: Desk, args: str) -> Done:
    none(args, "write the text below it")
    text = desk.text()
    done = send(desk, text, "reply")
    desk.take_message()
    return done


VERB = Verb(
    name="reply",
    arguments="",
    help="the text below goes to the reporter and those in copy, in the group's name; this is the first response",
    example="/reply",
    effect=effect,
    message=True,
)
