"""A MIME entity (RFC 2045 2.4) on its way out: header fields, and a body in pieces.

Pieces, because the largest one is a stranger's mail of up to 25 MB: it is handed through by reference, from the stored
mail to the socket, and never copied here. Whoever needs one string joins the pieces themself, once.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

from mailbot.mail.fields import Field, header_block

_SEED_BYTES = 16
"""128 bits: nobody who wrote a part of a mail can guess the boundary around it."""


@dataclass(frozen=True, slots=True)
class Entity:
    """`fields` are its header fields, Content-* first of all; `body` concatenated is the body, CRLF line ends."""

    fields: tuple[Field, ...]
    body: tuple[bytes, ...]

    def pieces(self) -> tuple[bytes, ...]:
        """Header block, blank line and body."""
        return (header_block(self.fields) + b"\r\n", *self.body)

    def field(self, name: str) -> str:
        """The value of a field, or "". Names are compared without case."""
        return next((value for key, value in self.fields if key.lower() == name.lower()), "")

    def with_field(self, name: str, value: str) -> "Entity":
        """The same entity with the value of one field that it has replaced."""
        return replace(
            self,
            fields=tuple((key, value if key.lower() == name.lower() else old) for key, old in self.fields),
        )


def boundary(seed: bytes, use: str) -> str:
    """A multipart boundary of 128 bits that follows from `seed` and `use`, and from nothing a stranger knows.

    `seed` must be secret and differ from mail to mail (a keyed hash of the row that the mail is made from), so that
    making the mail again gives the same bytes. Raises `ValueError` if it is shorter than 16 bytes.
    """
    if len(seed) < _SEED_BYTES:
        raise ValueError("a boundary's seed needs at least 128 bits")
    digest = hashlib.blake2b(use.encode(), key=seed[:64], digest_size=16).hexdigest()
    # "=_" stands in no quoted-printable or base64 text (RFC 2045 6.7).
    return f"=_{digest}"


def multipart(subtype: str, parts: Sequence[Entity], border: str, parameters: str = "", preamble: str = "") -> Entity:
    """Parts between boundaries (RFC 2046 5.1). The encoding is the widest that a part has (RFC 2045 6.4)."""
    pieces: list[bytes] = []
    opening = f"{preamble}\r\n--{border}\r\n" if preamble else f"--{border}\r\n"
    for part in parts:
        # The CRLF before a delimiter belongs to the delimiter, so a part's last byte stays its own.
        head, *body = part.pieces()
        pieces += [opening.encode("ascii") + head, *body]
        opening = f"\r\n--{border}\r\n"
    pieces.append(f"\r\n--{border}--\r\n".encode("ascii"))
    wide = any(part.field("Content-Transfer-Encoding") == "8bit" for part in parts)
    return Entity(
        (
            ("Content-Type", f'multipart/{subtype};{parameters} boundary="{border}"'),
            *((("Content-Transfer-Encoding", "8bit"),) if wide else ()),
        ),
        tuple(pieces),
    )
