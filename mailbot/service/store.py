"""What the use cases need from the database, and the rows that cross. Implemented by `storage.store`.

A claim carries a fencing token: whatever is recorded for it is only taken while the claim still stands, else
`ClaimLost` is raised and nothing is kept.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Protocol

from mailbot.domain.clocks import Clock
from mailbot.domain.issue import Disposition, Outcome, Role
from mailbot.mail.envelope import Envelope
from mailbot.service.command_records import CommandRecords
from mailbot.service.duties import Duties
from mailbot.service.work import Work


@dataclass(frozen=True, slots=True)
class MailKeys:
    """What the first pass reads from a mail's head: rows that share one of `shared` are handled in order."""

    sender: str
    shared: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ClaimedMail:
    id: int
    token: int
    blob_id: int
    envelope: Envelope
    raw: bytes
    failures: int
    released: bool = False
    """It was held once, and somebody let it through."""


@dataclass(frozen=True, slots=True)
class HeldMail:
    """A mail that waits for somebody's word. Who wrote it and the subject are as the mail says."""

    number: int
    received_at: datetime
    size: int
    cause: str
    author: str
    author_name: str
    subject: str
    discarded: bool = False
    """Somebody has already decided that it is nothing."""


@dataclass(frozen=True, slots=True)
class ClaimedNotice:
    id: int
    token: int
    event: str
    issue: int | None
    created_at: datetime
    params: Mapping[str, Any]
    blob_id: int | None
    pieces_id: int | None
    failures: int


@dataclass(frozen=True, slots=True)
class ReporterKey:
    """The public key of a participant from outside: kept sealed, used for mail to that participant only."""

    fingerprint: str
    armor: str


@dataclass(frozen=True, slots=True)
class Participant:
    """Somebody from outside who takes part in an issue."""

    role: Role
    address: str
    name: str
    key: ReporterKey | None = None


@dataclass(frozen=True, slots=True)
class IssueView:
    """An issue as its rows stand now, opened."""

    number: int
    status: str
    title: str
    reporter: str
    """The reporter's address, "" if the report named none."""
    reporter_name: str
    encrypted: bool
    opened_at: datetime
    owner: str | None
    clocks: tuple[Clock, ...]
    reporter_key: ReporterKey | None
    answerable: bool = True
    """The reporter may be written to by a program: the report was no machine's or list's."""
    answering: bool = False
    """What opened it was a stranger's answer to an automatic mail of ours."""
    relayed_as: tuple[str, ...] = ()
    """What opened it was another mailbot's relay: its Message-ID, and those before it."""
    appointed: str | None = None
    """The member who was asked to coordinate, and has not said yes yet."""
    severity: str | None = None
    severity_judged: bool = False
    """A member set it; a CVSS vector does not change it."""
    category: str | None = None
    outcome: str | None = None
    drill: bool = False
    duplicate_of: int | None = None
    closed_at: datetime | None = None
    published_at: datetime | None = None
    embargo_until: datetime | None = None
    """None where there is none, or it was lifted."""
    tags: tuple[str, ...] = ()
    cvss: str | None = None
    cves: tuple[str, ...] = ()
    links: tuple[str, ...] = ()
    credit: str | None = None
    """How the reporter wants to be named; None until they said so, "" for not at all."""
    participants: tuple[Participant, ...] = ()
    """Everybody from outside, the reporter too, in order of address."""
    lifted_at: datetime | None = None
    exploited_at: datetime | None = None
    fixed_at: datetime | None = None
    released_at: datetime | None = None
    fix: str | None = None
    """Where the fix is, as a member wrote it; "" where nobody said."""
    version: str | None = None
    """The release that has the fix."""


@dataclass(frozen=True, slots=True)
class NewIssue:
    title: str
    reporter: str
    reporter_name: str
    encrypted: bool
    opened_at: datetime
    answerable: bool = True
    drill: bool = False
    answering: bool = False
    relayed_as: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Draft:
    """One finished mail to one recipient. Drafts may share a `body`; it is stored once."""

    seq: int
    kind: str
    recipient: str
    member_id: str | None
    sender: str
    headers: bytes
    message_id: str
    body: tuple[bytes, ...]
    """In pieces, because one of them may be large."""
    encrypted: bool


class Unit(Duties, CommandRecords, Protocol):
    """One short write transaction in which a decision is recorded."""

    def redelivered(self, digest: bytes) -> bool:
        """Whether a mail with this digest was handled before."""
        ...

    def find_reference(self, message_ids: Sequence[str], sender: str) -> int | None:
        """The issue that an answer to these Message-IDs, nearest first, belongs to.

        Ids that `sender` wrote, or that the bot sent to `sender`, go before those that another participant wrote:
        anybody can write a mail under a Message-ID that they have seen. Of several issues the oldest counts.
        """
        ...

    def named_by(self, message_ids: Sequence[str]) -> set[int]:
        """The issues in which these Message-IDs were written or received, by whomever: it gives nobody any right."""
        ...

    def issue(self, number: int) -> IssueView | None: ...

    def role(self, number: int, address: str) -> Role | None: ...

    def open_issue(self, new: NewIssue) -> int: ...

    def close_issue(self, number: int, outcome: Outcome, now: datetime) -> None: ...

    def change_issue(self, number: int, changes: Mapping[str, Any]) -> None:
        """Give fields of an issue other values. Names are those of `IssueView`; what has no column of its own is kept
        sealed."""
        ...

    def add_participant(self, number: int, role: Role, address: str, name: str) -> None: ...

    def set_key(self, number: int, address: str, key: ReporterKey) -> None:
        """Keep a participant's key."""
        ...

    def add_message(
        self, number: int, kind: str, at: datetime, author: str, message_id: str, *,
        encrypted: bool, signed_by: str = "", member_id: str | None = None, participant: bool = True,
    ) -> None:  # fmt: skip
        """Record the incoming mail in the issue, and its Message-ID as one that `author` wrote there. Whoever answers
        the mail of a `participant` writes on the issue; an answer to anybody else's mail threads for them alone."""
        ...

    def silent_members(self, number: int, members: Iterable[str]) -> list[str]:
        """Those of `members` who wrote nothing on the issue yet."""
        ...

    def may_acknowledge(
        self, sender: str, now: datetime, per_sender: timedelta, per_hour: int, *, kind: str = "acknowledgement"
    ) -> bool:
        """Whether the caps allow a first answer now; if so it is counted. `per_sender` counts each kind of its own."""
        ...

    def bounced(self, notice: int, seq: int, code: str, now: datetime) -> int | None:
        """Mark a mail that we sent as bounced, once, and tell who should know. Returns the issue it was about."""
        ...

    def about(self, notice: int, seq: int) -> int | None:
        """The issue that a mail of ours was about, if there was such a mail."""
        ...

    def sent(self, number: int) -> list[tuple[int, int, str]]:
        """(notice, seq, recipient) of the mails on an issue that were sent, the newest first, as many as matter."""
        ...

    def notify(
        self, event: str, number: int | None, params: Mapping[str, Any], now: datetime, *,
        original: bool = False, pieces: bytes = b"",
    ) -> None:  # fmt: skip
        """Queue a notice. With `original`, the mail at hand goes along with it; `pieces` is what was inside its
        encryption."""
        ...

    def audit(
        self, number: int | None, actor: str, action: str, now: datetime, old: Any = None, new: Any = None
    ) -> None: ...

    def finish(
        self, disposition: Disposition, number: int | None, now: datetime, *, digest: bytes | None = None,
        quarantine: str = "",
    ) -> None:  # fmt: skip
        """End the claimed mail. With an issue number, its raw mail is re-sealed to that issue."""
        ...

    def reports_of_sender(self, since: datetime, until: datetime) -> int:
        """How many mails of the claimed mail's sender that came in between opened issues."""
        ...

    def hold(self, cause: str, shown: Mapping[str, str], *, digest: bytes) -> None:
        """Set the claimed mail aside. `shown` is what a list of held mail says of it."""
        ...

    def count_held(self) -> int: ...

    def held(self, limit: int | None = None) -> list[HeldMail]:
        """What is held, the oldest first."""
        ...

    def held_mail(self, number: int) -> HeldMail | None:
        """One mail that is held, or was held and then discarded; None if there is none of this number."""
        ...

    def let_through(self, number: int, actor: str) -> None:
        """Have a held (or discarded) mail handled, and never held again."""
        ...

    def drop_held(self, number: int, now: datetime) -> None:
        """Have a held mail end as discarded."""
        ...

    def came_back(self, message_id: str) -> None:
        """Remember that our own mail came in, if somebody waits for it."""
        ...

    def first_on(self, day: date, what: str) -> bool:
        """True for the first call of each `what` on each day."""
        ...


class Store(Protocol):
    token_key: bytes

    def digest(self, pieces: Iterable[bytes | memoryview]) -> bytes:
        """A keyed hash by which the same bytes are recognised."""
        ...

    def index_mails(self, read: Callable[[Envelope, bytes], MailKeys], limit: int = 50) -> int:
        """The first pass over new mails, in order of arrival. Returns how many it saw."""
        ...

    def holding(self, *claims: ClaimedMail | ClaimedNotice) -> AbstractContextManager[None]:
        """While the block runs, the claims' leases are renewed. Afterwards they no longer are, so that a row whose
        result could not be recorded becomes free by itself."""
        ...

    def claim_mail(self, now: datetime) -> ClaimedMail | None: ...

    def decide(self, claim: ClaimedMail) -> AbstractContextManager["Decider"]:
        """The transaction that records what was decided for a mail."""
        ...

    def mail_failed(self, claim: ClaimedMail, now: datetime, delay: timedelta) -> None:
        """Count a failure of the mail's own; it comes again after `delay`."""
        ...

    def release_mail(self, claim: ClaimedMail, now: datetime, delay: timedelta) -> None:
        """Give a mail back for a reason that is not its own."""
        ...

    def claim_notice(self, now: datetime) -> ClaimedNotice | None:
        """The next notice to compose."""
        ...

    def reading(self) -> AbstractContextManager[object]:
        """One view of the database for all that is read in the block. Nothing slow may happen in it."""
        ...

    def read_blob(self, blob_id: int, issue: int | None) -> bytes:
        """A stored body that belongs to this issue. Fails if it belongs to another: nothing in a row of the database
        may bring one issue's mail into another's."""
        ...

    def view(self, number: int) -> IssueView | None: ...

    def first_notice(self, number: int) -> int | None:
        """The notice by which the members learnt of the issue."""
        ...

    def finish_notice(self, claim: ClaimedNotice, drafts: Sequence[Draft], now: datetime) -> None:
        """Write the finished mails and end the notice, in one transaction."""
        ...

    def notice_failed(self, claim: ClaimedNotice, now: datetime, delay: timedelta, *, own: bool) -> None:
        """Give a notice back for another try; `own` counts it as a failure of the notice itself."""
        ...

    def due_clocks(self, now: datetime, limit: int = 100) -> list[Clock]: ...

    def clocks_ahead(self, now: datetime, limit: int = 100) -> list[Clock]:
        """Clocks that fired while the wall clock was ahead, which it is no more."""
        ...

    def fire(self, clock: Clock) -> AbstractContextManager[Unit | None]:
        """The transaction in which a clock fires; None if it does not any more: somebody else was faster."""
        ...

    def as_seen(self, clock: Clock) -> AbstractContextManager[Unit | None]:
        """A transaction that changes a clock; None if it is no more as it was seen."""
        ...

    def open_work(self, now: datetime, limit: int) -> Work:
        """What is open, the most urgent first; of each part `limit` lines."""
        ...

    def operate(self) -> AbstractContextManager[Unit]:
        """A transaction about no mail."""
        ...

    def keys_of(self, address: str) -> list[ReporterKey]:
        """The known keys of a participant from outside, by address."""
        ...

    def keys(self) -> tuple[int, list[str]]:
        """(revision, armored public keys): the members' keys that an operator imported."""
        ...


class Decider(Unit, Protocol):
    """A unit for the decision about a mail."""

    @property
    def caused(self) -> Sequence[ClaimedNotice]:
        """The notices queued so far, claimed for whoever decides."""
        ...
