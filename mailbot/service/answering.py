"""Writing to the reporter in the group's name: what ``/reply``, ``/ask`` and ``/canned`` have in common.

A text goes out only if it holds nothing internal, and to nobody in clear if the report came encrypted. The member sees
the very text and to whom it went; the others get a copy. Who can be reached is decided here by the keys that are known;
if one turns out unusable when the mail is made, the members are told that it was not sent.
"""

from dataclasses import dataclass

from mailbot.domain.issue import Role
from mailbot.mail.control import ids
from mailbot.mail.leaks import SHOWN, Leak, leaks
from mailbot.service import clockwork
from mailbot.service.desk import Desk, Done, Refused
from mailbot.service.store import IssueView, Participant

DUPLICATES = 20
"""Of one root whose texts are looked at: each costs what the issue itself does."""
_ANOTHERS = "about a report by somebody else"


@dataclass(frozen=True, slots=True)
class _Way:
    """How one participant is reached; `how` is "" if they are not."""

    who: Participant
    how: str
    key: str = ""


def send(desk: Desk, text: str, verb: str, *, waits: bool = False) -> Done:
    """Send `text` to the reporter and those in copy. Raises `Refused` if it may not go out, or reaches nobody."""
    issue = desk.about
    if not issue.reporter:
        raise Refused("the report names nobody to answer to")
    # A canned answer holds nothing of the issue, and everybody may know it: a stranger who writes it in a member's name
    # must not make it an internal note.
    if verb != "canned":
        _check(desk, issue, text)
    ways = [_way(issue, one) for one in issue.participants if one.role is not Role.EXPERT]
    ways.sort(key=lambda way: way.who.role is not Role.REPORTER)
    to_reporter = next((way for way in ways if way.who.role is Role.REPORTER), None)
    if to_reporter is None or not to_reporter.how:
        raise Refused(
            f"{issue.reporter} wrote encrypted and no key of theirs is known; nothing was sent, since nothing goes out "
            "in clear. Ask them to reply to their acknowledgement with their public key attached, or take their key "
            f"from where you trust it: an operator imports it with mailbot key import FILE --issue {desk.id}"
        )
    sent = [f"{way.who.address}, {way.how}" for way in ways if way.how]
    number = issue.number
    to = [[way.who.address, desk.unit.last_word(number, way.who.address)] for way in ways if way.how]
    author = desk.member.id if desk.member else None
    desk.unit.notify("reply", number, {"member": author, "to": to, "text": text}, desk.now)
    desk.unit.notify(
        "answered", number, {"member": author, "to": sent, "text": text, "waits": waits}, desk.now
    )  # fmt: skip
    desk.unit.audit(number, desk.actor, verb, desk.now, new={"to": [way.who.address for way in ways if way.how]})
    clocks = clockwork.human_word(desk, number)
    if waits:
        still = clockwork.waiting(desk, number)
        names = {line.partition(":")[0] for line in still}
        clocks = (*(line for line in clocks if line.partition(":")[0] not in names), *still)
    desk.refresh()
    lines = [f"goes to {way.who.address}, {way.how}{way.key}" for way in ways if way.how]
    lines += [f"NOT sent to {way.who.address}: no key of theirs is known" for way in ways if not way.how]
    lines += [f"left out, and not run, because it stands below your text: {line}" for line in desk.left_out]
    return Done(lines=(*lines, *clocks, "", *text.split("\n")))


def _way(issue: IssueView, who: Participant) -> _Way:
    if who.key is not None:
        return _Way(who, "encrypted", f" to their key {who.key.fingerprint}")
    return _Way(who, "" if issue.encrypted else "in clear, as the report came")


def _check(desk: Desk, issue: IssueView, text: str) -> None:
    """Refuse a text that holds something internal, or something of another reporter's, and show where."""
    here = desk.unit.texts(issue.number)
    known = {one.address.lower() for one in issue.participants}
    related = [(one, desk.unit.texts(one.number)) for one in _same(desk, issue)]
    internal = [*here.internal, *(note for _, texts in related for note in texts.internal)]
    others = [(one, texts) for one, texts in related if one.reporter and one.reporter.lower() not in known]
    reports = [report for _, texts in others for report in texts.outside[-1:]]
    found = leaks(text, internal, here.outside) + leaks(text, reports, here.outside, what=_ANOTHERS)
    for number, line in enumerate(text.split("\n"), 1):
        named = ids(line, desk.settings.group.id_prefix)
        if any(one.number in named or one.reporter.lower() in line.lower() for one, _ in others):
            found.append(Leak(number, line.strip(), _ANOTHERS))
    if found:
        where = "; ".join(f'line {leak.line} is {leak.what}: "{leak.text[:100]}"' for leak in found[:SHOWN])
        raise Refused(f"not sent: {where}")


def _same(desk: Desk, issue: IssueView) -> list[IssueView]:
    """The other reports of the same thing: its root, and the newest of that one's duplicates."""
    root = issue.duplicate_of or issue.number
    numbers = (root, *sorted(desk.unit.duplicates_of(root), reverse=True)[:DUPLICATES])
    found = (desk.unit.issue(number) for number in numbers if number != issue.number)
    return [one for one in found if one is not None]
