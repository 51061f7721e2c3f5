"""Commands that wait: for their own author's ``/confirm`` (an unsigned mail), or for another member's.

What is kept is exactly what will run; the mail that asks for the ``/confirm`` shows it in full, and its token opens
this row and no other, once, for `LIFETIME`.
"""

from collections.abc import Sequence
from datetime import timedelta

from mailbot.config import Settings
from mailbot.mail.control import Command
from mailbot.service.message import Message
from mailbot.service.store import Unit
from mailbot.service.tokens import Tokens

LIFETIME = timedelta(days=3)


def park(
    unit: Unit, tokens: Tokens, message: Message, number: int | None, member: str, lines: Sequence[Command],
) -> None:  # fmt: skip
    """Keep a member's unsigned commands, and ask that member whether they are theirs."""
    now = message.envelope.received_at
    text = message.block.message
    content = {
        "lines": [one.line for one in lines], "message": text, "message_id": message.message_id,
        "relayed": dict(message.relayed()),
    }  # fmt: skip
    parked = unit.park(number, member, content, now, second=False)
    params = {
        "member": member, "token": tokens.confirm(parked), "lines": content["lines"], "text": text,
        "in_reply_to": message.message_id, "until": (now + LIFETIME).isoformat(),
    }  # fmt: skip
    unit.notify("confirm", number, params, now)


def ask_others(
    unit: Unit, tokens: Tokens, settings: Settings, message: Message, number: int | None, member: str, line: Command
) -> list[str]:
    """Keep one command that takes two members, and ask all the others. Returns who they are."""
    now = message.envelope.received_at
    content = {
        "lines": [line.line],
        "message": "",
        "message_id": message.message_id,
        "relayed": {},
        "opened": message.opened,
    }
    parked = unit.park(number, member, content, now, second=True)
    params = {
        "member": member, "token": tokens.confirm(parked), "lines": content["lines"],
        "until": (now + LIFETIME).isoformat(), "opened": message.opened,
    }  # fmt: skip
    unit.notify("second", number, params, now)
    return [one.id for one in settings.member if one.id != member]
