"""Held mail: what looks like spam, or comes in a flood, waits for a person's word and is never lost.

`reason` decides within the transaction that decides about a mail. `release` and `discard` are the persons' words: by
mail command, or by the command line. A released mail is handled as if it had just been claimed for the first time, with
everything counted from when it came.
"""

import re
from datetime import datetime, timedelta

from mailbot.config import Member, Settings
from mailbot.service.message import Message
from mailbot.service.ports import Verdict
from mailbot.service.store import HeldMail, Unit

_NAMED = re.compile("vulnerabilit", re.IGNORECASE)
"""A subject that says "vulnerability", or several of them."""
_HOUR = timedelta(hours=1)


def reason(unit: Unit, message: Message, settings: Settings, claims_member: Member | None) -> str:
    """Why a mail that would open an issue is held instead, in words for members; "" if it is not.

    What is signed or encrypted, or says in its subject what it is, is nobody's spam. (Any signature will do: reporters'
    keys are mostly unknown, and spam has none.) A member's address is exempt from the limit for floods unless the front
    knows better, and from the score only if DMARC passed for it.
    """
    if message.released or message.came_encrypted or message.signature.verdict is not Verdict.UNSIGNED:
        return ""
    if _NAMED.search(message.subject):
        return ""
    proved = claims_member is not None and message.checks.dmarc_pass_for(message.author)
    if message.spam_score is not None and message.spam_score > settings.hold.spam_score and not proved:
        return f"spam score {message.spam_score:g}, over {settings.hold.spam_score:g}"
    if claims_member is not None and message.checks.dmarc != "fail":
        return ""
    received_at = message.envelope.received_at
    if unit.reports_of_sender(received_at - _HOUR, received_at) >= settings.hold.per_sender:
        return f"more than {settings.hold.per_sender} reports in an hour from this sender"
    return ""


def release(unit: Unit, number: int, actor: str, now: datetime) -> HeldMail | None:
    """Let a held mail through: it is handled as an ordinary report. A discarded one can still be released.

    `number` is the inbox row's, as the digest and `mailbot queue held` show it; `actor` a member's id or ``operator``.
    Returns what was released; None if no mail of this number is held, and then nothing changed.
    """
    mail = unit.held_mail(number)
    if mail is None:
        return None
    unit.let_through(number, actor)
    unit.audit(None, actor, "release", now, new={"mail": number, "cause": mail.cause})
    return mail


def discard(unit: Unit, number: int, actor: str, now: datetime) -> HeldMail | None:
    """Decide that a held mail is nothing: nobody is answered. Its row and its bytes stay. As `release` otherwise."""
    mail = unit.held_mail(number)
    if mail is None or mail.discarded:
        return None
    unit.drop_held(number, now)
    unit.audit(None, actor, "discard", now, new={"mail": number, "cause": mail.cause})
    return mail
