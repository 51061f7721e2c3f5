"""``/cvss VECTOR``: the CVSS vector; the severity follows from it unless a member set one."""

from mailbot.domain.severity import rating
from mailbot.mail.control import plain
from mailbot.service.desk import Desk, Done, Refused
from mailbot.service.verbs.verb import Verb

_ACCEPTED = ("a vector such as CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", "one of CVSS:4.0", "none")


def effect(desk: Desk, args: str) -> Done:
    words = plain(args)
    if words.lower() == "none":
        return Done((desk.set("cvss", None),))
    try:
        found = rating(words)
    except ValueError as error:
        raise Refused(f"{error}" if words else "it names no vector", _ACCEPTED) from error
    changes = [desk.set("cvss", found.vector)]
    lines = [f"score: {found.score} ({found.severity})"]
    if desk.about.severity_judged:
        lines.append(f"severity stays {desk.about.severity}: a member set it")
    elif desk.about.severity != found.severity:
        changes.append(desk.set("severity", found.severity))
    return Done(tuple(changes), tuple(lines))


VERB = Verb(
    name="cvss",
    arguments="VECTOR",
    help="the CVSS vector (3.1 or 4.0); the severity follows from it unless a member set one",
    example="/cvss CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H",
    effect=effect,
)
