"""OpenPGP/MIME (RFC 3156) around what gpg returned, and header protection (RFC 9788) inside it.

What gpg gave is checked for its shape before it is wrapped, so that nothing but a signature or an armored message can
ever stand where one is expected. Raises `Unsendable` otherwise.
"""

import re
from collections.abc import Sequence

from mailbot.mail.compose import fits_clear
from mailbot.mail.entity import Entity, boundary, multipart
from mailbot.mail.fields import Field, Unsendable, encoded

_MICALG = re.compile(r"pgp-[a-z0-9-]{2,20}")
# Clients from before RFC 9788 (Thunderbird, mutt, K-9 of those years) look for this parameter of its draft.
_OLD_FORM = 'protected-headers="v1"'


def protect_clear(entity: Entity, fields: Sequence[Field]) -> Entity:
    """The root part of a mail that is signed only: carries all of the mail's `fields` itself (RFC 9788)."""
    return _protected(entity, "clear", fields)


def protect_cipher(entity: Entity, fields: Sequence[Field], outer: Sequence[Field]) -> Entity:
    """The root part of a mail that will be encrypted: the real `fields`, and what the `outer` ones will say.

    `outer` are the fields with which the mail goes out; HP-Outer records them (RFC 9788), so that the reader's
    client knows which fields were confidential. Copies that share one ciphertext must share their outer fields.
    """
    record = [("HP-Outer", f"{name}: {encoded(name, value)}") for name, value in outer]
    return _protected(entity, "cipher", [*fields, *record])


def signed(root: Entity, signature: bytes, micalg: str, seed: bytes, *, inside_encryption: bool = False) -> Entity:
    """multipart/signed (RFC 3156 5): `signature` is armored and was made over exactly ``b"".join(root.pieces())``.

    Refuses what a mail system on the way may change, unless no mail system will see it (`inside_encryption`).
    """
    if not inside_encryption and not fits_clear(b"".join(root.pieces())):
        raise Unsendable("signed text must be 7bit, in short lines, without white space at line ends")
    if not _MICALG.fullmatch(micalg):
        raise Unsendable("not a digest name")
    part = Entity(
        (
            ("Content-Type", 'application/pgp-signature; name="signature.asc"'),
            ("Content-Description", "OpenPGP digital signature"),
            ("Content-Disposition", 'attachment; filename="signature.asc"'),
        ),
        (_armored(signature, b"SIGNATURE"),),
    )
    parameters = f' micalg="{micalg}"; protocol="application/pgp-signature";'
    return multipart(
        "signed", (root, part), boundary(seed, "signed"), parameters, "This is an OpenPGP/MIME signed message."
    )


def encrypted(armored: bytes, seed: bytes) -> Entity:
    """multipart/encrypted (RFC 3156 4) around an armored OpenPGP message."""
    control = Entity(
        (
            ("Content-Type", "application/pgp-encrypted"),
            ("Content-Description", "PGP/MIME version identification"),
        ),
        (b"Version: 1\r\n",),
    )
    content = Entity(
        (
            ("Content-Type", 'application/octet-stream; name="encrypted.asc"'),
            ("Content-Description", "OpenPGP encrypted message"),
            ("Content-Disposition", 'inline; filename="encrypted.asc"'),
        ),
        (_armored(armored, b"MESSAGE"),),
    )
    return multipart(
        "encrypted",
        (control, content),
        boundary(seed, "encrypted"),
        ' protocol="application/pgp-encrypted";',
        "This is an OpenPGP/MIME encrypted message.",
    )


def _protected(entity: Entity, mode: str, fields: Sequence[Field]) -> Entity:
    # Structural fields describe the entity itself and are never protected copies (RFC 9788).
    kept = tuple(
        (name, value)
        for name, value in fields
        if not name.lower().startswith("content-") and name.lower() != "mime-version"
    )
    marked = entity.with_field("Content-Type", f'{entity.field("Content-Type")}; hp="{mode}"; {_OLD_FORM}')
    return Entity((*kept, *marked.fields), marked.body)


def _armored(data: bytes, kind: bytes) -> bytes:
    begin, end = b"-----BEGIN PGP %s-----\r\n" % kind, b"-----END PGP %s-----" % kind
    # The end is looked at alone: rstrip() would copy all of a large one.
    if not data.startswith(begin) or not data[-2 * len(end) :].rstrip().endswith(end) or not data.isascii():
        raise Unsendable("gpg returned something else than was asked for")
    return data
