"""What our mails about clocks, coordinators and embargoes say: values for their templates, as in `letters`."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from mailbot.mail.letters import Card, Letter


@dataclass(frozen=True, slots=True, kw_only=True)
class Appointed(Letter):
    """To one member: they are asked to coordinate an issue."""

    notice: ClassVar[str] = "appointed"
    issue: str
    card: Card
    until: datetime
    """By when they are to say yes or no."""
    by: str = ""
    """The member who asks; "" for the rotation."""
    owner: str = ""
    """Who has it now, and keeps it until then."""
    waits: bool = False
    """The issue waits, and that time stands still."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HandOverLapsed(Letter):
    """To the coordinator: the member who was to take the issue over did not answer."""

    notice: ClassVar[str] = "hand_over_lapsed"
    issue: str
    card: Card
    asked: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HandOver(Letter):
    """To a member who will be away: what they coordinate."""

    notice: ClassVar[str] = "hand_over"
    issues: tuple[tuple[str, str], ...]
    """(id, title), the oldest first."""
    begins_at: datetime
    ends_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class NobodyCoordinates(Letter):
    """To the members: all who are on call were asked, and nobody took the issue."""

    notice: ClassVar[str] = "nobody_coordinates"
    issue: str
    card: Card
    since: datetime
    asked: tuple[str, ...]
    contacts: tuple[str, ...]
    """Escalation contacts who were told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EscalationCoordinator(Letter):
    """To the escalation contacts outside the group, in clear: id and times only."""

    notice: ClassVar[str] = "escalation_coordinator"
    issue: str
    opened_at: datetime
    since: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Silence(Letter):
    """To the coordinator, later to the members: the reporter has heard nothing for long."""

    notice: ClassVar[str] = "silence"
    issue: str
    card: Card
    since: datetime
    due: datetime
    wide: bool = False
    """All members get it."""
    owner: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deadline(Letter):
    """To the members: a date comes near, has come, or is past."""

    notice: ClassVar[str] = "deadline"
    issue: str
    card: Card
    clock: str
    """``embargo`` or ``publish_by``."""
    due: datetime
    stage: str
    """``remind``, ``due`` or ``overdue``."""
    fixed_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Regulatory(Letter):
    """To the members: a legal deadline for an exploited vulnerability."""

    notice: ClassVar[str] = "regulatory"
    issue: str
    card: Card
    clock: str
    """``regulatory_24h``, ``regulatory_72h`` or ``regulatory_final``."""
    due: datetime
    came: bool
    """It has come; before that it is a reminder."""
    contacts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RegulatoryContact(Letter):
    """To the regulatory contacts, in clear: id and times only."""

    notice: ClassVar[str] = "regulatory_contact"
    issue: str
    clock: str
    due: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitOver(Letter):
    """To whoever is to act: the date has come that the issue waited for."""

    notice: ClassVar[str] = "wait_over"
    issue: str
    card: Card


@dataclass(frozen=True, slots=True, kw_only=True)
class LiftProposed(Letter):
    """To the members: somebody proposes to lift the embargo."""

    notice: ClassVar[str] = "lift"
    issue: str
    card: Card
    member: str
    reason: str
    quorum: int
    embargo_until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbargoReporter(Letter):
    """To the reporter: until when the report is to be kept confidential. Holds nothing of it."""

    notice: ClassVar[str] = "embargo_reporter"
    issue: str
    end: datetime | None
    """None: no longer."""
    lifted: bool = False
    """The members agreed to lift it."""
    published: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyExpiry(Letter):
    """To a member: their key expires, or has expired."""

    notice: ClassVar[str] = "key_expiry"
    fingerprint: str
    part: str
    """``key``, or ``encryption sub-key`` and ``signing sub-key`` where only that part of it expires."""
    expires_at: datetime
    operators: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyExpiryOperators(Letter):
    """To the operators: a member's key, or the group's own, expires or has expired."""

    notice: ClassVar[str] = "key_expiry_operators"
    fingerprint: str
    part: str
    expires_at: datetime
    member: str = ""
    """Whose; "" for the group's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberKey(Letter):
    """To operators and members: a member brought another key, which counts when the config names it."""

    notice: ClassVar[str] = "member_key"
    member: str
    fingerprint: str
    operators: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DigestLine:
    """One issue. `title` is "" in mail that is not encrypted."""

    issue: str
    title: str
    what: str
    """Such as ``embargo`` or ``no coordinator``."""
    at: datetime | None
    owner: str
    command: str
    """The one that helps, such as ``/claim``."""
    drill: bool = False


@dataclass(frozen=True, slots=True)
class DigestPart:
    """`lines` at most as many as fit on a screen; `more` were left out."""

    heading: str
    lines: tuple[DigestLine, ...]
    more: int
    listing: str
    """The command that lists all, such as ``/list overdue``."""

    @property
    def total(self) -> int:
        return len(self.lines) + self.more


@dataclass(frozen=True, slots=True, kw_only=True)
class Digest(Letter):
    """To the members, daily: what is open, the most urgent first."""

    notice: ClassVar[str] = "digest"
    issue: str
    """What ids begin with: the subject's tag."""
    parts: tuple[DigestPart, ...]
    count: int
    """Open issues, in all."""
    address: str
    """Where commands go that are about no single issue."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Announcement(Letter):
    """To the public: a vulnerability that is no secret any more."""

    notice: ClassVar[str] = "announcement"
    issue: str
    title: str
    severity: str = ""
    cvss: str = ""
    cves: tuple[str, ...] = ()
    links: tuple[str, ...] = ()
    credit: str = ""
    """As the reporter wishes to be named; "" names nobody."""
    opened_at: datetime
    fixed_at: datetime | None = None
    version: str = ""
