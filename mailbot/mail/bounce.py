"""Bounces: delivery status notifications (RFC 3464) and what older mail systems send instead.

Recognised by structure and envelope alone. Never by words: "Delayed free leads to UAF", "access denied" or
"550 5.1.1" in a subject or a body make no report a bounce.
"""

import re
from dataclasses import dataclass
from enum import StrEnum

from mailbot.mail import parse, visible
from mailbot.mail.author import authors
from mailbot.mail.message_id import message_ids
from mailbot.mail.structure import Part, Structure

STATUS_BYTES = 100_000
"""Of a delivery status that are read: some 500 recipients."""

RECIPIENTS = 100
"""That are kept. Each mail of ours goes to one."""

_DAEMONS = frozenset({"mailer-daemon", "postmaster"})
_STATUS_TYPES = frozenset({"message/delivery-status", "message/global-delivery-status"})
_HEADER_TYPES = frozenset({"text/rfc822-headers", "message/global-headers"})
_STATUS = re.compile(r"[245]\.\d{1,3}\.\d{1,3}")


class Action(StrEnum):
    """RFC 3464 2.3.3."""

    FAILED = "failed"
    DELAYED = "delayed"
    DELIVERED = "delivered"
    RELAYED = "relayed"
    EXPANDED = "expanded"
    UNKNOWN = "unknown"
    """The bounce does not say it in a form for machines."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """What became of the mail for one recipient."""

    action: Action
    recipient: str = ""
    """As the reporting system writes it; for people only."""
    status: str = ""
    """Such as ``5.1.1`` (RFC 3463); "" if there is none."""


def is_bounce(structure: Structure, reverse_path: str) -> bool:
    """True for a delivery status notification, or for a mail from the null reverse-path whose only author is a mail
    system. `reverse_path` is "" for the null one."""
    root = structure.root
    if root.content_type == "multipart/report":
        kind = root.param("report-type").lower()
        return kind == "delivery-status" or (not kind and _status_part(structure) is not None)
    if reverse_path not in ("", "<>"):
        return False
    found = authors(structure)
    return len(found) == 1 and found[0].address.partition("@")[0].lower() in _DAEMONS


def deliveries(raw: bytes, structure: Structure) -> tuple[Delivery, ...]:
    """What the bounce ``parse(raw)`` says about each recipient; empty if it says nothing in a form for machines."""
    part = _status_part(structure)
    if part is None:
        return ()
    text = parse.content(raw, part)[:STATUS_BYTES].decode("utf-8", "replace").replace("\r\n", "\n")
    found: list[Delivery] = []
    # The first group is about the whole report; those with an Action are about recipients.
    for group in re.split(r"\n[ \t]*\n", re.sub(r"\n[ \t]+(?=\S)", " ", text)):
        fields = dict(reversed([_field(line) for line in group.split("\n")]))
        if "action" not in fields:
            continue
        status = _STATUS.search(fields.get("status", ""))
        recipient = fields.get("original-recipient") or fields.get("final-recipient", "")
        found.append(
            Delivery(
                action=_action(fields["action"]),
                recipient=visible.one_line(recipient.rpartition(";")[2].strip())[:254],
                status=status[0] if status else "",
            )
        )
    return tuple(found[:RECIPIENTS])


def outcome(raw: bytes, structure: Structure) -> Action:
    """The worst of all recipients: FAILED before DELAYED before anything else; UNKNOWN where nothing is said."""
    actions = [delivery.action for delivery in deliveries(raw, structure)]
    for action in (Action.FAILED, Action.DELAYED):
        if action in actions:
            return action
    return actions[0] if actions else Action.UNKNOWN


def returned_message_id(raw: bytes, structure: Structure) -> str:
    """The Message-ID of the mail that came back, from the copy that the bounce carries; "" if there is none."""
    for part in structure.root.walk():
        if part.content_type in _HEADER_TYPES or part.content_type in ("message/rfc822", "message/global"):
            try:
                headers = parse.headers(parse.content(raw, part))
            except parse.OverLimit:
                continue
            ids = [found for name, value in headers if name.lower() == "message-id" for found in message_ids(value)]
            return ids[0] if ids else ""
    return ""


def _status_part(structure: Structure) -> Part | None:
    return next((part for part in structure.root.children if part.content_type in _STATUS_TYPES), None)


def _field(line: str) -> tuple[str, str]:
    name, _, value = line.partition(":")
    return name.strip().lower(), value.strip()


def _action(value: str) -> Action:
    word = re.split(r"[\s(;]", value.lower(), maxsplit=1)[0]
    return Action(word) if word in Action._value2member_map_ else Action.UNKNOWN
