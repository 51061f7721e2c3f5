"""People from outside who take part in an issue: ``/cc`` and ``/expert``.

In copy: they get what goes to the reporter. Expert: they see what the members write, always encrypted, so an operator
must have imported a key that names their address. Nobody is both, or the reporter, or a member.
"""

from mailbot.domain.issue import Role
from mailbot.mail.author import mailboxes
from mailbot.service.desk import Change, Desk, Done, Refused, added_and_removed
from mailbot.service.store import ReporterKey

MOST = 30
"""People from outside in one issue."""
_WHAT = {Role.CC: "cc", Role.EXPERT: "expert"}


def change(desk: Desk, args: str, role: Role) -> Done:
    """Add and take away participants of a role."""
    number = desk.about.number
    added, removed = ([_address(desk, word) for word in words] for words in added_and_removed(args))
    if not (added or removed):
        raise Refused("it names nobody", ["+ADDRESS", "-ADDRESS"])
    there = {one.address.lower(): one for one in desk.about.participants}
    keys: dict[str, ReporterKey] = {}
    for address in added:
        known = there.get(address.lower())
        if known is not None and known.role is not role:
            raise Refused(f"{address} takes part already, as {known.role}")
        if desk.settings.member_by_address(address) is not None:
            raise Refused(f"{address} is a member, and gets everything")
        if role is Role.EXPERT:
            keys[address] = _key(desk, address)
    for address in removed:
        if there.get(address.lower()) is None or there[address.lower()].role is not role:
            raise Refused(f"{address} is not there as {_WHAT[role]}")
    if len(there) + len(added) > MOST:
        raise Refused(f"at most {MOST} people from outside take part in an issue")
    before = _names(desk, role)
    for address in added:
        if address.lower() not in there:
            desk.unit.add_participant(number, role, address, "")
        if address in keys:
            desk.unit.set_key(number, address, keys[address])
    for address in removed:
        desk.unit.remove_participant(number, there[address.lower()].address)
    desk.refresh()
    after = _names(desk, role)
    if after == before:
        return Done(lines=(f"{_WHAT[role]}: so already",))
    desk.unit.audit(number, desk.actor, _WHAT[role], desk.now, old=before, new=after)
    lines = []
    if role is Role.CC and desk.about.encrypted:
        lines.append("the report came encrypted: without a key of theirs they get nothing, since nothing goes in clear")
    if role is Role.EXPERT:
        for address in added:
            if address.lower() not in there:
                desk.unit.introduce(number, address, desk.now)
                lines.append(f"{address} gets the report, encrypted to {keys[address].fingerprint}")
    return Done((Change(_WHAT[role], ", ".join(before) or None, ", ".join(after) or None),), tuple(lines))


def _names(desk: Desk, role: Role) -> list[str]:
    return [one.address for one in desk.about.participants if one.role is role]


def _address(desk: Desk, word: str) -> str:
    found = mailboxes(word.strip("<>"))
    if len(found) != 1 or not found[0].address:
        raise Refused(f'"{word[:80]}" is no mail address', ["+ADDRESS", "-ADDRESS"])
    address = found[0].address
    group = desk.settings.group
    if address.lower().partition("+")[0].partition("@")[0] == group.local_part.lower() and address.lower().endswith(
        f"@{group.domain.lower()}"
    ):
        raise Refused(f"{address} is the group's own")
    return address


def _key(desk: Desk, address: str) -> ReporterKey:
    found = desk.unit.keys_for(address)
    if len(found) == 1:
        return found[0]
    if found:
        raise Refused(f"several imported keys name {address}; an operator must take away all but one")
    raise Refused(f"no imported key names {address}; an operator imports it with mailbot key import FILE")
