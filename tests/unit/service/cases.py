"""Messages, settings and an in-memory unit of work, for tests of decisions that need no database."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from mailbot.config import Settings
from mailbot.domain.clocks import Clock, Plan
from mailbot.domain.issue import Disposition, Outcome, Role
from mailbot.domain.rotation import Away
from mailbot.mail.authenticity import Authentication
from mailbot.mail.control import read
from mailbot.mail.envelope import Envelope, strongest
from mailbot.service.command_records import Entry, IssueTexts, ListedIssue, Opinion, Parked
from mailbot.service.message import Message, SignedPart
from mailbot.service.ports import Signature, Verdict
from mailbot.service.store import HeldMail, IssueView, NewIssue, Participant, ReporterKey
from mailbot.service.tokens import Tokens
from mailbot.service.verbs import NAMES
from tests.twins import fake_fingerprint

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
TOKENS = Tokens(b"k" * 32, "example.org")
ALICE, BOB, RITA = "alice@members.example", "bob@members.example", "rita@out.example"
PUBLIC = "security@example.org"


def settings(**sections: Any) -> Settings:
    """Members alice and bob with keys and dave without; whole sections of the config by name."""
    data: dict[str, Any] = {
        "group": {"name": "Example Group", "id_prefix": "EX", "address": PUBLIC},
        "storage": {"database": "sqlite:///mailbot.db", "seal_key_file": "seal.key"},
        "openpgp": {"home": "gnupg", "key": fake_fingerprint("group")},
        "operators": {"addresses": ["ops@example.org"]},
        "member": [
            {
                "id": name,
                "name": name.title(),
                "email": f"{name}@members.example",
                "fingerprint": fake_fingerprint(name),
            }
            for name in ("alice", "bob")
        ]
        + [{"id": "dave", "name": "Dave", "email": "dave@members.example"}],
    }
    return Settings.model_validate(data | sections, context={"base": Path("/nowhere")})


def signed_by(name: str, verdict: Verdict = Verdict.GOOD) -> Signature:
    return Signature(verdict, fake_fingerprint(name), fake_fingerprint(name)[-16:], NOW)


def message(
    *, to: str | Sequence[str] = PUBLIC, author: str = RITA, reverse_path: str | None = None, **changes: Any
) -> Message:
    """A plain mail of a stranger, with some of it changed."""
    recipients = (to,) if isinstance(to, str) else tuple(to)
    values: dict[str, Any] = {
        "envelope": Envelope(author if reverse_path is None else reverse_path, recipients, NOW, "192.0.2.1"),
        "target": strongest(recipients, "security"),
        "digest": b"digest",
        "author": author,
        "author_name": "Rita",
        "subject": "Heap overflow",
        "message_id": "<1@out.example>",
        "references": (),
        "text": "There is a heap overflow.\n",
        "html_only": False,
        "attachments": (),
        "opened": "",
        "key_ids": (),
        "symmetric": False,
        "signature": Signature(),
        "authserv_id": "",
        "checks": Authentication(),
        "automatic": False,
        "vacation": False,
        "listed": False,
        "bounce": False,
        "bounce_failed": False,
        "bounce_code": "",
    }
    values |= changes
    text = values["text"]
    if values["signature"].verdict is not Verdict.UNSIGNED:
        values.setdefault("signed", SignedPart(text, values["subject"], text.encode()))
    values.setdefault("block", read(text, NAMES))
    values.setdefault("text_digest", text.encode())
    return Message(**values)


def issue_view(number: int = 42, **changes: Any) -> IssueView:
    values: dict[str, Any] = {
        "number": number,
        "status": "open",
        "title": "Heap overflow",
        "reporter": RITA,
        "reporter_name": "Rita",
        "encrypted": False,
        "opened_at": NOW,
        "owner": None,
        "clocks": (),
        "reporter_key": None,
    }
    values |= changes
    if values["reporter"]:
        reporter = Participant(Role.REPORTER, values["reporter"], values["reporter_name"], values["reporter_key"])
        values.setdefault("participants", (reporter,))
    return IssueView(**values)


@dataclass
class FakeUnit:
    """`service.store.Unit` without a database: what it knows is set by the test, what is recorded is kept in lists."""

    issues: dict[int, IssueView] = field(default_factory=dict)
    roles: dict[tuple[int, str], Role] = field(default_factory=dict)
    """(number, address) -> what the address is to the issue."""
    references: dict[tuple[str, str], int] = field(default_factory=dict)
    """(Message-ID, sender) -> the issue in which the bot sent it to them, or in which a participant wrote it."""
    digests: set[bytes] = field(default_factory=set)
    may: bool = True
    """Whether the caps allow an answer."""

    asked: list[tuple[str, str]] = field(default_factory=list)
    """(sender, kind) of every question whether the caps allow an answer."""
    opened: list[NewIssue] = field(default_factory=list)
    participants: list[tuple[int, Role, str]] = field(default_factory=list)
    messages: list[tuple[int, str, str | None]] = field(default_factory=list)
    """(issue, kind, authenticated member)."""
    clocks: list[Clock] = field(default_factory=list)
    """Those that were started."""
    saved: list[Clock] = field(default_factory=list)
    """How clocks stood after each change."""
    absences: list[Away] = field(default_factory=list)
    turns: dict[str, int] = field(default_factory=dict)
    said: dict[int, dict[str, str]] = field(default_factory=dict)
    notices: list[tuple[str, int | None, Mapping[str, Any], bool]] = field(default_factory=list)
    """(event, issue, parameters, whether the original goes along)."""
    pieces: list[bytes] = field(default_factory=list)
    """What was inside an encryption, for each notice."""
    keys: list[tuple[int, str, ReporterKey]] = field(default_factory=list)
    audited: list[tuple[int | None, str, str]] = field(default_factory=list)
    opinions: list[Opinion] = field(default_factory=list)
    spent: set[tuple[str, datetime, bytes]] = field(default_factory=set)
    may_fail: bool = True
    """Whether a member may be sent another transcript of failures."""
    bounces: list[tuple[int, int, str]] = field(default_factory=list)
    outgoing: list[tuple[int, int, str]] = field(default_factory=list)
    """(notice, seq, recipient) of mails that were sent on whatever issue is asked for."""
    finished: list[tuple[Disposition, int | None, bytes | None, str]] = field(default_factory=list)
    reports: int = 0
    """How many mails of the sender opened issues in the last hour."""
    set_aside: dict[int, HeldMail] = field(default_factory=dict)
    holds: list[tuple[str, Mapping[str, str], bytes]] = field(default_factory=list)
    """(cause, what a list shows, digest) of every mail that was held."""
    let: list[tuple[int, str]] = field(default_factory=list)
    dropped: list[int] = field(default_factory=list)
    returned: list[str] = field(default_factory=list)
    days: set[tuple[date, str]] = field(default_factory=set)

    def reports_of_sender(self, since: datetime, until: datetime) -> int:
        return self.reports

    def hold(self, cause: str, shown: Mapping[str, str], *, digest: bytes) -> None:
        self.holds.append((cause, shown, digest))

    def count_held(self) -> int:
        return len(self.held())

    def held(self, limit: int | None = None) -> list[HeldMail]:
        return [mail for mail in self.set_aside.values() if not mail.discarded][:limit]

    def held_mail(self, number: int) -> HeldMail | None:
        return self.set_aside.get(number)

    def let_through(self, number: int, actor: str) -> None:
        self.let.append((number, actor))

    def drop_held(self, number: int, now: datetime) -> None:
        self.dropped.append(number)

    def came_back(self, message_id: str) -> None:
        self.returned.append(message_id)

    def first_on(self, day: date, what: str) -> bool:
        fresh = (day, what) not in self.days
        self.days.add((day, what))
        return fresh

    @property
    def events(self) -> list[str]:
        return [event for event, *_ in self.notices]

    def redelivered(self, digest: bytes) -> bool:
        return digest in self.digests

    def find_reference(self, message_ids: Sequence[str], sender: str) -> int | None:
        return next((self.references[name, sender] for name in message_ids if (name, sender) in self.references), None)

    def named_by(self, message_ids: Sequence[str]) -> set[int]:
        return {issue for (name, _), issue in self.references.items() if name in message_ids}

    def issue(self, number: int) -> IssueView | None:
        return self.issues.get(number)

    def role(self, number: int, address: str) -> Role | None:
        return self.roles.get((number, address))

    def open_issue(self, new: NewIssue) -> int:
        self.opened.append(new)
        number = max(self.issues, default=0) + 1
        self.issues[number] = issue_view(number, title=new.title, reporter=new.reporter, encrypted=new.encrypted)
        return number

    def close_issue(self, number: int, outcome: Outcome, now: datetime) -> None:
        raise AssertionError("no mail closes an issue")

    def change_issue(self, number: int, changes: Mapping[str, Any]) -> None:
        self.issues[number] = replace(self.issues[number], **changes)

    def spend(self, signer: str, signed_at: datetime, digest: bytes, now: datetime) -> bool:
        found = (signer, signed_at, digest)
        if found in self.spent:
            return False
        self.spent.add(found)
        return True

    def remove_participant(self, number: int, address: str) -> None:
        raise AssertionError("nobody is taken away here")

    def introduce(self, number: int, address: str, now: datetime) -> None:
        raise AssertionError("nobody is introduced here")

    def keys_for(self, address: str) -> list[ReporterKey]:
        return []

    def duplicates_of(self, number: int) -> list[int]:
        return [one.number for one in self.issues.values() if one.duplicate_of == number]

    def history(self, number: int) -> list[Entry]:
        return []

    def verdicts(self, number: int) -> list[Opinion]:
        return self.opinions

    def give_verdict(self, number: int, member: str, verdict: str, reason: str, now: datetime) -> None:
        self.opinions = [one for one in self.opinions if one.member != member]
        self.opinions.append(Opinion(member, verdict, reason, now))

    def listed(self, word: str, actor: str, limit: int, now: datetime) -> list[ListedIssue]:
        return []

    def has_key(self, fingerprint: str) -> bool:
        return False

    def put_key(self, fingerprint: str, armor: str, addresses: Sequence[str], now: datetime) -> None:
        raise AssertionError("no key comes here")

    def last_word(self, number: int, address: str) -> str:
        return "<1@out.example>" if address == RITA else ""

    def texts(self, number: int) -> IssueTexts:
        return IssueTexts((), ())

    def park(self, number: int | None, member: str, content: Mapping[str, Any], now: datetime, *, second: bool) -> int:
        raise AssertionError("nothing is parked here")

    def parked(self, parked_id: int) -> Parked | None:
        return None

    def unpark(self, parked_id: int, now: datetime) -> bool:
        return False

    def may_refuse(self, member_id: str, now: datetime, period: timedelta, most: int) -> bool:
        return self.may_fail

    def add_participant(self, number: int, role: Role, address: str, name: str) -> None:
        self.participants.append((number, role, address))

    def set_key(self, number: int, address: str, key: ReporterKey) -> None:
        self.keys.append((number, address, key))

    def add_message(
        self, number: int, kind: str, at: datetime, author: str, message_id: str, *,
        encrypted: bool, signed_by: str = "", member_id: str | None = None, participant: bool = True,
    ) -> None:  # fmt: skip
        self.messages.append((number, kind, member_id))

    def start_clock(
        self, number: int | None, name: str, started_at: datetime, plan: Plan, *, subject: str | None = None,
        data: Mapping[str, Any] | None = None,
    ) -> Clock:  # fmt: skip
        made = Clock(
            len(self.clocks) + 1, number, name, "running", started_at, plan.due_at, plan.firings[0].at, plan.firings, 0,
            plan.business, subject=subject, data=data or {},
        )  # fmt: skip
        self.clocks.append(made)
        self._see(made)
        return made

    def save_clock(self, clock: Clock) -> None:
        self.saved.append(clock)
        self._see(clock)

    def _see(self, clock: Clock) -> None:
        """The issue shows the clock from now on."""
        if clock.issue in self.issues:
            issue = self.issues[clock.issue]
            others = [one for one in issue.clocks if one.name != clock.name]
            self.issues[clock.issue] = replace(issue, clocks=(*others, clock))

    def standing_clocks(self, name: str) -> list[Clock]:
        return [clock for clock in self.clocks if clock.issue is None and clock.name == name]

    def owned_by(self, member: str) -> list[int]:
        return [number for number, issue in self.issues.items() if member in (issue.owner, issue.appointed)]

    def away(self) -> Sequence[Away]:
        return self.absences

    def add_away(self, member: str, begins_at: datetime, ends_at: datetime) -> None:
        self.absences.append(Away(member, begins_at, ends_at))

    def end_away(self, member: str, now: datetime) -> int:
        before = len(self.absences)
        self.absences = [one for one in self.absences if one.member != member]
        return before - len(self.absences)

    def last_turns(self) -> Mapping[str, int]:
        return self.turns

    def add_turn(self, number: int, member: str, now: datetime) -> None:
        self.turns[member] = len(self.turns) + 1

    def stances(self, number: int) -> Mapping[str, str]:
        return self.said.get(number, {})

    def take_stance(self, number: int, member: str, stance: str, reason: str, now: datetime) -> None:
        self.said.setdefault(number, {})[member] = stance

    def forget_stances(self, number: int) -> None:
        self.said.pop(number, None)

    def silent_members(self, number: int, members: Iterable[str]) -> list[str]:
        return list(members)

    def may_acknowledge(
        self, sender: str, now: datetime, per_sender: timedelta, per_hour: int, *, kind: str = "acknowledgement"
    ) -> bool:
        self.asked.append((sender, kind))
        return self.may

    def bounced(self, notice: int, seq: int, code: str, now: datetime) -> int | None:
        self.bounces.append((notice, seq, code))
        return 42

    def about(self, notice: int, seq: int) -> int | None:
        return 42 if 42 in self.issues else None

    def sent(self, number: int) -> list[tuple[int, int, str]]:
        return self.outgoing

    def notify(
        self, event: str, number: int | None, params: Mapping[str, Any], now: datetime, *,
        original: bool = False, pieces: bytes = b"",
    ) -> None:  # fmt: skip
        self.pieces.append(pieces)
        self.notices.append((event, number, params, original))

    def audit(
        self, number: int | None, actor: str, action: str, now: datetime, old: Any = None, new: Any = None
    ) -> None:
        self.audited.append((number, actor, action))

    def finish(
        self, disposition: Disposition, number: int | None, now: datetime, *, digest: bytes | None = None,
        quarantine: str = "",
    ) -> None:  # fmt: skip
        self.finished.append((disposition, number, digest, quarantine))
