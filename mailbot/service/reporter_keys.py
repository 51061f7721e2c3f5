"""Which key is used for mail to a reporter: rules that keep a stranger from planting one.

The opening report's key counts if a user id of it names the reporter's address. Later ones count if none is known and
the mail came by the reporter's own keyed address, or if the known key signed the mail. Every other new key is shown to
the members as what it may be, a takeover; an operator can still take it with ``mailbot key import --issue``.
"""

from mailbot.domain.issue import Role
from mailbot.service.carried_keys import CarriedKey
from mailbot.service.message import Message
from mailbot.service.router import Facts
from mailbot.service.store import ReporterKey, Unit


def of_report(message: Message) -> ReporterKey | None:
    """The key that a report brings for its own author."""
    return next((ReporterKey(key.fingerprint, key.armor) for key in _own(message)), None)


def of_follow_up(unit: Unit, message: Message, facts: Facts) -> list[str]:
    """Take over the key of a follow-up if that is safe. Returns what members should know, in plain words."""
    if facts.issue is None or facts.role is not Role.REPORTER:
        return []
    known = facts.issue.reporter_key
    remarks = []
    for key in _own(message):
        if known is not None and key.fingerprint == known.fingerprint:
            if signed_by_known(message, facts) or facts.keyed:
                unit.set_key(facts.issue.number, message.author, ReporterKey(key.fingerprint, key.armor))
        elif (known is None and facts.keyed) or signed_by_known(message, facts):
            unit.set_key(facts.issue.number, message.author, ReporterKey(key.fingerprint, key.armor))
            remarks.append(f"the reporter's key is now {key.fingerprint}")
            known = ReporterKey(key.fingerprint, key.armor)
        else:
            remarks.append(
                f"it brings another key, {key.fingerprint}, which is not used: this may be a takeover. Ask the "
                "reporter by another way; then an operator can take it with: mailbot key import --issue"
            )
    return remarks


def signed_by_known(message: Message, facts: Facts) -> bool:
    """Whether the reporter's known key signed the whole mail."""
    known = facts.issue.reporter_key if facts.issue else None
    return (
        known is not None
        and facts.role is Role.REPORTER
        and message.signature.good
        and message.signer == "known"
        and message.signature.fingerprint == known.fingerprint
    )


def _own(message: Message) -> list[CarriedKey]:
    """The usable keys in a mail that name its author's address."""
    return [key for key in message.keys if key.usable and message.author.lower() in key.addresses]
