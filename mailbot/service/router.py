"""What each mail is: an ordered table, first match wins. The code only walks it; the handlers do the rest."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice

from mailbot.config import Member, Settings
from mailbot.domain.issue import Role
from mailbot.mail.envelope import Strength
from mailbot.service import held, lists
from mailbot.service.message import Message
from mailbot.service.store import IssueView, Unit
from mailbot.service.tokens import Tokens
from mailbot.service.trust import Proof, authorship, selected

MENTIONS = 10
"""Issues that one subject may name. Each costs a look into the database while its write lock is held, and a line on the
card; a header has room for thousands."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What the database knows about a mail, looked up once within the transaction that decides about it."""

    redelivery: bool
    own: bool
    bounced: tuple[int, int] | None
    """The (notice, seq) of our mail that a bounce address names."""
    came_back: bool
    """It is a bounce by its shape, or holds a copy of a mail of ours and comes from nobody or to a bounce address."""
    member: Member | None
    """The member whose mail it is, by the signature over it, whatever From says (`trust`)."""
    noting: Member | None
    """The same, or whose signature covers all of it but the footer that the group's list added: enough for a note."""
    claims_member: Member | None
    """The member whose address From carries: says nothing by itself."""
    issue: IssueView | None
    """The issue that the mail belongs to."""
    role: Role | None
    """What the author is to that issue, as a participant from outside."""
    keyed: bool
    """It came by the keyed address of its author."""
    copy: bool
    """Over the group's list came what came on the issue already: that mail named both the list and us."""
    mentions: tuple[int, ...]
    """Numbers that a stranger named, in the address, in the subject, or by answering mail of the issue."""
    proof: Proof = Proof.NONE
    """By what the mail is `member`'s."""
    doubt: str = ""
    """Why it is no member's, as half a sentence for members."""
    held: str = ""
    """Why it must wait for somebody's word, if it would open an issue."""


NOTHING_KNOWN = Facts(
    redelivery=False, own=False, bounced=None, came_back=False, member=None, noting=None, claims_member=None,
    issue=None, role=None, keyed=False, copy=False, mentions=(),
)  # fmt: skip
"""For a mail that must be kept although looking at it fails: it opens an issue of its own."""


def look_up(unit: Unit, message: Message, settings: Settings, tokens: Tokens) -> Facts:
    """Gather the facts about one mail. Order of threading: keyed or numbered address, references, subject tag."""
    wrote = authorship(message, settings)
    member = noting = wrote.member
    if message.beside_footer.good and noting is None:
        noting = settings.member_by_fingerprint(message.beside_footer.fingerprint)
    claims_member = settings.member_by_address(message.author)
    sender = noting.email if noting else message.author
    bounced = tokens.bounced(message.target.token) if message.target.strength is Strength.BOUNCE else None
    number, keyed = _thread(unit, message, noting or claims_member, sender, settings, tokens)
    if number is None and bounced is not None:
        number = unit.about(*bounced)
    issue = unit.issue(number) if number is not None else None
    seen = unit.named_by([message.message_id]) if message.over.group and message.message_id else set()
    named = set(subject_numbers(message.subject, settings.group.id_prefix))
    if message.target.number is not None:
        named.add(message.target.number)
    named.update(unit.named_by(message.references[:MENTIONS]))
    return Facts(
        redelivery=unit.redelivered(message.digest),
        own=any(tokens.is_own(one) for one in (message.message_id, *message.former_ids)),
        bounced=bounced,
        came_back=message.bounce or any(tokens.is_own(one) for one in message.returned),
        member=member,
        noting=noting,
        claims_member=claims_member,
        issue=issue,
        role=unit.role(issue.number, message.author) if issue else None,
        keyed=keyed,
        copy=issue is not None and issue.number in seen,
        mentions=tuple(sorted(named - ({issue.number} if issue else set()))),
        proof=wrote.proof,
        doubt=wrote.doubt,
        held=held.reason(unit, message, settings, claims_member) if issue is None and member is None else "",
    )


def _thread(
    unit: Unit, message: Message, member: Member | None, sender: str, settings: Settings, tokens: Tokens
) -> tuple[int | None, bool]:
    """The issue that a mail belongs to, and whether its author's own keyed address said so."""
    target = message.target
    # Another sender than a keyed address's participant is a stranger, who may still thread by references.
    if (
        target.strength is Strength.KEYED
        and target.number is not None
        and (tokens.is_participant(target.token, target.number, message.author) and unit.issue(target.number))
    ):
        return target.number, True
    if target.strength is Strength.NUMBERED and member and target.number is not None and unit.issue(target.number):
        return target.number, False
    if target.strength is Strength.CONTROL and member:
        number = selected(message, settings.group.id_prefix)
        if number is not None and unit.issue(number):
            return number, False
    # What names a list and us comes twice, under one Message-ID.
    twice = (message.message_id,) if message.message_id and (message.over.name or message.over.named) else ()
    if (found := unit.find_reference((*message.references, *twice), sender)) is not None:
        return found, False
    group = lists.group_list(settings)
    inside = member is not None or bool(message.over.group)
    # To the group, our mail went to its list.
    if group and inside and (found := unit.find_reference((*message.references, *twice), group)) is not None:
        return found, False
    for number in subject_numbers(message.subject, settings.group.id_prefix):
        if unit.issue(number) and (inside or unit.role(number, message.author)):
            return number, False
    return None, False


def subject_numbers(subject: str, prefix: str) -> tuple[int, ...]:
    """The issue numbers that a subject names as ``[EX-42]``, each once, at most the first `MENTIONS`."""
    found = re.finditer(rf"\[{re.escape(prefix)}-([1-9][0-9]{{0,8}})\]", subject, re.I)
    return tuple(islice(dict.fromkeys(int(match[1]) for match in found), MENTIONS))


@dataclass(frozen=True, slots=True)
class Route:
    """A row of the table: the handler's name, and when it is the one."""

    name: str
    matches: Callable[[Message, Facts], bool]


ROUTES = (
    Route("redelivery", lambda message, facts: facts.redelivery),
    # By the keyed Message-ID and not by From, which anybody can write.
    Route("own", lambda message, facts: facts.own),
    # Only what answers a mail of ours by itself; what a program or a list sent on an issue is still somebody's word.
    # Before bounces, because such answers too go to the envelope's sender (RFC 3834 4).
    Route("automatic", lambda message, facts: message.vacation and facts.issue is not None and not facts.came_back),
    Route("bounce", lambda message, facts: message.target.strength is Strength.BOUNCE or facts.came_back),
    Route("service", lambda message, facts: message.over.service),
    Route("copy", lambda message, facts: facts.copy),
    Route("commands", lambda message, facts: facts.member is not None and bool(message.block)),
    # Commands beside a list's footer are no member's; that they were not carried out must not go unsaid.
    Route("note", lambda message, facts: facts.issue is not None and _is_note(message, facts)),
    Route("follow_up", lambda message, facts: facts.issue is not None),
    # Behind everything that threads: what somebody writes on an issue must not be answered with a key and go unread.
    Route("key_request", lambda message, facts: message.target.strength is Strength.KEY),
    # The members' list has talk of its own, which needs no issue. An outsider's mail to it is a report like any other.
    Route("talk", lambda message, facts: bool(message.over.group) and not message.over.intake and _insider(facts)),
    Route("held", lambda message, facts: facts.held != ""),
    # Whatever it is, somebody may have meant it as a report: nothing is dropped.
    Route("report", lambda message, facts: True),
)


def _is_note(message: Message, facts: Facts) -> bool:
    return facts.member is not None or (facts.noting is not None and not message.block)


def _insider(facts: Facts) -> bool:
    return facts.noting is not None or facts.claims_member is not None


def route(message: Message, facts: Facts) -> str:
    """The name of the first route that matches."""
    return next(row.name for row in ROUTES if row.matches(message, facts))
