"""The second step: bytes and envelope become a `Message`. Touches no table, holds no transaction.

Layers are taken off one by one: OpenPGP encryption, signatures, then protected headers (RFC 9788). What cannot be read
is never an error: the message says so, and goes on as raw bytes that members can look at.
"""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import replace

from mailbot.config import Group, Settings
from mailbot.mail import parse, shapes
from mailbot.mail.authenticity import Authentication, authentication
from mailbot.mail.author import authors, mailboxes
from mailbot.mail.auto_reply import Automatic, automatic
from mailbot.mail.bounce import Action
from mailbot.mail.control import Block, read
from mailbot.mail.envelope import Envelope, Strength, Target, strongest, target
from mailbot.mail.message_id import message_ids
from mailbot.mail.protected_headers import applied, protected
from mailbot.mail.spam import spam_score
from mailbot.mail.structure import Part, Structure
from mailbot.service import carried_keys, lists, opening, returned
from mailbot.service.content import Content
from mailbot.service.lists import Listed
from mailbot.service.message import HOPS, Attachment, Message, SignedPart
from mailbot.service.ports import OpenPGP, Parser, Signature, Unreadable, Verdict
from mailbot.service.returned import NOTHING_RETURNED, Returned
from mailbot.service.store import ClaimedMail, MailKeys, Store
from mailbot.service.verbs import NAMES

HEAD_BYTES = 100_000
"""Enough of a mail's beginning for its header fields."""

TYPE_SHOWN = 100
"""Characters of an attachment's type: registered ones have up to 127 (RFC 6838 4.2), those in use 75."""

SHARED = 200
"""Message-IDs by which a mail is kept in order with others; each is a row for as long as it waits. Two full fields."""

# MS-OXTNEF 2.1.3.1: the signature that it begins with.
_TNEF_MAGIC = b"\x78\x9f\x3e\x22"
_TNEF = frozenset({"application/ms-tnef", "application/vnd.ms-tnef"})
_IDS = ("message-id", "in-reply-to", "references")
_FORMER = frozenset(
    {"x-google-original-message-id", "x-microsoft-original-message-id", "x-original-message-id", "x-mailbot-loop"}
)
# RFC 5321 4.4, and what mail systems add on the way: not part of what the sender wrote.
_TRACE = re.compile(rb"(?:received|return-path|delivered-to):", re.IGNORECASE)


def keys(envelope: Envelope, head: bytes, group: Group) -> MailKeys:
    """The first pass: who sent it, and what ties it to other mails. Total on any bytes."""
    try:
        fields = [(name.lower(), value) for name, value in parse.headers(head)]
    except parse.OverLimit:
        fields = []
    senders = [author.address for name, value in fields if name == "from" for author in mailboxes(value)]
    ids = {name: [found for key, value in fields if key == name for found in message_ids(value)] for name in _IDS}
    # The nearest ones first, because they are what is kept of very many.
    nearest = (*ids["message-id"], *ids["in-reply-to"], *reversed(ids["references"]))
    shared = [*dict.fromkeys(nearest)][:SHARED]
    named = target_numbers(envelope, group)
    # The head itself, so that two deliveries of one mail without a Message-ID wait for each other too.
    shared.append("head " + b"".join(_without_trace(head)).decode("latin-1"))
    return MailKeys(
        sender=next((address for address in senders if address), envelope.reverse_path),
        shared=(*shared, *(f"issue {number}" for number in named)),
    )


def target_numbers(envelope: Envelope, group: Group) -> list[int]:
    """The issues that a mail's recipients name."""
    targets = (target(address, group.local_part) for address in envelope.forward_paths)
    return [found.number for found in targets if found is not None and found.number is not None]


def understand(mail: ClaimedMail, settings: Settings, store: Store, parser: Parser, openpgp: OpenPGP) -> Message:
    """Read one mail. Raises `MailFailed` if it made the parser or gpg fail, `TemporaryError` if they are not there."""
    try:
        outer = parser.parse(mail.raw)
    except Unreadable as error:
        return given_up(mail, settings, store, str(error))
    reported = returned.look(
        mail.raw, outer, mail.envelope.reverse_path, _target(mail, settings), parser,
        by_the_list=lists.by_the_list(outer, settings),
    )  # fmt: skip
    message = _message(mail, settings, store, outer.headers, outer, reported)
    if reported.is_bounce:
        return message  # nothing of it is relayed, and what it carries is our own
    content = opening.opened(mail.raw, outer, parser, openpgp)
    carried = carried_keys.look(content, outer, message.author, openpgp, mail.envelope.received_at)
    signer = "loose" if content.loose else ""
    if content.unchecked:
        known = [key.armor for key in store.keys_of(message.author)]
        for who, whose, armored in (
            ("known", "a key that came with another mail from this address, ", known),
            ("carried", "a key that came along, ", [key.armor for key in carried.keys]),
        ):
            if armored and content.unchecked:
                with openpgp.with_keys(armored) as once:
                    again = opening.opened(mail.raw, outer, parser, once, whose)
                if content.signature.verdict is Verdict.NO_KEY is not again.signature.verdict:
                    content, signer = again, who
                elif again.signature == content.signature:
                    content = again  # what it says of parts
    inner = content.structure
    inside = content.protected
    # Who wrote it, and what an answer names, stays as the outside says: nothing from inside may ever stand there.
    meant = _shell(applied(outer.headers, inside)) if inside else outer
    defects = [*outer.defects, *inner.defects, *_odd_files(content)]
    if inside and authors(meant) != authors(outer):
        defects.append("its protected From differs from the one outside")
    # Commands are read from what is signed, else from the plain text as it stands there: never from HTML, and never
    # from a text that was put together out of parts that were encrypted or signed apart.
    signed = _signed(content, store)
    plain = "" if inner.html_only else inner.text
    return replace(
        message,
        signed=signed,
        block=read(signed.text if signed else plain, NAMES),
        text_digest=store.digest([part.encode("utf-8", "replace") for part in _identity(message, outer, plain)]),
        subject=meant.header("Subject"),
        references=_references(meant),
        text=lists.marked(content.text, message.over),
        html_only=inner.html_only,
        attachments=tuple(_attachments(content)),
        opened=content.opened,
        key_ids=content.key_ids,
        symmetric=content.symmetric,
        signature=content.signature,
        beside_footer=_beside_footer(mail.raw, outer, message.over, parser, openpgp),
        unreadable=content.unreadable,
        defects=tuple(
            dict.fromkeys((*_odd_author(outer), *message.over.remarks, *defects, *content.remarks, *carried.remarks))
        ),
        keys=carried.keys,
        signer=signer,
        pieces=content.pieces,
    )


def _signed(content: Content, store: Store) -> SignedPart | None:
    if content.signed is None or content.loose:
        return None
    found = protected(content.structure)
    subject = found.header("Subject") if found else ""
    # A text-mode signature leaves line ends open (RFC 4880 5.2.4), and mail systems take white space off their ends.
    lines = (line.rstrip() + b"\n" for line in content.signed.data.splitlines())
    return SignedPart(content.signed.text, subject, store.digest(lines))


def _identity(message: Message, outer: Structure, text: str) -> tuple[str, ...]:
    """What makes a mail without signature the same again."""
    return message.message_id, "\0", outer.header("Date"), "\0", text


def _attachments(content: Content) -> Iterator[Attachment]:
    """Everything that is attached to the mail and to those inside it, and what encrypted files held."""
    for one in content.walk():
        for part in one.structure.attachments:
            if part not in one.hidden and not shapes.is_machinery(one.raw, part):
                yield Attachment(part.filename, part.content_type[:TYPE_SHOWN], part.size, part.sha256)
        for piece in one.files:
            yield Attachment(piece.name, "decrypted", len(piece.data), hashlib.sha256(piece.data).hexdigest())


def _odd_files(content: Content) -> Iterator[str]:
    """Attachments that members should be warned of, in words."""
    for one in content.walk():
        for part in one.structure.attachments:
            if part.content_type in _TNEF or parse.beginning(one.raw, part, 4) == _TNEF_MAGIC:
                yield (
                    f"the attached file {part.filename or '(no name)'} is Outlook's own wrapping (TNEF): there may be "
                    "text and files inside, which only Outlook or a program such as tnef shows"
                )


def given_up(mail: ClaimedMail, settings: Settings, store: Store, reason: str) -> Message:
    """A mail that is relayed raw: only its header fields are read, and not even those if they are over the limits."""
    try:
        fields = parse.headers(mail.raw[:HEAD_BYTES])
    except parse.OverLimit:
        fields = ()
    return replace(_message(mail, settings, store, fields, None), unreadable=reason, raw_only=True)


def unread(message: Message) -> Message:
    """A mail of which nothing but its raw bytes is used: whatever it says made every other handling fail."""
    return replace(
        message, target=Target(Strength.PLAIN), author="", author_name="", subject="", message_id="", references=(),
        bounce=False, block=Block(),
    )  # fmt: skip


def _odd_author(outer: Structure) -> tuple[str, ...]:
    """What is odd where From does not name exactly one author: then the envelope's sender stands for them."""
    found = authors(outer)
    if not found:
        return ("its From names nobody",)
    if len(found) > 1:
        return (f"its From names {len(found)} authors",)
    if not found[0].address:
        return ("its From holds no address that can be read",)
    return () if found[0].address.isascii() else (_beyond_ascii(found[0].address),)


def _beyond_ascii(address: str) -> str:
    """So that nobody takes it for another address that looks the same."""
    letters = ", ".join(dict.fromkeys(f"{char} (U+{ord(char):04X})" for char in address if not char.isascii()))
    return f"its author's address holds letters beyond ASCII: {letters}"


def _message(
    mail: ClaimedMail, settings: Settings, store: Store, fields: tuple[tuple[str, str], ...], outer: Structure | None,
    reported: Returned = NOTHING_RETURNED,
) -> Message:  # fmt: skip
    envelope = mail.envelope
    shell = outer or _shell(fields)
    written_by = authors(shell)
    single = written_by[0] if len(written_by) == 1 and written_by[0].address else None
    trusted = settings.listener.trusted_authserv_ids
    checks = authentication(shell, trusted)
    listed = lists.look(shell, settings, checks)
    checks = lists.without_dmarc(checks, listed)
    if listed.author is not None:
        single = listed.author
    why_automatic = automatic(shell, [listed.intake] if listed.intake else [])
    recipients = sorted(address.lower() for address in envelope.forward_paths)
    return Message(
        envelope=envelope,
        target=_target(mail, settings),
        digest=store.digest([*_without_trace(mail.raw), *(b"\0" + address.encode() for address in recipients)]),
        author=single.address if single else _reverse_path(envelope),
        author_name=single.name if single else "",
        subject=shell.header("Subject"),
        message_id=next(iter(message_ids(shell.header("Message-ID"))), ""),
        references=_references(shell),
        text="",
        html_only=False,
        attachments=(),
        opened="",
        key_ids=(),
        symmetric=False,
        signature=Signature(),
        authserv_id=", ".join(trusted) if checks != Authentication() else "",
        checks=checks,
        authors=len(written_by) if len(written_by) > 1 or single else 0,
        automatic=why_automatic in (Automatic.MACHINE, Automatic.REPLY) or not envelope.reverse_path,
        # Exchange calls its vacation replies "auto-generated", and sends them from nobody.
        vacation=why_automatic is Automatic.REPLY or (why_automatic is Automatic.MACHINE and not envelope.reverse_path),
        listed=why_automatic is Automatic.LIST,
        over=listed,
        former_ids=tuple(one for name, value in shell.headers if name.lower() in _FORMER for one in message_ids(value)),
        relayed_as=_relayed_as(shell),
        spam_score=spam_score(shell, trusted),
        released=mail.released,
        bounce=reported.is_bounce,
        bounce_failed=reported.action is Action.FAILED,
        bounce_code=reported.code,
        returned=reported.message_ids,
        returned_to=reported.recipients,
    )


def _beside_footer(raw: bytes, outer: Structure, listed: Listed, parser: Parser, openpgp: OpenPGP) -> Signature:
    """The signature over what the group's list passed on, if it put nothing but its footer beside that."""
    sent = lists.beside_footer(outer.root, outer.text, listed) if listed.group else None
    signed = shapes.signed(sent) if sent is not None else None
    return opening.Opener(parser, openpgp, "").verify(raw, *signed) if signed is not None else Signature()


def _relayed_as(fields: Structure) -> tuple[str, ...]:
    if not fields.header("X-Mailbot-Instance"):
        return ()
    return tuple(message_ids(f"{fields.header('Message-ID')} {fields.header('X-Mailbot-Loop')}")[:HOPS])


def _target(mail: ClaimedMail, settings: Settings) -> Target:
    return strongest(mail.envelope.forward_paths, settings.group.local_part)


def _shell(fields: tuple[tuple[str, str], ...]) -> Structure:
    """Header fields without a body, for mails that were not taken apart."""
    return Structure(fields, Part("text/plain", (), "", "", "7bit", 0, 0, 0, 0, ""), "", False, ())


def _reverse_path(envelope: Envelope) -> str:
    """The envelope sender as an address to answer to, if it is one."""
    found = mailboxes(envelope.reverse_path)
    return found[0].address if len(found) == 1 else ""


def _references(structure: Structure) -> tuple[str, ...]:
    """Nearest first: In-Reply-To, then References from the last to the first (RFC 5322 3.6.4)."""
    nearest = message_ids(structure.header("In-Reply-To"))
    chain = message_ids(structure.header("References"))
    return tuple(dict.fromkeys((*nearest, *reversed(chain))))


def _without_trace(raw: bytes) -> Iterator[bytes | memoryview]:
    """The mail without the trace fields that differ from delivery to delivery, in pieces."""
    end = raw.find(b"\r\n\r\n")
    end = len(raw) if end < 0 else end
    start = 0
    skipping = False
    while start < end:
        stop = raw.find(b"\n", start, end) + 1 or end
        line = raw[start:stop]
        if line[:1] not in b" \t":
            skipping = _TRACE.match(line) is not None
        if not skipping:
            yield line
        start = stop
    yield memoryview(raw)[end:]
