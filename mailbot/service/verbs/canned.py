"""``/canned NAME``: a ready answer goes to the reporter."""

from mailbot.errors import ConfigError
from mailbot.mail.control import plain
from mailbot.service import canned
from mailbot.service.answering import send
from mailbot.service.desk import Desk, Done, Refused
from mailbot.service.verbs.verb import Verb


def effect(desk: Desk, args: str) -> Done:
    name, known = plain(args).lower(), canned.names(desk.settings)
    if name not in known:
        raise Refused(f'there is no canned answer "{name}"' if name else "it names no canned answer", known)
    try:
        text = canned.text(desk.settings, name, desk.id)
    except ConfigError as error:
        raise Refused(f"an operator must mend it: {error}") from error
    return send(desk, text, "canned")


VERB = Verb(
    name="canned",
    arguments="NAME",
    help="a ready answer goes to the reporter; an unknown name lists those there are",
    example="/canned thanks",
    effect=effect,
)
