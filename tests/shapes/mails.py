"""Mails with OpenPGP in them, built as mail programs build them. Everything is text with CRLF line ends until `raw`.

An *entity* is a header block of Content-* fields (and protected ones) with its body. `mail` puts the outside around it.
"""

import base64
import itertools
import textwrap

from tests.openpgp_keys import Lab

WORD = "xyzzy"
"""Stands in everything confidential in these mails, and must stand in nothing that is sent in clear."""
TEXT = f"The parser overflows at {WORD}."
RITA = "Rita Reporter <rita@out.example>"
_numbers = itertools.count(1)


def crlf(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\n", "\r\n")


def part(content_type: str, body: str, *fields: str) -> str:
    """A leaf. `fields` are further header lines."""
    return crlf("\n".join([f"Content-Type: {content_type}", *fields, "", body]))


def text(body: str = TEXT, content_type: str = "text/plain; charset=utf-8", *fields: str) -> str:
    return part(content_type, body + "\n", *fields)


def multi(kind: str, parts: list[str], *fields: str, boundary: str = "", preamble: str = "") -> str:
    """A multipart; `kind` as ``mixed; protected-headers="v1"``."""
    border = boundary or f"----=_b{next(_numbers)}"
    head = [f'Content-Type: multipart/{kind}; boundary="{border}"', *fields, "", *([preamble] if preamble else [])]
    body = "".join(f"--{border}\r\n{one}\r\n" for one in parts)
    return crlf("\n".join([*head, ""])) + body + f"--{border}--\r\n"


def armored(data: bytes) -> str:
    return crlf(data.decode("ascii").strip())


def encrypt(lab: Lab, plain: str, *options: str, by: str = "", to: str = "") -> str:
    """Armor to the group (or the key `to` of somebody), signed in the same step `by` somebody if given."""
    recipient = lab.fingerprint(to) if to else lab.group_key
    return armored(lab.people.encrypt(plain.encode(), [recipient], *options, by=by))


def sign(lab: Lab, by: str, signed: str, *options: str, at: str = "") -> str:
    """A detached signature over an entity without the CRLF that ends it in a multipart."""
    return armored(lab.people.sign(by, signed.encode(), *options, at=at))


def clear_sign(lab: Lab, by: str, plain: bytes) -> str:
    return armored(lab.people.gpg("--armor", "--local-user", lab.fingerprint(by), "--clear-sign", data=plain))


def signed(lab: Lab, by: str, entity: str, *options: str) -> str:
    """multipart/signed around an entity (RFC 3156 5)."""
    signature = sign(lab, by, entity, "--digest-algo=SHA512", *options)
    return multi(
        'signed; protocol="application/pgp-signature"; micalg=pgp-sha512',
        [entity, part('application/pgp-signature; name="signature.asc"', signature)],
    )


def control(content_type: str = "application/pgp-encrypted", *fields: str) -> str:
    return part(content_type, "Version: 1\n", *fields)


def cipher(armor: str, content_type: str = 'application/octet-stream; name="encrypted.asc"', *fields: str) -> str:
    return part(content_type, armor, *fields)


def encrypted(armor: str) -> str:
    """multipart/encrypted (RFC 3156 4)."""
    return multi('encrypted; protocol="application/pgp-encrypted"', [control(), cipher(armor)])


def base64_of(body: str) -> str:
    return "\r\n".join(textwrap.wrap(base64.b64encode(body.encode()).decode(), 76))


def mail(entity: str, *fields: str, subject: str = "...", author: str = RITA, message_id: str = "") -> bytes:
    """A whole mail. Each has a Message-ID of its own."""
    head = [
        f"From: {author}",
        "To: security@example.org",
        f"Subject: {subject}",
        f"Message-ID: {message_id or f'<m{next(_numbers)}@out.example>'}",
        "Date: Tue, 24 Nov 2026 08:59:00 +0000",
        "MIME-Version: 1.0",
        *fields,
    ]
    return (crlf("\n".join([*head, ""])) + entity).encode()
