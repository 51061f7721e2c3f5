"""Members' mails as their mail programs send them: signed, mostly encrypted, with a subject inside."""

import itertools
from collections.abc import Sequence
from datetime import datetime, timedelta

from tests.openpgp_keys import Lab
from tests.shapes import mails
from tests.world import START, Sent, World

_numbers = itertools.count(1)
RITA = "rita@out.example"


def address(number: int | str = 1) -> str:
    return f"security+{number}@example.org"


def entity(text: str, subject: str = "Re: [EX-1] Crash", kind: str = "text/plain; charset=utf-8") -> str:
    """The part that is signed, with the subject in it if there is one."""
    if not subject:
        return mails.text(text, kind)
    return mails.text(text, f'{kind}; protected-headers="v1"', f"Subject: {subject}")


def stamp(at: datetime) -> str:
    return at.strftime("%Y%m%dT%H%M%S")


def signed(lab: Lab, text: str, by: str = "alice", *, subject: str = "Re: [EX-1] Crash", at: datetime = START) -> str:
    """multipart/signed, in clear."""
    inside = entity(text, subject)
    signature = mails.sign(lab, by, inside, "--digest-algo=SHA512", at=stamp(at - timedelta(minutes=1)))
    return mails.multi(
        'signed; protocol="application/pgp-signature"; micalg=pgp-sha512',
        [inside, mails.part('application/pgp-signature; name="signature.asc"', signature)],
    )


def secret(lab: Lab, inside: str, by: str = "", at: datetime = START) -> str:
    """multipart/encrypted around an entity, signed in the same step `by` somebody if given."""
    armor = lab.people.encrypt(inside.encode(), [lab.group_key], by=by, at=stamp(at - timedelta(minutes=1)))
    return mails.encrypted(mails.armored(armor))


def command(
    lab: Lab, text: str, by: str = "alice", *, subject: str = "Re: [EX-1] Crash", at: datetime = START,
    encrypt: bool = True, author: str = "", fields: Sequence[str] = (), message_id: str = "",
) -> bytes:  # fmt: skip
    """A member's mail, signed at `at`."""
    body = secret(lab, entity(text, subject), by, at) if encrypt else signed(lab, text, by, subject=subject, at=at)
    return wrap(body, by, author=author, fields=fields, message_id=message_id)


def wrap(
    body: str, by: str = "alice", *, author: str = "", fields: Sequence[str] = (), message_id: str = "",
    subject: str = "...",
) -> bytes:  # fmt: skip
    """The outside of a mail around what is signed or encrypted."""
    author = author or f"{by.title()} <{by}@members.example>"
    message_id = message_id or f"<c{next(_numbers)}@members.example>"
    return mails.mail(body, *fields, subject=subject, author=author, message_id=message_id)


def plain(text: str, by: str = "alice", *, subject: str = "Re: [EX-1] Crash", dmarc: str = "", **more: str) -> bytes:
    """A mail without OpenPGP; `dmarc` is what the front server says of it."""
    fields = []
    if dmarc:
        fields = [f"Authentication-Results: mx.example.org; dmarc={dmarc} header.from=members.example"]
    return wrap(mails.text(text), by, subject=subject, fields=[*fields, *(f"{k}: {v}" for k, v in more.items())])


def run(bot: World, text: str, by: str = "alice", *, to: str = "security+1@example.org", subject: str = "") -> str:
    """Send a command mail; its transcript's text between the markers."""
    mail = command(bot.lab, text, by, at=bot.now, subject=subject or "Re: [EX-1] Crash")
    return transcript(bot.receive(mail, f"{by}@members.example", to))


def transcript(sent: Sequence[Sent]) -> str:
    (one,) = [one for one in sent if one.kind == "transcript"]
    return "\n".join(one.text.strip().split("\n")[1:-1]).strip("\n")


def kinds(sent: Sequence[Sent]) -> list[tuple[str, str]]:
    """Who got what."""
    return [(one.kind, one.member_id or one.recipient) for one in sent]
