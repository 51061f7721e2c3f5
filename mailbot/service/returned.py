"""Mail of ours that came back: what a bounce says of it, in whatever dialect.

The order is that of trust: what is for machines (RFC 3464), what flufl.bounce knows to read, the codes of SMTP, which
are the same in every language. Words alone never make a mail a bounce.
"""

from dataclasses import dataclass

from mailbot.mail import bounce
from mailbot.mail.auto_reply import Automatic, automatic
from mailbot.mail.bounce import Action
from mailbot.mail.envelope import Strength, Target
from mailbot.mail.structure import Structure
from mailbot.service.ports import Parser


@dataclass(frozen=True, slots=True)
class Returned:
    """`is_bounce` is about the mail's shape alone; the rest is empty for what cannot be a bounce."""

    is_bounce: bool = False
    action: Action = Action.UNKNOWN
    code: str = ""
    """Such as ``5.1.1`` or ``550``; "" if it gives none."""
    recipients: tuple[str, ...] = ()
    """To whom it could not be delivered, as the reporting system writes it."""
    message_ids: tuple[str, ...] = ()
    """Of the copies of what came back."""


NOTHING_RETURNED = Returned()


def look(
    raw: bytes, structure: Structure, reverse_path: str, target: Target, parser: Parser, *, by_the_list: bool = False
) -> Returned:
    """What `raw` says if it is a bounce, or came where only bounces come. `structure` is ``parse(raw)``. `by_the_list`:
    the list that stands for the members wrote it, which sends what it rejects back in a form of its own."""
    if by_the_list:
        ids = bounce.returned_message_ids(raw, structure)
        return Returned(action=Action.FAILED, message_ids=ids) if ids else NOTHING_RETURNED
    is_bounce = bounce.is_bounce(structure, reverse_path)
    if not is_bounce and target.strength is not Strength.BOUNCE and not bounce.from_nobody(reverse_path):
        return NOTHING_RETURNED
    ids = bounce.returned_message_ids(raw, structure)
    found = [one for one in bounce.deliveries(raw, structure) if one.action is not Action.UNKNOWN]
    failed = [one for one in found if one.action is Action.FAILED]
    if found:
        worst = (failed or found)[0]
        recipients = tuple(one.recipient for one in failed or found)
        return Returned(is_bounce, worst.action, worst.status, recipients, ids)
    said = bounce.stated(structure.text)
    action = parser.bounce(raw)
    to_bounces = target.strength is Strength.BOUNCE and bounce.from_nobody(reverse_path)
    # A vacation reply goes there too, and may hold any number.
    if action is Action.UNKNOWN and (is_bounce or (to_bounces and automatic(structure) is not Automatic.REPLY)):
        action = said.action
    code = said.status if said.action is action else ""
    return Returned(is_bounce, action, code, (), ids)
