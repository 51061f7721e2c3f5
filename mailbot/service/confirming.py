"""``/confirm``: the second step of commands that were parked, by the member who wrote them or by another one.

A token opens one row. It is given to the member whose commands they are, or to all others where two must agree; so what
runs is what that mail showed, and it runs once.
"""

from typing import TYPE_CHECKING

from mailbot.config import Member
from mailbot.mail.control import plain, read
from mailbot.mail.envelope import Strength
from mailbot.service import parking, trust
from mailbot.service.command_records import Parked
from mailbot.service.commanding import Answer, Errand, carry_out, finish, refused, tell
from mailbot.service.desk import Refused
from mailbot.service.verbs import NAMES

if TYPE_CHECKING:
    from mailbot.service.handlers import Case, Outcome


def is_confirmation(case: "Case") -> bool:
    return any(command.verb == "confirm" for command in case.message.block.commands)


def confirm(case: "Case") -> "Outcome":
    """Run what was parked, if this mail may say so."""
    member, message = case.facts.member, case.message
    if member is None:
        raise ValueError("a confirmation without an authenticated member")
    proved = case.facts.proof is trust.Proof.SIGNATURE
    number = case.facts.issue.number if case.facts.issue else None
    here = Errand(case, member, number, "", message.message_id, {}, message.opened, proved=proved)
    try:
        parked = _find(case, member)
    except Refused as error:
        tell(here, [Answer(line, (f"error: {error.words()}",), done=False) for line in message.block.lines])
        return finish(case, member)
    author = case.settings.member_by_id(parked.member)
    if author is None or not case.unit.unpark(parked.id, case.now):
        raise ValueError("parked commands that were looked at cannot run")
    lines = read("\n".join(parked.content["lines"]), NAMES).commands
    case.unit.audit(parked.issue, member.id, "confirm", case.now, new={"of": author.id, "lines": len(lines)})
    errand = Errand(
        case, author, parked.issue, parked.content["message"], message.message_id, parked.content["relayed"],
        message.opened, proved=parked.second, seconded=parked.second,
    )  # fmt: skip
    if parked.second:
        shown = f"confirmed: {parked.content['lines'][0]}"
        tell(here, [Answer(line, (shown,), True, parked.issue) for line in message.block.lines])
        errand = Errand(
            case, author, parked.issue, "", parked.content["message_id"], {},
            parked.content.get("opened") or message.opened, proved=True, seconded=True,
        )  # fmt: skip
    carry_out(errand, lines)
    return finish(case, member)


def _find(case: "Case", member: Member) -> Parked:
    """The parked commands that the mail is about. Raises `Refused`."""
    if why := refused(case, member):
        raise Refused(why)
    block, target = case.message.block, case.message.target
    if len(block.commands) != 1 or block.unknown is not None:
        raise Refused("/confirm stands alone in its mail")
    token = plain(block.commands[0].args) or (target.token if target.strength is Strength.CONFIRM else "")
    if not token:
        raise Refused("it has no token; reply to the mail that asks for it, or copy its line /confirm TOKEN")
    number = case.tokens.confirmed(token)
    parked = case.unit.parked(number) if number is not None else None
    # Nobody learns by a guess whether there is something that somebody else is to confirm.
    if parked is None or (parked.member == member.id) is parked.second:
        if parked is not None and parked.second:
            raise Refused("another member must confirm this, not who asked for it")
        raise Refused("that token is none of yours")
    if parked.done:
        raise Refused("already processed: that was confirmed before, and runs once")
    if case.now - parked.at > parking.LIFETIME:
        raise Refused(f"it is too late: a /confirm counts for {parking.LIFETIME.days} days")
    proof, auth = case.facts.proof, case.settings.commands.auth
    if parked.second and proof is not trust.Proof.SIGNATURE and auth != "confirm":
        raise Refused("this takes a signed mail")
    if case.settings.member_by_id(parked.member) is None:
        raise Refused("who asked for it is no member any more")
    return parked
