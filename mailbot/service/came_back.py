"""Which of our mails a bounce is about that did not come to the keyed address, because some systems write to From.

The copy that came back carries our Message-ID, which only its recipients know; copies to several members share it, and
then the address that failed tells them apart.
"""

from mailbot.service.message import Message
from mailbot.service.store import Unit
from mailbot.service.tokens import Tokens


def mail(unit: Unit, message: Message, tokens: Tokens) -> tuple[int, int] | None:
    """Its (notice, seq), if there is exactly one that it can be."""
    ids = [one for one in message.returned if tokens.is_own(one)][:1]
    found = [
        row for number in sorted(unit.named_by(ids)) for row in unit.sent(number) if tokens.names(ids[0], *row[:2])
    ]
    named = {address.lower() for address in message.returned_to}
    if len(found) > 1:
        found = [row for row in found if row[2].lower() in named]
    return found[0][:2] if len(found) == 1 else None
