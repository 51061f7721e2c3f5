"""From a notice's parameters to what mails about clocks, coordinators and embargoes say, as in `letters`."""

from datetime import datetime

from mailbot.mail import clock_letters as mails
from mailbot.mail.clock_letters import DigestLine, DigestPart
from mailbot.mail.letters import Missing
from mailbot.service.letters import Writing, issue_card


def appointed(writing: Writing, missing: tuple[Missing, ...]) -> mails.Appointed:
    params = writing.claim.params
    return mails.Appointed(
        group=writing.group, now=writing.now, late=writing.late, issue=writing.id, card=issue_card(writing, missing),
        until=_instant(params["until"]), by=params["by"], owner=params["owner"], waits=params["waits"],
    )  # fmt: skip


def hand_over_lapsed(writing: Writing, missing: tuple[Missing, ...]) -> mails.HandOverLapsed:
    return mails.HandOverLapsed(
        group=writing.group, now=writing.now, late=writing.late, issue=writing.id, card=issue_card(writing, missing),
        asked=writing.claim.params["asked"],
    )  # fmt: skip


def hand_over(writing: Writing, _missing: tuple[Missing, ...]) -> mails.HandOver:
    """With the titles, for mail that is encrypted."""
    return _hand_over(writing, titles=True)


def hand_over_ids(writing: Writing, _missing: tuple[Missing, ...]) -> mails.HandOver:
    """With ids only, for mail in clear."""
    return _hand_over(writing, titles=False)


def _hand_over(writing: Writing, *, titles: bool) -> mails.HandOver:
    params = writing.claim.params
    return mails.HandOver(
        group=writing.group, now=writing.now,
        issues=tuple(
            (writing.settings.issue_id(number), _title(writing, number) if titles else "")
            for number in params["issues"]
        ),
        begins_at=_instant(params["begins_at"]), ends_at=_instant(params["ends_at"]),
    )  # fmt: skip


def nobody_coordinates(writing: Writing, missing: tuple[Missing, ...]) -> mails.NobodyCoordinates:
    params = writing.claim.params
    return mails.NobodyCoordinates(
        group=writing.group, now=writing.now, late=writing.late, issue=writing.id, card=issue_card(writing, missing),
        since=_instant(params["since"]), asked=tuple(params["asked"]), contacts=tuple(params["to"]),
    )  # fmt: skip


def escalation_coordinator(writing: Writing, _missing: tuple[Missing, ...]) -> mails.EscalationCoordinator:
    return mails.EscalationCoordinator(
        group=writing.group, now=writing.now, late=writing.late, issue=writing.id,
        opened_at=writing.about.opened_at, since=_instant(writing.claim.params["since"]),
    )  # fmt: skip


def silence(writing: Writing, missing: tuple[Missing, ...]) -> mails.Silence:
    params = writing.claim.params
    return mails.Silence(
        group=writing.group, now=writing.now, late=writing.late, issue=writing.id, card=issue_card(writing, missing),
        since=_instant(params["since"]), due=_instant(params["due_at"]), wide=params["wide"],
        owner=writing.about.owner or "",
    )  # fmt: skip


def deadline(writing: Writing, missing: tuple[Missing, ...]) -> mails.Deadline:
    params = writing.claim.params
    return mails.Deadline(
        group=writing.group, now=writing.now, late=writing.late, issue=writing.id, card=issue_card(writing, missing),
        clock=params["clock"], due=_instant(params["due_at"]), stage=params["act"], fixed_at=writing.about.fixed_at,
    )  # fmt: skip


def regulatory(writing: Writing, missing: tuple[Missing, ...]) -> mails.Regulatory:
    params = writing.claim.params
    return mails.Regulatory(
        group=writing.group, now=writing.now, late=writing.late, issue=writing.id, card=issue_card(writing, missing),
        clock=params["clock"], due=_instant(params["due_at"]), came=params["came"], contacts=tuple(params["to"]),
    )  # fmt: skip


def regulatory_contact(writing: Writing, _missing: tuple[Missing, ...]) -> mails.RegulatoryContact:
    params = writing.claim.params
    return mails.RegulatoryContact(
        group=writing.group, now=writing.now, late=writing.late, issue=writing.id, clock=params["clock"],
        due=_instant(params["due_at"]),
    )  # fmt: skip


def wait_over(writing: Writing, missing: tuple[Missing, ...]) -> mails.WaitOver:
    return mails.WaitOver(
        group=writing.group, now=writing.now, late=writing.late, issue=writing.id, card=issue_card(writing, missing)
    )  # fmt: skip


def lift(writing: Writing, missing: tuple[Missing, ...]) -> mails.LiftProposed:
    params = writing.claim.params
    return mails.LiftProposed(
        group=writing.group, now=writing.now, issue=writing.id, card=issue_card(writing, missing),
        member=params["member"], reason=params["reason"], quorum=params["quorum"],
        embargo_until=writing.about.embargo_until,
    )  # fmt: skip


def embargo_reporter(writing: Writing, _missing: tuple[Missing, ...]) -> mails.EmbargoReporter:
    params = writing.claim.params
    return mails.EmbargoReporter(
        group=writing.group, now=writing.now, issue=writing.id,
        end=_instant(params["end"]) if params["end"] else None, lifted=params["lifted"], published=params["published"],
    )  # fmt: skip


def key_expiry(writing: Writing, _missing: tuple[Missing, ...]) -> mails.KeyExpiry:
    params = writing.claim.params
    return mails.KeyExpiry(
        group=writing.group, now=writing.now, late=writing.late, fingerprint=params["fingerprint"],
        part=params["part"], expires_at=_instant(params["expires_at"]),
        operators=writing.settings.operators.addresses,
    )  # fmt: skip


def key_expiry_operators(writing: Writing, _missing: tuple[Missing, ...]) -> mails.KeyExpiryOperators:
    params = writing.claim.params
    return mails.KeyExpiryOperators(
        group=writing.group, now=writing.now, late=writing.late, fingerprint=params["fingerprint"],
        part=params["part"], expires_at=_instant(params["expires_at"]), member=params["member"] or "",
    )  # fmt: skip


def member_key(writing: Writing, _missing: tuple[Missing, ...]) -> mails.MemberKey:
    params = writing.claim.params
    return mails.MemberKey(
        group=writing.group, now=writing.now, member=params["of"], fingerprint=params["fingerprint"],
        operators=writing.settings.operators.addresses,
    )  # fmt: skip


def digest(writing: Writing, _missing: tuple[Missing, ...]) -> mails.Digest:
    """With the titles, for mail that is encrypted."""
    return _digest(writing, titles=True)


def digest_ids(writing: Writing, _missing: tuple[Missing, ...]) -> mails.Digest:
    """With ids only, for mail in clear."""
    return _digest(writing, titles=False)


def _digest(writing: Writing, *, titles: bool) -> mails.Digest:
    params = writing.claim.params
    return mails.Digest(
        group=writing.group, now=writing.now, late=writing.late, issue=writing.settings.group.id_prefix,
        count=params["count"], address=writing.settings.group.extended("control"),
        parts=tuple(
            DigestPart(
                part["heading"],
                tuple(
                    DigestLine(
                        issue=writing.settings.issue_id(line["issue"]),
                        title=_title(writing, line["issue"]) if titles else "",
                        what=line["what"], at=_instant(line["at"]) if line["at"] else None,
                        owner=line["owner"] or "", command=line["command"], drill=line["drill"],
                    )
                    for line in part["lines"]
                ),
                part["more"], part["listing"],
            )
            for part in params["parts"]
        ),
    )  # fmt: skip


def announcement(writing: Writing, _missing: tuple[Missing, ...]) -> mails.Announcement:
    params, issue = writing.claim.params, writing.about
    return mails.Announcement(
        group=writing.group, now=writing.now, issue=writing.id, title=params["title"],
        severity=params["severity"], cvss=params["cvss"], cves=tuple(params["cves"]), links=tuple(params["links"]),
        credit=params["credit"], opened_at=issue.opened_at, fixed_at=issue.fixed_at, version=params["version"],
    )  # fmt: skip


def _title(writing: Writing, number: int) -> str:
    """An issue's title as it is now; what was purged has none."""
    issue = writing.look(number)
    return issue.title if issue is not None else ""


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text)
