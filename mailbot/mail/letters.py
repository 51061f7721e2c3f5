"""What each of our mails says: the values that its template is filled with.

One class per notice, named as its folder in ``templates/``. Times are aware; texts are data and may hold anything.
Outsiders' texts are fine in every field of type `str`: templates pass them through `line` or `passage`, which keep
them from being taken for anything else. Ids are as people see them (``EX-42``). `now` is the time of writing; what is
left of every clock is counted from it. `late` is true where an outage delayed the mail.

Words that stand for a verdict (`Arrival.opened`, `Arrival.signature`, `Missing.reason`) are the values of the enums
that the OpenPGP room uses; the sentences for them are in the templates.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who wrote; either may be empty."""

    name: str
    address: str


@dataclass(frozen=True, slots=True)
class Clock:
    """A running clock: its name (``first_response``) and its deadline."""

    name: str
    due: datetime
    promised: datetime | None = None
    """What the reporter was told, where the deadline is that of the escalation."""


@dataclass(frozen=True, slots=True)
class Attachment:
    """`size` in bytes, `sha256` as hex digits, both of the decoded bytes. `kind` is the type that the sender declared,
    or ``decrypted`` for what was inside an encrypted file."""

    name: str
    kind: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Command:
    """A line that a member can type, such as ``/claim``, and what it does in a few words."""

    line: str
    does: str


@dataclass(frozen=True, slots=True)
class Missing:
    """A member who could not be sent the content."""

    member: str
    reason: str
    """``none`` (no fingerprint in the config), ``unknown`` (no such key here), ``expired``, ``revoked`` or
    ``unusable``."""
    got: str
    """``notice``, ``content`` (in clear) or ``nothing``."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """How a mail arrived."""

    opened: str = ""
    """"" if nothing was encrypted, ``decrypted``, ``partly`` (only a part of the mail was), ``partly-closed`` (the
    same, and it was not opened), ``not-encrypted``, ``cannot-decrypt``, ``tampered``, ``too-large`` or ``broken``."""
    key_ids: tuple[str, ...] = ()
    """The key ids that the ciphertext names; shown only where it was not opened."""
    symmetric: bool = False
    signature: str = "unsigned"
    """``unsigned``, ``good``, ``bad``, ``no-key``, ``expired``, ``revoked``, ``several-signers``, ``weak-digest``,
    ``error``."""
    signer: str = ""
    """Whose key: a name and fingerprint where it is known, else the key id."""
    authserv_id: str = ""
    """The trusted front MTA that looked at it; "" if none did, and then the rest is "" too."""
    dkim: str = ""
    spf: str = ""
    dmarc: str = ""


@dataclass(frozen=True, slots=True)
class Card:
    """The short card on top of a mail to members."""

    title: str
    author: Person | None = None
    subject: str = ""
    """Of the mail at hand, where it says more than the title."""
    arrival: Arrival | None = None
    clocks: tuple[Clock, ...] = ()
    owner: str | None = None
    """Member id of the coordinator."""
    mentions: tuple[str, ...] = ()
    """Ids of issues that a stranger named."""
    missing: tuple[Missing, ...] = ()
    warnings: tuple[str, ...] = ()
    """What else was odd: defects of the mail, in plain words."""
    commands: tuple[Command, ...] = ()
    """Those most likely next; only those that exist."""
    attachments: tuple[Attachment, ...] = ()
    left_out: bool = False
    """The original does not go along; a warning says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """What every letter has."""

    notice: ClassVar[str]
    group: str
    """The group's name."""
    now: datetime
    late: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Acknowledgement(Letter):
    """To the reporter. Holds nothing of the report."""

    notice: ClassVar[str] = "acknowledgement"
    issue: str
    answer_by: datetime
    """When the group is reminded if nobody has answered."""
    escalate_at: datetime
    contacts: tuple[str, ...]
    """Escalation addresses outside the group; may be empty."""
    fingerprint: str
    """The group's key, 40 hex digits."""
    key_address: str
    """``security+key@example.org``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AcknowledgementUnreadable(Acknowledgement):
    """To a reporter whose mail we could not open."""

    notice: ClassVar[str] = "acknowledgement_unreadable"


@dataclass(frozen=True, slots=True, kw_only=True)
class Report(Letter):
    """To the members: a new issue. The original is attached."""

    notice: ClassVar[str] = "report"
    issue: str
    card: Card
    text: str
    from_html: bool = False
    """There was no plain text: `text` was made from HTML."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowUp(Letter):
    """To the members: somebody wrote again on an issue. The original is attached."""

    notice: ClassVar[str] = "follow_up"
    issue: str
    card: Card
    text: str
    role: str
    """Who they are to this issue: ``reporter``, ``participant``, ``member``."""
    authenticated: str = ""
    """By what: ``address`` (the keyed one), ``signature``, ``dmarc``; "" if it is not authenticated."""
    reason: str = ""
    """If it is not authenticated: why not, as half a sentence."""
    from_html: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Note(Letter):
    """To the members: what a member wrote to them."""

    notice: ClassVar[str] = "note"
    issue: str
    card: Card
    text: str
    from_html: bool = False
    changes: tuple[str, ...] = ()
    """What the same mail's commands changed, such as ``owner: nobody -> alice``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreadable(Letter):
    """To the members: a mail that could not be taken apart. It is attached raw."""

    notice: ClassVar[str] = "unreadable"
    issue: str
    card: Card
    reason: str
    """One of our fixed phrases."""
    size: int
    """Bytes of the whole mail."""
    attached: int
    """Bytes of it that are attached."""
    asked: bool = False
    """The sender was asked to send it again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Keyless(Letter):
    """To a member who has no usable key, in clear: nothing of the content, not who wrote."""

    notice: ClassVar[str] = "keyless"
    issue: str
    """"" where the mail is about no single issue."""
    event: str
    """What happened, neutral: ``new report``, ``follow-up``, ``internal note``, ``reminder`` ..."""
    reason: str
    """As `Missing.reason`."""
    fingerprint: str
    """The fingerprint in the config, or ""."""
    operators: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reminder(Letter):
    """To members: nobody has answered the reporter yet."""

    notice: ClassVar[str] = "reminder"
    issue: str
    card: Card
    opened_at: datetime
    escalate_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Escalation(Letter):
    """To the escalation contacts outside the group, in clear: id and times only."""

    notice: ClassVar[str] = "escalation"
    issue: str
    opened_at: datetime
    due: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Escalated(Letter):
    """To the members: the escalation contacts were told."""

    notice: ClassVar[str] = "escalated"
    issue: str
    card: Card
    opened_at: datetime
    due: datetime
    contacts: tuple[str, ...]
    again: bool = False
    """A later step: it was escalated before."""
    reporter_told: bool = True
    """False where the reporter must not be answered, or too many answers went out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EscalationReporter(Letter):
    """To the reporter: nobody has answered, and whom they can ask."""

    notice: ClassVar[str] = "escalation_reporter"
    issue: str
    opened_at: datetime
    due: datetime
    contacts: tuple[str, ...]
    told: bool = True
    """Contacts outside the group were told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Key(Letter):
    """The answer to a request for the group's key, which is attached."""

    notice: ClassVar[str] = "key"
    address: str
    """Where to report."""
    fingerprint: str
    answer_within: str
    """How long until the group is reminded of an answer, such as ``24h``."""
    escalate_within: str
    embargo: str
    """The default embargo, such as ``90d``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UndeliveredReporter(Letter):
    """To the members: a mail to the reporter could not be delivered."""

    notice: ClassVar[str] = "undelivered_reporter"
    issue: str
    card: Card
    what: str
    """Which mail, neutral: ``acknowledgement``, ``reply`` ..."""
    address: str
    code: str
    """Status as ``5.1.1`` or ``550``; "" if unknown."""


@dataclass(frozen=True, slots=True)
class HeldMail:
    """One mail that waits for a word; `size` in bytes, `cause` is one of our own phrases."""

    number: int
    received_at: datetime
    size: int
    cause: str
    author: Person
    subject: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Held(Letter):
    """To the members, once a day while something is held."""

    notice: ClassVar[str] = "held"
    mails: tuple[HeldMail, ...]
    """The oldest ones, as many as one mail lists."""
    count: int
    """How many there are in all."""
    control: str
    """``security+control@example.org``."""
    missing: tuple[Missing, ...] = ()


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with the installation, and the mend, in our own words."""

    what: str
    mend: str
    grave: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class NewKey(Letter):
    """To the members, signed by the group's old key: which one comes after it."""

    notice: ClassVar[str] = "new_key"
    old: str
    """Fingerprint, 40 hex digits."""
    new: str
    armor: str
    """The new public key, certified by the old one."""
    missing: tuple[Missing, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Loop(Letter):
    """From the bot to itself, to see that mail goes round."""

    notice: ClassVar[str] = "loop"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble(Letter):
    """To the operators, once a day while something is wrong."""

    notice: ClassVar[str] = "trouble"
    problems: tuple[Problem, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class UndeliveredMember(Letter):
    """To the operators: a member cannot be reached, or the list that stands for the members."""

    notice: ClassVar[str] = "undelivered_member"
    member: str
    """"" for the list."""
    address: str
    code: str
    count: int
    """How many mails to them failed since the operators were last told."""
