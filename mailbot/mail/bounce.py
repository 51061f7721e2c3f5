"""Bounces: delivery status notifications (RFC 3464) and what older mail systems send instead.

Recognised by structure and envelope alone. Never by words: "Delayed free leads to UAF", "access denied" or
"550 5.1.1" in a subject or a body make no report a bounce. Only of what is known to be one are words read, for whether
it is a failure or a delay.
"""

import re
from collections.abc import Iterator
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

RETURNED = 10
"""Message-IDs that are looked at in the copy of what came back."""

# Exchange's own name is the same for every organisation; the others are what old systems call themselves.
_EXCHANGE = "microsoftexchange329e71ec88ae4615bbc36ab6ce41109e"
_DAEMONS = frozenset(
    {"mailer-daemon", "postmaster", "mailerdaemon", "mailer_daemon", "mail-daemon", "maildaemon", "mdaemon", "mmdf"}
    | {"mta", "smtp-daemon", "mail-system", "mailsystem", _EXCHANGE}
)
# Old systems write their name without a domain.
_BARE = re.compile(r"(?:^|<)\s*mailer-daemon\s*(?:[>(]|$)", re.IGNORECASE)
# Systems that do not send from nobody, as RFC 5321 4.5.5 wants it. A postmaster may be a person.
_NOBODY = frozenset({"mailer-daemon", "mailerdaemon", _EXCHANGE})
_STATUS_TYPES = frozenset({"message/delivery-status", "message/global-delivery-status"})
_HEADER_TYPES = frozenset({"text/rfc822-headers", "message/global-headers"})
_STATUS = re.compile(r"[245]\.\d{1,3}\.\d{1,3}")
# As mail systems put it in whatever language: "550 5.1.1", "(#5.1.1)", "smtp;550", "said: 550 unknown". A lone 5.1.1
# may be a version.
_CODES = re.compile(
    r"(?<![\d.:])(?P<reply>[45][0-5]\d)[ -]#?(?P<status>[45]\.\d{1,3}\.\d{1,3})(?![\d.])"
    r"|\(?#(?P<hash>[45]\.\d{1,3}\.\d{1,3})(?![\d.])"
    r"|(?i:status(?:[ -]code)?)\s?[:=]\s?(?P<named>[45]\.\d{1,3}\.\d{1,3})(?![\d.])"
    r"|(?:[;>\"'(][ \t]{0,8}|:[ \t]{1,8}|^[ \t]{0,8})(?P<alone>[45][0-5]\d)(?=[ \t-][^\d\s]|[\"')]|$)",
    re.MULTILINE,
)
_COPY = re.compile(r"^[>| \t]{0,8}(?:return-path|received|message-id):", re.IGNORECASE | re.MULTILINE)
_COPIED_ID = re.compile(
    r"^[>| \t]{0,8}message-id:[ \t]*(?:\r?\n[>| \t]{1,8})?(<[^<>\s]{3,250}>)", re.IGNORECASE | re.MULTILINE
)


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
    """True for a delivery status notification, or for a mail from the null reverse-path (or what some systems have
    instead) whose only author is a mail system. `reverse_path` is "" for the null one."""
    root = structure.root
    if root.content_type == "multipart/report":
        kind = root.param("report-type").lower()
        return kind == "delivery-status" or (not kind and _status_part(structure) is not None)
    if not from_nobody(reverse_path):
        return False
    found = authors(structure)
    if len(found) == 1 and not found[0].address:
        return _BARE.search(structure.header("From")) is not None
    return len(found) == 1 and found[0].address.partition("@")[0].lower() in _DAEMONS


def deliveries(raw: bytes, structure: Structure) -> tuple[Delivery, ...]:
    """What the bounce ``parse(raw)`` says about each recipient; empty if it says nothing in a form for machines."""
    part = _status_part(structure, deep=True)
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


def stated(text: str) -> Delivery:
    """What a bounce in plain words says by its codes, which are the same in every language: a permanent one before a
    temporary one, UNKNOWN without any. The copy of what came back is not read."""
    copy = _COPY.search(text)
    permanent = temporary = ""
    for match in _CODES.finditer(text[: copy.start() if copy else len(text)]):
        code = match["status"] or match["hash"] or match["named"] or match["alone"]
        if code.startswith("5") or (match["reply"] or "").startswith("5"):
            permanent = permanent or code
        else:
            temporary = temporary or code
    if permanent:
        return Delivery(Action.FAILED, status=permanent)
    return Delivery(Action.DELAYED, status=temporary) if temporary else Delivery(Action.UNKNOWN)


def returned_message_ids(raw: bytes, structure: Structure) -> tuple[str, ...]:
    """The Message-IDs in the copies of mail that came back: attached, or as a part of the text."""
    found: list[str] = []
    for part in structure.root.walk():
        if part.content_type in _HEADER_TYPES or part.content_type in ("message/rfc822", "message/global"):
            try:
                headers = parse.headers(parse.content(raw, part))
            except parse.OverLimit:
                continue
            found += [one for name, value in headers if name.lower() == "message-id" for one in message_ids(value)]
    found += _COPIED_ID.findall(structure.text)
    return tuple(dict.fromkeys(found))[:RETURNED]


def from_nobody(reverse_path: str) -> bool:
    """The envelope names no sender, or a mail system's own name in place of none."""
    return reverse_path in ("", "<>") or reverse_path.strip("<>").partition("@")[0].lower() in _NOBODY


def _status_part(structure: Structure, *, deep: bool = False) -> Part | None:
    """The part for machines. `deep`: also where a gateway put the whole report into something else, but not what a
    mail that came back may hold itself."""
    parts = _outside_attached(structure.root) if deep else iter(structure.root.children)
    return next((part for part in parts if part.content_type in _STATUS_TYPES), None)


def _outside_attached(part: Part) -> Iterator[Part]:
    for child in part.children:
        yield child
        if child.content_type.startswith("multipart/"):
            yield from _outside_attached(child)


def _field(line: str) -> tuple[str, str]:
    name, _, value = line.partition(":")
    return name.strip().lower(), value.strip()


def _action(value: str) -> Action:
    word = re.split(r"[\s(;]", value.lower(), maxsplit=1)[0]
    if word in ("error", "fail", "failure"):  # OpenSMTPD's, and others'
        return Action.FAILED
    return Action(word) if word in Action._value2member_map_ else Action.UNKNOWN
