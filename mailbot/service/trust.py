"""Whose word a mail is: which member wrote it, by what that is proved, and which issue its signed text is about.

In: a `Message` and the settings. Out: values for `router.look_up` and `commanding`. The signature alone decides who a
member is, whatever From says; `commands.auth` may let a DMARC pass stand in for it. Nothing here looks at the database:
that a signed text runs only once is for `Unit.spend`, in the transaction that records its effects.
"""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from mailbot.config import Member, Settings
from mailbot.mail.control import ids
from mailbot.service.message import Message
from mailbot.service.ports import Verdict

CLOCK_SKEW = timedelta(minutes=15)
"""How far a member's clock may be ahead of ours. A signature dated later than that could outlive `commands.max_age`."""

_OBJECTIONS = {
    Verdict.BAD: "its signature is bad: the text was changed, or it is forged",
    Verdict.NO_KEY: "it is signed by a key that is no member's",
    Verdict.EXPIRED: "its signature, or the key that made it, is expired",
    Verdict.REVOKED: "the key that signed it is revoked",
    Verdict.SEVERAL: "it is signed more than once",
    Verdict.WEAK: "its signature uses a weak digest",
    Verdict.ERROR: "its signature could not be checked",
}


class Proof(StrEnum):
    """By what a mail is a member's."""

    NONE = ""
    SIGNATURE = "signature"
    DMARC = "dmarc"


@dataclass(frozen=True, slots=True)
class Authorship:
    """`member` is None if nothing proves that the mail is a member's; then `doubt` says why not, as half a sentence
    for members."""

    member: Member | None
    proof: Proof
    doubt: str = ""


def authorship(message: Message, settings: Settings) -> Authorship:
    """Which member wrote this mail."""
    if message.authors > 1:
        return _nobody(f"its From names {message.authors} authors")
    signature = message.signature
    if signature.good:
        member = settings.member_by_fingerprint(signature.fingerprint)
        if message.signer == "loose":
            return _nobody("its signature is over the text only, not over the mail")
        if member is None or message.signer:
            return _nobody("it is signed by a key that is no member's")
        if message.signed is None:
            return _nobody("its signature is around the encryption, and says nothing about what is inside")
        return Authorship(member, Proof.SIGNATURE)
    if signature.verdict is not Verdict.UNSIGNED:
        return _nobody(_OBJECTIONS[signature.verdict])
    if message.came_encrypted:
        return _nobody("it is encrypted, but not signed")
    # Without one readable From the author is whoever the envelope names, and no result is about that one.
    claimed = settings.member_by_address(message.author) if message.authors == 1 else None
    if settings.commands.auth == "signature" or claimed is None:
        return _nobody("it is not signed")
    if message.automatic or message.listed:
        return _nobody("it is not signed, and was sent by a program or through a list")
    if not message.checks.dmarc_pass_for(message.author):
        return _nobody("it is not signed, and no server that we trust says that it passed DMARC")
    return Authorship(claimed, Proof.DMARC)


def _nobody(doubt: str) -> Authorship:
    return Authorship(None, Proof.NONE, doubt)


def out_of_time(message: Message, settings: Settings) -> str:
    """Why the date of a member's signature keeps its commands from running, as half a sentence; "" if it does not.

    Counted from when the mail arrived, so that an outage of ours makes nothing too old.
    """
    signed_at, arrived = message.signature.signed_at, message.envelope.received_at
    if signed_at is None:
        return "its signature has no date"
    if signed_at > arrived + CLOCK_SKEW:
        return "its signature is dated in the future; set your computer's clock and send it again"
    if arrived - signed_at > settings.commands.max_age.delta:
        return f"it was signed more than {settings.commands.max_age.words} ago; sign it again"
    return ""


def first_named(message: Message, prefix: str) -> int | None:
    """The first issue of this instance that the proved part of a mail names, outside the arguments of its commands.

    The protected subject stands above the text. Without a signature it is the subject and the text as they came.
    """
    subject = message.signed.subject if message.signed is not None else message.subject
    return next(iter(ids("\n".join((subject, *message.block.comments, message.block.message)), prefix)), None)


def selected(message: Message, prefix: str) -> int | None:
    """The issue that ``/on`` as the first command names; None if it is another command, or names none of ours."""
    first = message.block.commands[0] if message.block.commands else None
    if first is None or first.verb != "on":
        return None
    named = ids(first.args, prefix)
    return named[0] if len(named) == 1 else None
