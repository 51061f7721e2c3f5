"""What happens for each route: one function per row of `router.ROUTES`, within the transaction that decides.

A handler opens or finds the issue, writes audit rows and notices, and finishes the mail. It sends nothing.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from mailbot.config import Member, Settings
from mailbot.domain.issue import Disposition, Role, title_from
from mailbot.service import came_back, clockwork, commanding, confirming, lists, reporter_keys
from mailbot.service.message import Message
from mailbot.service.router import MENTIONS, Facts
from mailbot.service.store import NewIssue, Unit
from mailbot.service.tokens import Tokens


@dataclass(frozen=True, slots=True)
class Case:
    """Everything a handler may look at."""

    unit: Unit
    message: Message
    facts: Facts
    settings: Settings
    tokens: Tokens
    now: datetime
    quarantine: str = ""
    """Why the mail is given up on and relayed raw; "" for every ordinary mail."""
    doubt: str = ""
    """Why a member's mail is not to count as theirs, where its commands were refused."""

    def moment(self, actor: str) -> clockwork.Moment:
        return clockwork.Moment(self.unit, self.settings, actor, self.now)

    def finish(self, disposition: Disposition, number: int | None = None) -> tuple[Disposition, int | None]:
        digest = None if disposition is Disposition.DUPLICATE else self.message.digest
        self.unit.finish(disposition, number, self.now, digest=digest, quarantine=self.quarantine)
        return disposition, number


Outcome = tuple[Disposition, int | None]

_UNPROVED_MEMBER = "it carries a member's address, but not that member's good signature"


def redelivery(case: Case) -> Outcome:
    return case.finish(Disposition.DUPLICATE)


def own(case: Case) -> Outcome:
    """Our own mail came back, through a list or an alias, or because `mailbot check --send` waits for it: no loop."""
    case.unit.came_back(case.message.message_id)
    return case.finish(Disposition.OWN)


def bounce(case: Case) -> Outcome:
    """A mail system about a mail of ours, and only a failure counts. The keyed bounce address says which mail, else the
    Message-ID in the copy that came back, which is as hard to guess."""
    number = None
    if case.message.bounce_failed:
        failed = case.facts.bounced or came_back.mail(case.unit, case.message, case.tokens)
        if failed is not None:
            number = case.unit.bounced(*failed, case.message.bounce_code, case.now)
    return case.finish(Disposition.BOUNCE, number)


def automatic(case: Case) -> Outcome:
    """A vacation reply and the like, to a mail of ours: recorded, not relayed, answers nothing."""
    number = _issue_number(case)
    _record(case, number, "automatic", None, participant=False)
    return case.finish(Disposition.AUTOMATIC, number)


def key_request(case: Case) -> Outcome:
    """Somebody asks for the group's key: answered within caps like those of acknowledgements.

    Counted apart from them, because who fetches the key is about to report.
    """
    if not _unanswered(case, kind="key"):
        case.unit.notify(
            "key", None,
            {"to": case.message.author, "in_reply_to": case.message.message_id},
            case.now,
        )  # fmt: skip
    return case.finish(Disposition.KEY_REQUEST)


def commands(case: Case) -> Outcome:
    """A member's mail that begins with commands."""
    if confirming.is_confirmation(case):
        return confirming.confirm(case)
    return commanding.commands(case, lambda doubt: follow_up(replace(case, doubt=doubt)))


def service(case: Case) -> Outcome:
    """What the software of the group's list writes by itself: kept, and not sent to that list."""
    return case.finish(Disposition.AUTOMATIC, case.facts.issue.number if case.facts.issue else None)


def copy(case: Case) -> Outcome:
    """The second copy of a mail that named both the group's list and us."""
    return case.finish(Disposition.DUPLICATE)


def talk(case: Case) -> Outcome:
    """What members say on their own list apart from any issue."""
    return case.finish(Disposition.MEMBER)


def note(case: Case) -> Outcome:
    """A member's authenticated mail on an issue: an internal note, for the members only."""
    number, member = _issue_number(case), case.facts.noting
    if member is None:
        raise ValueError("a note without an authenticated member")
    _record(case, number, "note", member.id)
    params = {**case.message.relayed(), "member": member.id}
    _to_the_thread(case, "note", number, params, listed=_with_the_list(case, member))
    case.unit.audit(number, member.id, "note", case.now)
    commanding.hint(case)
    return case.finish(Disposition.MEMBER, number)


def follow_up(case: Case) -> Outcome:
    """Mail on an issue from outside, or that only claims to be a member's: relayed, marked if not authenticated."""
    number = _issue_number(case)
    authenticated, why = _authenticated(case)
    role = "member" if case.facts.claims_member or case.facts.member else (case.facts.role or "stranger")
    remarks = reporter_keys.of_follow_up(case.unit, case.message, case.facts)
    _record(case, number, "follow-up", None, participant=case.facts.role is not None)
    params = {**_relayed(case), "authenticated": authenticated, "why": why, "role": role}
    params["defects"] = [*params["defects"], *remarks]
    # What came over the group's list is there; that it was no command after all is not.
    listed = bool(case.message.over.group) and not case.message.block
    _to_the_thread(case, "follow_up", number, {**params, "mentions": list(case.facts.mentions)}, listed=listed)
    case.unit.audit(number, role, "follow-up", case.now, new={"authenticated": authenticated or "no"})
    if authenticated and case.facts.role is Role.REPORTER:
        clockwork.reporter_answered(case.moment("reporter"), number)
    return case.finish(Disposition.UNREADABLE if case.message.unreadable else Disposition.FOLLOW_UP, number)


def held(case: Case) -> Outcome:
    """What looks like spam or is part of a flood waits for somebody's word. Nobody is answered."""
    if case.quarantine:
        return report(case)  # it failed three times: somebody has to look at it in any case
    message = case.message
    shown = {"author": message.author, "author_name": message.author_name, "subject": title_from(message.subject)}
    case.unit.hold(case.facts.held, shown, digest=message.digest)
    return Disposition.HELD, None


def report(case: Case) -> Outcome:
    """Anything that belongs to no issue opens one: clock, relay, and an acknowledgement where one is due."""
    message, unit, now = case.message, case.unit, case.now
    received_at = message.envelope.received_at
    number = unit.open_issue(
        NewIssue(
            title=title_from(message.subject),
            reporter=message.author,
            reporter_name=message.author_name,
            encrypted=message.came_encrypted,
            opened_at=received_at,
            answerable=not _unanswerable(case),
            answering=bool(_answered(case)),
            relayed_as=message.relayed_as,
        )
    )
    if message.author:
        unit.add_participant(number, Role.REPORTER, message.author, message.author_name)
        if key := reporter_keys.of_report(message):
            unit.set_key(number, message.author, key)
    _record(case, number, "report", case.facts.member.id if case.facts.member else None)
    unit.audit(number, "reporter", "opened", now, new={"title": title_from(message.subject)})
    clockwork.opened(case.moment("mailbot"), number, received_at)
    unreadable = message.unreadable or case.quarantine
    unanswered = _unanswered(case)
    params = {**_relayed(case), "unreadable": unreadable, "mentions": list(case.facts.mentions)}
    if case.facts.claims_member is not None and case.facts.member is None:
        params["defects"] = [_not_a_members(case), *params["defects"]]
    elif message.block and case.facts.member is None:
        params["defects"] = [
            f"it begins like a member's commands; they were not carried out: {case.facts.doubt}",
            *params["defects"],
        ]
    unit.notify(
        "unreadable" if unreadable else "report",
        number,
        {**params, "unanswered": unanswered},
        now,
        original=True,
        pieces=message.inside(),
    )
    if not unanswered:
        unit.notify(
            "acknowledgement_unreadable" if unreadable else "acknowledgement",
            number, {"to": message.author, "in_reply_to": message.message_id}, now,
        )  # fmt: skip
    return case.finish(Disposition.UNREADABLE if unreadable else Disposition.REPORT, number)


HANDLERS: dict[str, Callable[[Case], Outcome]] = {
    "redelivery": redelivery,
    "own": own,
    "bounce": bounce,
    "automatic": automatic,
    "key_request": key_request,
    "service": service,
    "copy": copy,
    "commands": commands,
    "note": note,
    "follow_up": follow_up,
    "held": held,
    "talk": talk,
    "report": report,
}


def _unanswerable(case: Case) -> str:
    """Why the author is nobody whom a program may answer, in words for members; "" for a person with an address."""
    message, group = case.message, case.settings.group
    if message.listed:
        return "it came over a mailing list"
    if not message.envelope.reverse_path:
        return "its envelope names no sender"
    if message.automatic:
        return "it was sent by a program"
    if not message.author:
        return "it names nobody to answer to"
    if lists.is_ours(message.author, group):
        return "its sender is an address of our own"
    # A ticket system may answer from a new address each time, and so escape ack.per_sender.
    before = (case.unit.issue(number) for number in case.unit.named_by(_answered(case)))
    if any(issue is not None and issue.answering for issue in before):
        return "it answers our answer to an answer: two programs may be talking to each other"
    return ""


def _answered(case: Case) -> list[str]:
    """The mails of ours that it answers, by their Message-IDs."""
    return [one for one in case.message.references[:MENTIONS] if case.tokens.is_own(one)]


def _unanswered(case: Case, kind: str = "acknowledgement") -> str:
    """Why no first answer goes out, in words for members; "" if one does, and then it is counted."""
    ack = case.settings.ack
    if reason := _unanswerable(case):
        return reason
    if case.unit.may_acknowledge(case.message.author, case.now, ack.per_sender.delta, ack.per_hour, kind=kind):
        return ""
    return "the limits for such mails are reached (ack.per_sender, ack.per_hour)"


def _relayed(case: Case) -> dict[str, Any]:
    """What the relay shows. A key kept for the author's address is this issue's only if the issue says so: with another
    one, somebody may have planted it in this name."""
    shown = dict(case.message.relayed())
    if shown["signer"] == "known" and not reporter_keys.signed_by_known(case.message, case.facts):
        shown["signer"] = "earlier"
    return shown


def _to_the_thread(case: Case, event: str, number: int, params: dict[str, Any], *, listed: bool) -> None:
    """Pass a mail on to those who follow the issue's thread. `listed`: the group's list has it, so that only experts
    are left."""
    others = case.facts.issue.participants if case.facts.issue else ()
    if listed and not any(one.role is Role.EXPERT for one in others):
        return
    case.unit.notify(
        event, number, {**params, "listed": True} if listed else params, case.now,
        original=True, pieces=case.message.inside(),
    )  # fmt: skip


def _with_the_list(case: Case, member: Member) -> bool:
    """The group's list has this note of a member: it came over it, or names it, and a signature says that no stranger
    wrote so to keep it from the members."""
    over = case.message.over
    names_it = lists.group_list(case.settings) in over.named
    return bool(over.group) or (names_it and case.facts.member is member)


def _authenticated(case: Case) -> tuple[str, str]:
    """By what a follow-up is its author's, and if by nothing, why not, in words for members."""
    if case.doubt:
        return "", case.doubt
    if case.facts.claims_member is not None:
        return "", _not_a_members(case)
    # Whoever took part once and was taken away still has the address.
    if case.facts.keyed and case.facts.role is not None:
        return "address", ""
    if reporter_keys.signed_by_known(case.message, case.facts):
        return "signature", ""
    if case.facts.role is None:
        return "", "its sender is not known on this issue"
    if case.message.checks.dmarc_pass_for(case.message.author):
        return "dmarc", ""
    return "", "nothing proves that it comes from that address"


def _not_a_members(case: Case) -> str:
    """What members are told of a mail that carries the address of one of them."""
    if not case.message.block:
        return _UNPROVED_MEMBER
    unsigned = case.settings.commands.auth == "signature" and case.facts.doubt.endswith("not signed")
    again = "; if you wrote it, send it again, signed" if unsigned else ""
    return f"{_UNPROVED_MEMBER}; its commands were not carried out: {case.facts.doubt}{again}"


def _record(case: Case, number: int, kind: str, member_id: str | None, *, participant: bool = True) -> None:
    message = case.message
    case.unit.add_message(
        number, kind, message.envelope.received_at, message.author, message.message_id,
        encrypted=message.encrypted, signed_by=message.signature.fingerprint, member_id=member_id,
        participant=participant,
    )  # fmt: skip


def _issue_number(case: Case) -> int:
    if case.facts.issue is None:
        raise ValueError("this route is for mail that belongs to an issue")
    return case.facts.issue.number
