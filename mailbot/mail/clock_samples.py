"""One letter of each kind that is about clocks, coordinators and embargoes, as in `mailbot.mail.samples`."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from mailbot.mail.clock_letters import (
    Announcement,
    Appointed,
    Deadline,
    Digest,
    DigestLine,
    DigestPart,
    EmbargoReporter,
    EscalationCoordinator,
    HandOver,
    HandOverLapsed,
    KeyExpiry,
    KeyExpiryOperators,
    LiftProposed,
    MemberKey,
    NobodyCoordinates,
    Regulatory,
    RegulatoryContact,
    Silence,
    WaitOver,
)
from mailbot.mail.letters import Card, Clock, Letter, Person

_GROUP = "Example Security Response Group"
_OPENED = datetime(2026, 11, 26, 14, 47, tzinfo=UTC)
_NOW = _OPENED + timedelta(hours=48)
_DAY = timedelta(days=1)
_EMBARGO = _OPENED + 90 * _DAY
_CONTACTS = ("escalation@example.org",)
_FINGERPRINT = "A0B1C2D3E4F5061728394A5B6C7D8E9FA0B1C2D3"
_CARD = Card(
    title="Heap overflow in the PNG reader, {{7*7}} and ${HOME} included",
    author=Person("Jane Roe", "jane@research.example"),
    owner="alice",
    clocks=(Clock("word to the reporter", _NOW + 5 * _DAY), Clock("embargo", _EMBARGO)),
)

_FREE = replace(_CARD, owner=None, clocks=(Clock("coordinator", _NOW), Clock("embargo", _EMBARGO)))

CLOCK_LETTERS: tuple[Letter, ...] = (
    Appointed(group=_GROUP, now=_NOW, issue="EX-42", card=_FREE, until=_NOW + 2 * _DAY),
    HandOverLapsed(group=_GROUP, now=_NOW, issue="EX-42", card=_CARD, asked="bob"),
    HandOver(
        group=_GROUP, now=_NOW, issues=(("EX-42", "Heap overflow in the PNG reader"), ("EX-57", "Use after free")),
        begins_at=_NOW + 2 * _DAY, ends_at=_NOW + 16 * _DAY,
    ),
    NobodyCoordinates(
        group=_GROUP, now=_NOW + 2 * _DAY, issue="EX-42", card=_FREE, since=_OPENED, asked=("alice", "bob"),
        contacts=_CONTACTS,
    ),
    EscalationCoordinator(group=_GROUP, now=_NOW + 2 * _DAY, issue="EX-42", opened_at=_OPENED, since=_OPENED),
    Silence(
        group=_GROUP, now=_NOW + 5 * _DAY, late=True, issue="EX-42", card=_CARD, since=_NOW, due=_NOW + 5 * _DAY,
        owner="alice",
    ),
    Deadline(
        group=_GROUP, now=_EMBARGO + 3 * _DAY, issue="EX-42", card=_CARD, clock="embargo", due=_EMBARGO,
        stage="overdue",
    ),
    Regulatory(
        group=_GROUP, now=_NOW, issue="EX-42", card=_CARD, clock="regulatory_24h", due=_NOW, came=True,
        contacts=("psirt@example.com",),
    ),
    RegulatoryContact(group=_GROUP, now=_NOW, issue="EX-42", clock="regulatory_24h", due=_NOW),
    WaitOver(group=_GROUP, now=_NOW, issue="EX-42", card=_CARD),
    LiftProposed(
        group=_GROUP, now=_NOW, issue="EX-42", card=_CARD, member="alice", quorum=3, embargo_until=_EMBARGO,
        reason="Somebody wrote about it in public.\n",
    ),
    EmbargoReporter(group=_GROUP, now=_NOW, issue="EX-42", end=_EMBARGO),
    KeyExpiry(
        group=_GROUP, now=_NOW, fingerprint=_FINGERPRINT, part="encryption sub-key", expires_at=_NOW + 7 * _DAY,
        operators=("ops@example.org",),
    ),
    KeyExpiryOperators(
        group=_GROUP, now=_NOW, fingerprint=_FINGERPRINT, part="encryption sub-key", expires_at=_NOW + 7 * _DAY,
        member="bob",
    ),
    MemberKey(group=_GROUP, now=_NOW, member="bob", fingerprint=_FINGERPRINT, operators=("ops@example.org",)),
    Digest(
        group=_GROUP, now=_NOW, issue="EX", count=4, address="security+control@example.org",
        parts=(
            DigestPart(
                "Overdue",
                (
                    DigestLine("EX-17", "Use after free", "embargo", _NOW - 3 * _DAY, "alice", "/publish"),
                    DigestLine("EX-40", "{{7*7}}", "first response", _NOW - _DAY, "", "/reply", drill=True),
                ),
                0, "/list overdue",
            ),
            DigestPart("Unclaimed", (DigestLine("EX-42", "Heap overflow", "no coordinator", None, "", "/claim"),), 1,
                       "/list unclaimed"),
        ),
    ),
    Announcement(
        group=_GROUP, now=_EMBARGO, issue="EX-42", title="Heap overflow in the PNG reader",
        severity="high",
        cvss="CVSS:3.1/AV:N/AC:L/PR:N/UI:R/S:U/C:H/I:H/A:H", cves=("CVE-2026-1234",),
        links=("https://example.org/fix",), credit="Jane Roe", opened_at=_OPENED, fixed_at=_NOW, version="3.2",
    ),
)  # fmt: skip
