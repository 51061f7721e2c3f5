"""The parts of our mails, and whole mails, as pieces of bytes.

In come finished texts, a stranger's raw mail, and header fields; out come `Entity` values and, from `message`, what is
handed to SMTP. Everything has CRLF line ends. Nothing here knows issues, keys or gpg: a signed or encrypted mail is
made by wrapping an entity with `mailbot.mail.openpgp_mime`, around what gpg returned. Failure is `Unsendable`: the
values handed in cannot stand in a mail, and trying again changes nothing.

The usual ways::

    clear    root = protect_clear(entity, fields);  signature = sign(joined root);  message(fields, signed(root, ...))
    secret   root = protect_cipher(entity, inner, outer);  armored = encrypt(root.pieces());
             message(outer, encrypted(armored, ...))
"""

import base64
import re
from collections.abc import Sequence

from mailbot.mail import quoted_printable
from mailbot.mail.entity import Entity, boundary, multipart
from mailbot.mail.fields import LINE_LIMIT, Field, Unsendable, header_block

_SHORT_LINES = re.compile(r"(?:[\t -~]{0,76}\n)*")
_FILE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,80}")
_BASE64_CHUNK = 57 * 1024
"""Bytes encoded at a time; 57 bytes fill one line of 76 characters (RFC 2045 6.8)."""

_ORDER = (
    "from", "sender", "to", "cc", "reply-to", "subject", "date", "message-id", "in-reply-to", "references",
    "auto-submitted", "mime-version", "content-type", "content-transfer-encoding", "content-disposition",
)  # fmt: skip
"""As people and clients expect them; all others follow, in the order given."""
_ONCE = frozenset(_ORDER)
_REQUIRED = ("From", "To", "Date", "Message-ID")


def text_part(text: str, extra: Sequence[Field] = ()) -> Entity:
    """A text/plain part that arrives as it is: 7bit if every line is short and harmless, else quoted-printable.

    `text` has LF (or CRLF) line ends; `extra` are further header fields of the part.
    """
    lines = text.replace("\r\n", "\n")
    if lines and not lines.endswith("\n"):
        lines += "\n"
    if _harmless(lines):
        encoding, body = "7bit", lines.replace("\n", "\r\n").encode("ascii")
    else:
        encoding, body = "quoted-printable", quoted_printable.encode(text)
    return Entity(
        (("Content-Type", "text/plain; charset=utf-8"), ("Content-Transfer-Encoding", encoding), *extra), (body,)
    )


def original_part(raw: bytes, name: str = "original.eml", header: bytes = b"") -> Entity:
    """A stranger's mail, byte for byte, as an attachment that mail programs open (RFC 2046 5.2.1).

    `header` are further header fields in front of it, for what was inside an encryption and has too few of its own.

    Only for what will be encrypted, or where `fits_clear(raw)`.
    """
    _check_file_name(name)
    return Entity(
        (
            ("Content-Type", "message/rfc822"),
            # Not "binary" for lines over 998: no mail system sees them inside the encryption, and readers know "8bit".
            ("Content-Transfer-Encoding", "7bit" if raw.isascii() else "8bit"),
            ("Content-Disposition", f'attachment; filename="{name}"'),
        ),
        (header, raw) if header else (raw,),
    )


def raw_part(raw: bytes, cap: int, name: str) -> Entity:
    """The first `cap` bytes of anything, as a base64 attachment called `name` that nothing on the way will open."""
    _check_file_name(name)
    view = memoryview(raw)[:cap]
    return Entity(
        (
            ("Content-Type", f'application/octet-stream; name="{name}"'),
            ("Content-Transfer-Encoding", "base64"),
            ("Content-Disposition", f'attachment; filename="{name}"'),
        ),
        tuple(_base64_lines(view[at : at + _BASE64_CHUNK]) for at in range(0, len(view), _BASE64_CHUNK)),
    )


def key_part(armored: str, name: str) -> Entity:
    """A public key as an attachment (RFC 3156 7). Raises `Unsendable` if `armored` is anything else."""
    _check_file_name(name)
    lines = armored.strip().splitlines()
    if not lines or lines[0] != "-----BEGIN PGP PUBLIC KEY BLOCK-----" or not armored.isascii():
        raise Unsendable("not an armored public key")
    return Entity(
        (
            ("Content-Type", f'application/pgp-keys; name="{name}"'),
            ("Content-Transfer-Encoding", "7bit"),
            ("Content-Disposition", f'attachment; filename="{name}"'),
        ),
        tuple(line.rstrip().encode("ascii") + b"\r\n" for line in lines),
    )


def fits_clear(raw: bytes) -> bool:
    """Whether `raw` may be a part of a mail that is signed but not encrypted (RFC 3156 3 and 5).

    That is 7bit, lines of at most 998 bytes, none with white space at its end, none that an mbox file would change.
    """
    if not raw.isascii() or b"\0" in raw or b" \r\n" in raw or b"\t\r\n" in raw:
        return False
    if raw.endswith((b" ", b"\t")) or raw.startswith(b"From ") or b"\nFrom " in raw:
        return False
    at = 0
    while len(raw) - at > LINE_LIMIT:
        # One look per 998 bytes instead of one per line.
        end = raw.rfind(b"\n", at, at + LINE_LIMIT + 2)
        if end < 0:
            return False
        at = end + 1
    return True


def mixed(parts: Sequence[Entity], seed: bytes) -> Entity:
    """The parts one after the other (RFC 2046 5.1.3). `seed` as for `boundary`."""
    return multipart("mixed", parts, boundary(seed, "mixed"))


def head(fields: Sequence[Field], entity: Entity) -> bytes:
    """The header section of a whole mail, blank line included: `fields` in the usual order, then the entity's own.

    Raises `Unsendable` if a field that every mail needs is missing or one stands twice, or if the mail is not 7bit: a
    server without 8BITMIME (RFC 6152) would re-encode it, and so break its signature.
    """
    if entity.field("Content-Transfer-Encoding") in ("8bit", "binary"):
        raise Unsendable("8-bit text outside an encryption")
    names = [name.lower() for name, _ in fields]
    missing = [name for name in _REQUIRED if name.lower() not in names]
    twice = [name for name in _ONCE if names.count(name) > 1]
    if missing or twice:
        raise Unsendable(f"header fields: missing {missing}, twice {twice}")
    everything = [*fields, ("MIME-Version", "1.0"), *entity.fields]
    everything.sort(key=lambda field: _ORDER.index(field[0].lower()) if field[0].lower() in _ONCE else len(_ORDER))
    return header_block(everything) + b"\r\n"


def message(fields: Sequence[Field], entity: Entity) -> tuple[bytes, ...]:
    """A whole mail: its head, and the entity's body by reference. Raises `Unsendable` as `head` does."""
    return (head(fields, entity), *entity.body)


def _harmless(lines: str) -> bool:
    return (
        lines.isascii()
        and _SHORT_LINES.fullmatch(lines) is not None
        and " \n" not in lines
        and "\t\n" not in lines
        and not lines.startswith((".", "From "))
        and "\n." not in lines
        and "\nFrom " not in lines
    )


def _base64_lines(chunk: memoryview) -> bytes:
    return base64.encodebytes(chunk).replace(b"\n", b"\r\n")


def _check_file_name(name: str) -> None:
    if not _FILE_NAME.fullmatch(name):
        raise Unsendable("not a plain file name")
