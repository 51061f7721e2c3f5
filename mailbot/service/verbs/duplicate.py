"""``/duplicate EX-41``: this report tells of what EX-41 tells of. Its reporter never learns of the other one."""

from mailbot.mail.control import plain
from mailbot.service.desk import Desk, Done, Refused
from mailbot.service.verbs.verb import Verb


def effect(desk: Desk, args: str) -> Done:
    issue = desk.about
    if plain(args).lower() == "none":
        if issue.duplicate_of is None:
            raise Refused("it is no duplicate")
        return Done((desk.set("duplicate_of", None, "duplicate", desk.named),))
    root = desk.find(args)
    if root.duplicate_of is not None:
        raise Refused(
            f"{desk.named(root.number)} is itself a duplicate of {desk.named(root.duplicate_of)}; name that one"
        )
    if root.number == issue.number:
        raise Refused("an issue is no duplicate of itself")
    if followers := desk.unit.duplicates_of(issue.number):
        raise Refused(f"{', '.join(map(desk.name_of, followers))} is a duplicate of this one; change that first")
    desk.show(issue)
    change = desk.set("duplicate_of", root.number, "duplicate", desk.named)
    lines = (
        "its reporter is answered here, and what they write goes to the members; /reply in "
        f"{desk.name_of(root.number)} does not reach them",
    )
    return Done((change,), lines)


VERB = Verb(
    name="duplicate",
    arguments="EX-41 or none",
    help="this issue is the same as another; its reporter is still answered here and hears nothing of the other",
    example="/duplicate EX-41",
    effect=effect,
    tell=True,
)
