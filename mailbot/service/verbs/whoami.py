"""``/whoami``: whom the bot takes you for, and by what."""

from mailbot.service.desk import Desk, Done, none
from mailbot.service.verbs.verb import Scope, Verb


def effect(desk: Desk, args: str) -> Done:
    none(args)
    if desk.member is None:
        return Done(lines=("an operator on the machine",))
    member = desk.member
    lines = [
        f"{member.id}, {member.name} <{member.email}>",
        "proved by your signature" if desk.proved else "proved by DMARC: your mail is not signed",
        f"key: {member.fingerprint or 'none in the config'}",
        f"affiliation: {member.affiliation or 'none in the config'}",
        "on call" if member.oncall else "not on call",
    ]
    return Done(lines=tuple(lines))


VERB = Verb(
    name="whoami",
    arguments="",
    help="whom the bot takes you for, and by what",
    example="/whoami",
    effect=effect,
    scope=Scope.GROUP,
)
