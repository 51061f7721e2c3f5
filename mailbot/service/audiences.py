"""Who receives what: the one place that turns a notice's audience into recipients."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from mailbot.config import Member, Settings
from mailbot.domain.issue import Role
from mailbot.service.store import IssueView, ReporterKey


@dataclass(frozen=True, slots=True)
class Recipient:
    """`member_id` and `fingerprint` are set for members only, `fingerprint` alone for a list."""

    address: str
    member_id: str | None = None
    fingerprint: str | None = None
    key: ReporterKey | None = None
    """The known key of somebody outside the group."""
    answers: str = ""
    """The Message-ID of theirs that the mail answers."""
    by_hand: bool = False
    """A person wrote to them."""


Audience = Callable[[Settings, IssueView | None, Mapping[str, Any]], list[Recipient]]


def _member(member: Member) -> Recipient:
    return Recipient(member.email, member.id, member.fingerprint)


def members(settings: Settings, _issue: IssueView | None, params: Mapping[str, Any]) -> list[Recipient]:
    """Every member; not the one who wrote the mail that is relayed, unless the config says so."""
    author = params.get("member")
    return [_member(member) for member in settings.member if member.id != author or settings.relay.own_copies]


def relay(settings: Settings, issue: IssueView | None, params: Mapping[str, Any]) -> list[Recipient]:
    """Where mail to the group goes: to each member, or to the existing list that stands for them."""
    if settings.relay.to == "list" and settings.relay.list_address is not None:
        return [Recipient(settings.relay.list_address, None, settings.relay.list_key)]
    return members(settings, issue, params)


def reminded(settings: Settings, issue: IssueView | None, params: Mapping[str, Any]) -> list[Recipient]:
    """Those who can act: who is on call, and who wrote nothing on the issue yet."""
    if settings.relay.to == "list":
        return relay(settings, issue, params)
    return [_member(member) for member in settings.member if member.oncall or member.id in params["silent"]]


def member(settings: Settings, _issue: IssueView | None, params: Mapping[str, Any]) -> list[Recipient]:
    """One member by name; nobody if they are none any more."""
    found = settings.member_by_id(params["member"])
    return [] if found is None else [_member(found)]


def chosen(settings: Settings, issue: IssueView | None, params: Mapping[str, Any]) -> list[Recipient]:
    """The members that were named, whoever of them still is one; everybody if none were."""
    if params["members"] is None or settings.relay.to == "list":
        return relay(settings, issue, params)
    return [_member(one) for one in settings.member if one.id in params["members"]]


def others(settings: Settings, issue: IssueView | None, params: Mapping[str, Any]) -> list[Recipient]:
    """All members but the one whose doing it is; over a list they cannot be left out."""
    if settings.relay.to == "list":
        return relay(settings, issue, params)
    return [_member(one) for one in settings.member if one.id != params["member"]]


def reporter(_settings: Settings, issue: IssueView | None, _params: Mapping[str, Any]) -> list[Recipient]:
    if issue is None or not issue.reporter:
        return []
    return [Recipient(issue.reporter, key=issue.reporter_key)]


def thread(settings: Settings, issue: IssueView | None, params: Mapping[str, Any]) -> list[Recipient]:
    """Everybody who follows the internal thread of an issue: the members, and its experts but for the one who wrote."""
    author = str(params.get("from", "")).lower()
    found = [one for one in (issue.participants if issue else ()) if one.role is Role.EXPERT and one.key is not None]
    experts = [Recipient(one.address, key=one.key) for one in found if one.address.lower() != author]
    # What came over the list that stands for the members is there already.
    return experts if params.get("listed") else relay(settings, issue, params) + experts


def introduced(_settings: Settings, issue: IssueView | None, params: Mapping[str, Any]) -> list[Recipient]:
    """The expert who has just been asked."""
    found = [one for one in (issue.participants if issue else ()) if one.role is Role.EXPERT and one.key is not None]
    return [Recipient(one.address, key=one.key) for one in found if one.address.lower() == params["to"].lower()]


def participants(_settings: Settings, issue: IssueView | None, params: Mapping[str, Any]) -> list[Recipient]:
    """To whom a member's answer goes, as they were when it was written: the reporter and those in copy."""
    known = {one.address.lower(): one for one in (issue.participants if issue else ())}
    return [
        Recipient(known[address.lower()].address, key=known[address.lower()].key, answers=answers, by_hand=True)
        for address, answers in params["to"]
        if address.lower() in known and known[address.lower()].role is not Role.EXPERT
    ]


def seconders(settings: Settings, _issue: IssueView | None, params: Mapping[str, Any]) -> list[Recipient]:
    """Each member but the one who asked: what they get has a secret in it that a list must not have."""
    return [_member(member) for member in settings.member if member.id != params["member"]]


def commander(settings: Settings, _issue: IssueView | None, params: Mapping[str, Any]) -> list[Recipient]:
    """The member whose commands are answered, at the address in the config, whatever their mail says."""
    member = settings.member_by_id(params["member"])
    return [_member(member)] if member else []


def asker(_settings: Settings, _issue: IssueView | None, params: Mapping[str, Any]) -> list[Recipient]:
    return [Recipient(params["to"])]


def contacts(_settings: Settings, _issue: IssueView | None, params: Mapping[str, Any]) -> list[Recipient]:
    """The addresses of an escalation step."""
    return [Recipient(address) for address in params["to"]]


def ourselves(settings: Settings, _issue: IssueView | None, _params: Mapping[str, Any]) -> list[Recipient]:
    """The group's own address: to see that mail comes in."""
    return [Recipient(settings.group.address)]


def operators(settings: Settings, _issue: IssueView | None, _params: Mapping[str, Any]) -> list[Recipient]:
    return [Recipient(address) for address in settings.operators.addresses]


def group_and_operators(settings: Settings, _issue: IssueView | None, _params: Mapping[str, Any]) -> list[Recipient]:
    """What all of them should know, and may be read on the way."""
    everybody = [_member(member) for member in settings.member]
    return everybody + [Recipient(address) for address in settings.operators.addresses]
