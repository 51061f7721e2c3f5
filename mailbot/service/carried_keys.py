"""Public keys that a mail brings along: attached, in its text, or in an Autocrypt header.

Nothing here trusts one. What may be used is decided with the issue at hand (`handlers`): a reporter's key is used for
mail to that reporter only, and a new one never replaces a known one just because somebody sent it.
"""

import base64
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from mailbot.mail import armor, parse
from mailbot.mail.armor import Kind
from mailbot.mail.author import mailboxes
from mailbot.mail.structure import Part, Structure
from mailbot.service.content import Content
from mailbot.service.ports import KeyInfo, OpenPGP

KEYS = 5
"""Blobs of key material that are looked at in one mail: each costs a few starts of gpg."""
KEY_BYTES = 100_000
"""Of one blob: a key with many sub-keys and a photo stays under it."""

_BEGIN = b"-----BEGIN PGP P"  # a public or a private key block: a secret key must be noticed, too
_NAMES = (".asc", ".gpg", ".pgp", ".key")


@dataclass(frozen=True, slots=True)
class CarriedKey:
    fingerprint: str
    armor: str
    """Only this one public key."""
    addresses: tuple[str, ...]
    """Of its user ids, in lower case."""
    usable: bool
    """It can be encrypted to at the time the mail came."""
    revoked: bool = False


@dataclass(frozen=True, slots=True)
class Carried:
    keys: tuple[CarriedKey, ...] = ()
    remarks: tuple[str, ...] = ()


NOTHING = Carried()


def look(content: Content, outer: Structure, author: str, openpgp: OpenPGP, at: datetime) -> Carried:
    """The keys in a mail, as far as it could be opened; Autocrypt is read from the outside, for `author` only."""
    keys: dict[str, CarriedKey] = {}
    remarks: dict[str, None] = {}
    for number, data in enumerate(_blobs(content, outer, author)):
        if number >= KEYS or len(data) > KEY_BYTES:
            remarks["it brings more key material than is looked at"] = None
            continue
        found = openpgp.scan(data)
        if any(info.secret for info in found):
            remarks["IT BRINGS A SECRET KEY: whoever sent it should revoke that key"] = None
            continue
        for info in found[:KEYS]:
            keys[info.fingerprint] = _carried(info, openpgp.minimal(data, info.fingerprint), at)
            if not keys[info.fingerprint].usable:
                state = "revoked" if info.revoked else "expired or without encryption key"
                remarks[f"it brings the key {info.fingerprint}, which is {state} and not used"] = None
    return Carried(tuple(keys.values()), tuple(remarks))


def _carried(info: KeyInfo, armor: str, at: datetime) -> CarriedKey:
    addresses = tuple(
        mailbox.address.lower() for user_id in info.user_ids for mailbox in mailboxes(user_id) if mailbox.address
    )
    return CarriedKey(info.fingerprint, armor, addresses, info.usable(at), info.revoked)


def _blobs(content: Content, outer: Structure, author: str) -> Iterator[bytes]:
    for one in content.walk():
        for block in armor.blocks(one.text if one is content else one.structure.text):
            if block.complete and block.kind in (Kind.PUBLIC_KEY, Kind.PRIVATE_KEY):
                yield block.text.replace("\u00a0", " ").encode("ascii", "replace")
        for part in one.structure.attachments:
            if part.size <= KEY_BYTES and _may_be_key(part):
                data = parse.content(one.raw, part)
                if _BEGIN in data or part.content_type == "application/pgp-keys":
                    yield data
        for piece in one.files:
            if len(piece.data) <= KEY_BYTES and _BEGIN in piece.data:
                yield piece.data
    values = outer.header_all("Autocrypt")
    # Autocrypt Level 1, 2.3: with several that fit, none counts.
    fitting = [key for value in values[:KEYS] if (key := _autocrypt(value, author)) is not None]
    if len(fitting) == 1:
        yield fitting[0]


def _may_be_key(part: Part) -> bool:
    return part.content_type in ("application/pgp-keys", "application/pgp-encrypted") or part.filename.lower().endswith(
        _NAMES
    )


def _autocrypt(value: str, author: str) -> bytes | None:
    """The key of an Autocrypt header (Autocrypt Level 1, 2.1) if it is for the author of the mail."""
    fields = dict(part.strip().split("=", 1) for part in value.split(";") if "=" in part)
    if fields.get("addr", "").lower() != author.lower() or not author:
        return None
    # An attribute that is not known makes the header invalid, unless its name begins with "_" (2.1).
    if any(name not in ("addr", "prefer-encrypt", "keydata") and not name.startswith("_") for name in fields):
        return None
    try:
        return base64.b64decode(re.sub(r"\s", "", fields.get("keydata", "")), validate=True) or None
    except ValueError:  # of which binascii's own error is one; letters beyond ASCII give another
        return None
