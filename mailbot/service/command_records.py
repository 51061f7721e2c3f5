"""What the use cases record and look up because of members' commands: the part of a unit of work for that."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from mailbot.service.store import ReporterKey


@dataclass(frozen=True, slots=True)
class Entry:
    """One row of the log of changes, opened."""

    at: datetime
    actor: str
    action: str
    old: Any
    new: Any


@dataclass(frozen=True, slots=True)
class Opinion:
    """A member's verdict on what a report is."""

    member: str
    verdict: str
    reason: str
    at: datetime


@dataclass(frozen=True, slots=True)
class ListedIssue:
    number: int
    status: str
    owner: str | None
    severity: str | None
    title: str | None
    """None after a purge."""
    encrypted: bool


@dataclass(frozen=True, slots=True)
class IssueTexts:
    """What was written about an issue, for telling what may not leave the group."""

    internal: tuple[str, ...]
    """By members and experts to each other."""
    outside: tuple[str, ...]
    """By or to people outside, the newest first; the last one is the report."""


@dataclass(frozen=True, slots=True)
class Parked:
    """Commands that wait for a ``/confirm``."""

    id: int
    member: str
    issue: int | None
    second: bool
    """Another member must confirm them; else the same one."""
    at: datetime
    done: bool
    content: Mapping[str, Any]
    """JSON values: what `parking` wrote."""


class CommandRecords(Protocol):
    """Within the transaction of a `service.store.Unit`."""

    def spend(self, signer: str, signed_at: datetime, digest: bytes, now: datetime) -> bool:
        """Remember that this signed text was handled. False if it was before, and then nothing may come of it."""
        ...

    def park(self, number: int | None, member: str, content: Mapping[str, Any], now: datetime, *, second: bool) -> int:
        """Keep commands until they are confirmed. Returns their number."""
        ...

    def parked(self, parked_id: int) -> Parked | None: ...

    def unpark(self, parked_id: int, now: datetime) -> bool:
        """They run now. False if they did before."""
        ...

    def may_refuse(self, member_id: str, now: datetime, period: timedelta, most: int) -> bool:
        """Whether a member may be sent another transcript of what failed: `most` in a `period`. If so it is counted."""
        ...

    def remove_participant(self, number: int, address: str) -> None: ...

    def introduce(self, number: int, address: str, now: datetime) -> None:
        """Queue the report once more, for an expert who has just been asked."""
        ...

    def keys_for(self, address: str) -> "list[ReporterKey]":
        """The keys that an operator imported and that name this address."""
        ...

    def duplicates_of(self, number: int) -> list[int]: ...

    def history(self, number: int) -> list[Entry]:
        """The log of an issue's changes, the oldest first."""
        ...

    def verdicts(self, number: int) -> list[Opinion]:
        """Each member's last verdict, in the order in which they first gave one."""
        ...

    def give_verdict(self, number: int, member: str, verdict: str, reason: str, now: datetime) -> None: ...

    def listed(self, word: str, actor: str, limit: int, now: datetime) -> list[ListedIssue]:
        """The newest issues first. `word` is ``mine`` (`actor`'s), ``open``, ``overdue``, ``due`` or ``unclaimed``."""
        ...

    def has_key(self, fingerprint: str) -> bool:
        """Whether a public key is kept for members, lists or experts."""
        ...

    def put_key(self, fingerprint: str, armor: str, addresses: Sequence[str], now: datetime) -> None:
        """Take a member's public key in place of the one there is."""
        ...

    def last_word(self, number: int, address: str) -> str:
        """The Message-ID of the last mail that somebody wrote on an issue; "" if they wrote none."""
        ...

    def texts(self, number: int) -> IssueTexts:
        """What was written about an issue so far."""
        ...
