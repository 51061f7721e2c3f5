"""From a notice's parameters to what its mail says: one function per event, each makes a `mail.letters` value."""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from mailbot.config import Member, Settings
from mailbot.domain import clocks
from mailbot.domain.clock_kinds import label
from mailbot.domain.clocks import FIRST_RESPONSE, Act, ClockState
from mailbot.domain.issue import Status, title_from
from mailbot.mail import letters
from mailbot.mail.letters import Arrival, Attachment, Card, Clock, Command, Missing, Person
from mailbot.service.ports import OpenPGP
from mailbot.service.store import ClaimedNotice, IssueView

_REPLY_MARKS = re.compile(r"(?:\s*(?:(?:re|fwd?|aw|wg|sv|antw)\s*:|\[[A-Z][A-Z0-9]{0,9}-\d{1,9}\]))*+", re.IGNORECASE)
"""What mail programs and our own tags put before a subject."""


@dataclass(frozen=True, slots=True)
class Writing:
    """What a letter is written from. `size` is that of the original mail in bytes, 0 if there is none; `attached`, how
    much of it goes along; `digest` its SHA-256 where it had to be left out."""

    claim: ClaimedNotice
    issue: IssueView | None
    settings: Settings
    openpgp: OpenPGP
    size: int
    attached: int
    look: Callable[[int], IssueView | None]
    """Other issues, for a letter about several."""
    digest: str = ""

    @property
    def about(self) -> IssueView:
        if self.issue is None:
            raise ValueError(f"a {self.claim.event} notice without an issue")
        return self.issue

    @property
    def id(self) -> str:
        return self.settings.issue_id(self.about.number)

    @property
    def now(self) -> datetime:
        return self.claim.created_at

    @property
    def late(self) -> bool:
        return bool(self.claim.params.get("late"))

    @property
    def group(self) -> str:
        return self.settings.group.name

    @property
    def response(self) -> clocks.Clock:
        return next(clock for clock in self.about.clocks if clock.name == FIRST_RESPONSE)


def report(writing: Writing, missing: tuple[Missing, ...]) -> letters.Report:
    params = writing.claim.params
    return letters.Report(
        group=writing.group, now=writing.now, issue=writing.id, card=_mail_card(writing, missing),
        text=params["text"], from_html=params["html_only"],
    )  # fmt: skip


def unreadable(writing: Writing, missing: tuple[Missing, ...]) -> letters.Unreadable:
    card = _mail_card(writing, missing)
    if writing.claim.params["raw_only"]:
        card = replace(card, arrival=None)  # it was not taken apart, so nothing is known of how it arrived
    return letters.Unreadable(
        group=writing.group, now=writing.now, issue=writing.id, card=card,
        reason=writing.claim.params["unreadable"], size=writing.size, attached=writing.attached,
        asked=writing.claim.event == "unreadable" and not writing.claim.params["unanswered"],
    )  # fmt: skip


def follow_up(writing: Writing, missing: tuple[Missing, ...]) -> letters.Letter:
    params = writing.claim.params
    if params["unreadable"]:
        return unreadable(writing, missing)
    return letters.FollowUp(
        group=writing.group, now=writing.now, issue=writing.id, card=_mail_card(writing, missing),
        text=params["text"], from_html=params["html_only"], role=params["role"],
        authenticated=params["authenticated"], reason=params["why"],
    )  # fmt: skip


def note(writing: Writing, missing: tuple[Missing, ...]) -> letters.Letter:
    params = writing.claim.params
    if params["unreadable"]:
        return unreadable(writing, missing)
    return letters.Note(
        group=writing.group, now=writing.now, issue=writing.id, card=_mail_card(writing, missing),
        text=params["text"], from_html=params["html_only"], changes=tuple(params.get("changes", ())),
    )  # fmt: skip


def reminder(writing: Writing, missing: tuple[Missing, ...]) -> letters.Reminder:
    card = replace(issue_card(writing, missing), commands=_next(writing))
    return letters.Reminder(
        group=writing.group, now=writing.now, late=writing.late, issue=writing.id, card=card,
        opened_at=writing.about.opened_at, escalate_at=writing.response.due_at,
    )  # fmt: skip


def escalated(writing: Writing, missing: tuple[Missing, ...]) -> letters.Escalated:
    card = replace(issue_card(writing, missing), commands=_next(writing))
    return letters.Escalated(
        group=writing.group, now=writing.now, late=writing.late, issue=writing.id, card=card,
        opened_at=writing.about.opened_at, due=writing.response.due_at, contacts=tuple(writing.claim.params["to"]),
        again=writing.claim.params.get("again", False), reporter_told=writing.claim.params.get("reporter_told", True),
    )  # fmt: skip


def escalation(writing: Writing, _missing: tuple[Missing, ...]) -> letters.Escalation:
    return letters.Escalation(
        group=writing.group, now=writing.now, late=writing.late, issue=writing.id,
        opened_at=writing.about.opened_at, due=writing.response.due_at,
    )  # fmt: skip


def escalation_reporter(writing: Writing, _missing: tuple[Missing, ...]) -> letters.EscalationReporter:
    return letters.EscalationReporter(
        group=writing.group, now=writing.now, late=writing.late, issue=writing.id,
        opened_at=writing.about.opened_at, due=writing.response.due_at, contacts=_contacts(writing.response),
        told=bool(writing.claim.params["to"]),
    )  # fmt: skip


def acknowledgement(writing: Writing, _missing: tuple[Missing, ...]) -> letters.Acknowledgement:
    opened = writing.claim.event == "acknowledgement"
    make = letters.Acknowledgement if opened else letters.AcknowledgementUnreadable
    return make(
        group=writing.group, now=writing.now, issue=writing.id,
        answer_by=_promised(writing.response) or writing.response.due_at,
        escalate_at=writing.response.due_at, contacts=_contacts(writing.response),
        fingerprint=writing.settings.openpgp.key, key_address=writing.settings.group.extended("key"),
    )  # fmt: skip


def key(writing: Writing, _missing: tuple[Missing, ...]) -> letters.Key:
    slo, embargo = writing.settings.slo, writing.settings.embargo
    return letters.Key(
        group=writing.group, now=writing.now, address=writing.settings.group.address,
        fingerprint=writing.settings.openpgp.key, answer_within=slo.first_response_remind.words,
        escalate_within=slo.first_response_escalate.words, embargo=embargo.default.words,
    )  # fmt: skip


def undelivered_reporter(writing: Writing, missing: tuple[Missing, ...]) -> letters.UndeliveredReporter:
    params = writing.claim.params
    return letters.UndeliveredReporter(
        group=writing.group, now=writing.now, issue=writing.id, card=issue_card(writing, missing),
        what=params["what"], address=params["address"], code=params["code"],
    )  # fmt: skip


def held(writing: Writing, missing: tuple[Missing, ...]) -> letters.Held:
    params = writing.claim.params
    return letters.Held(
        group=writing.group, now=writing.now, missing=missing, count=params["count"],
        control=writing.settings.group.extended("control"),
        mails=tuple(
            letters.HeldMail(
                mail["number"], datetime.fromisoformat(mail["received_at"]), mail["size"], mail["cause"],
                Person(mail["name"], mail["from"]), mail["subject"],
            )
            for mail in params["mails"]
        ),
    )  # fmt: skip


def new_key(writing: Writing, missing: tuple[Missing, ...]) -> letters.NewKey:
    params = writing.claim.params
    return letters.NewKey(
        group=writing.group, now=writing.now, old=params["old"], new=params["new"], armor=params["armor"],
        missing=missing,
    )  # fmt: skip


def loop(writing: Writing, _missing: tuple[Missing, ...]) -> letters.Loop:
    return letters.Loop(group=writing.group, now=writing.now)


def trouble(writing: Writing, _missing: tuple[Missing, ...]) -> letters.Trouble:
    found = writing.claim.params["problems"]
    return letters.Trouble(
        group=writing.group, now=writing.now, problems=tuple(letters.Problem(*problem) for problem in found)
    )


def undelivered_member(writing: Writing, _missing: tuple[Missing, ...]) -> letters.UndeliveredMember:
    params = writing.claim.params
    return letters.UndeliveredMember(
        group=writing.group, now=writing.now, member=params["member"], address=params["address"],
        code=params["code"], count=params["count"],
    )  # fmt: skip


def _contacts(clock: clocks.Clock) -> tuple[str, ...]:
    """The escalation addresses as they were promised when the report came."""
    return tuple(dict.fromkeys(address for firing in clock.firings for address in firing.to))


def _clocks(writing: Writing) -> tuple[Clock, ...]:
    running = (ClockState.RUNNING, ClockState.MISSED)
    return tuple(
        Clock(label(clock.name), clock.due_at, _promised(clock))
        for clock in writing.about.clocks
        if clock.state in running and clock.live and clock.paused_at is None
    )


def _promised(clock: clocks.Clock) -> datetime | None:
    """When the reporter was promised an answer."""
    if clock.name != FIRST_RESPONSE:
        return None
    return next((firing.at for firing in clock.firings if firing.act is Act.REMIND), None)


def _mail_card(writing: Writing, missing: tuple[Missing, ...]) -> Card:
    """The card over a relayed mail."""
    params = writing.claim.params
    authserv_id, dkim, spf, dmarc = params["checks"]
    return Card(
        title=writing.about.title,
        author=_author(writing),
        subject=_own_subject(writing),
        arrival=Arrival(
            opened=params["opened"],
            key_ids=tuple(params["key_ids"]),
            symmetric=params["symmetric"],
            signature=params["verdict"],
            signer=_signer(writing),
            authserv_id=authserv_id,
            dkim=dkim,
            spf=spf,
            dmarc=dmarc,
        ),
        clocks=_clocks(writing),
        owner=writing.about.owner,
        mentions=tuple(writing.settings.issue_id(number) for number in params.get("mentions", ())),
        missing=missing,
        warnings=(*_left_out(writing), *_warnings(writing), *params["defects"]),
        left_out=bool(writing.digest),
        commands=_next(writing) if writing.claim.event != "note" else (),
        attachments=tuple(Attachment(*attachment) for attachment in params["attachments"]),
    )


def _next(writing: Writing) -> tuple[Command, ...]:
    """What a member is most likely to type next."""
    issue, found = writing.about, []
    if issue.status == Status.CLOSED:
        found.append(Command("/reopen", "it goes on"))
    elif issue.owner is None:
        found.append(Command("/claim", "you take it and coordinate"))
    if issue.reporter:
        found.append(Command("/reply", "its text goes to the reporter, any other to members"))
    if writing.claim.event in ("report", "unreadable"):
        reply = "a signed reply" if writing.settings.commands.auth == "signature" else "a reply"
        found.append(Command("/help", f"all commands; they go on top of {reply}"))
    return tuple(found)


def _left_out(writing: Writing) -> tuple[str, ...]:
    """How to get an original that could not go along."""
    if not writing.digest:
        return ()
    command = f"mailbot queue show in {writing.claim.params['left_out']['inbox']} --raw"
    return (
        "the original is not attached, because with it this mail is larger than the mail server takes; it has "
        f"{writing.size} bytes and the SHA-256 {writing.digest}; an operator gets it with `{command}`",
    )


def _author(writing: Writing) -> Person:
    """Who wrote: of a member's mail the member who signed it, whatever From says."""
    params = writing.claim.params
    member = _note_member(writing)
    return Person(member.name, member.email) if member else Person(params["from_name"], params["from"])


def _note_member(writing: Writing) -> Member | None:
    return writing.settings.member_by_id(writing.claim.params.get("member") or "")


def _own_subject(writing: Writing) -> str:
    """The subject of a further mail on an issue, if its author chose one: neither the title nor an answer to us."""
    if writing.claim.event not in ("follow_up", "note"):
        return ""
    subject: str = writing.claim.params["subject"]
    marks = _REPLY_MARKS.match(subject)
    bare = subject[marks.end() :].strip() if marks else subject
    ours = marks is not None and f"[{writing.id}]".lower() in marks[0].lower()
    return "" if ours or not bare or title_from(bare) == writing.about.title else subject


def issue_card(writing: Writing, missing: tuple[Missing, ...]) -> Card:
    """The card over a mail that is about an issue, not about one mail."""
    issue = writing.about
    author = Person(issue.reporter_name, issue.reporter)
    return Card(
        title=issue.title, author=author, clocks=_clocks(writing), owner=issue.owner, missing=missing
    )  # fmt: skip


def _warnings(writing: Writing) -> tuple[str, ...]:
    params = writing.claim.params
    found = []
    if writing.about.status == Status.CLOSED:
        found.append("the issue is closed")
    if writing.about.duplicate_of is not None:
        found.append(f"this is a duplicate of {writing.settings.issue_id(writing.about.duplicate_of)}")
    if params.get("unanswered"):
        found.append(f"the sender got no acknowledgement: {params['unanswered']}")
    member = _note_member(writing)
    if member is not None and params["from"].lower() != member.email.lower():
        found.append(f"its From says {params['from_name']} <{params['from']}>")
    return tuple(found)


def _signer(writing: Writing) -> str:
    """Whose key signed: a member, a known key's user id, or only the key id."""
    fingerprint, key_id = writing.claim.params["signed_by"], writing.claim.params["key_id"]
    member = writing.settings.member_by_fingerprint(fingerprint) if fingerprint else None
    match writing.claim.params["signer"]:
        case "known":
            return f"the key of this sender that we know ({fingerprint})"
        case "earlier":
            return f"a key that came with another mail from this address ({fingerprint})"
        case "carried":
            return f"a key that came along with this mail ({fingerprint}), which proves nothing about who wrote it"
        case "loose" if fingerprint:
            # RFC 3156 signs the mail; a block in it may have been taken from anywhere.
            return f"{member.name if member else 'the key'} ({fingerprint}), over the text only, not over the mail"
    return f"{member.name} ({fingerprint})" if member else str(fingerprint or key_id)
