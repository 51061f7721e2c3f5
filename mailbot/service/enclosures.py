"""What goes along with a mail to members: the original byte for byte, and what was inside its encryption."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mailbot.mail import compose, fields
from mailbot.mail.entity import Entity
from mailbot.service.content import Piece
from mailbot.service.store import ClaimedNotice, Store

RAW_CAP = 1_000_000
"""Bytes of a mail that could not be read which go along: enough to see what it is."""


@dataclass(frozen=True, slots=True)
class Enclosures:
    original: bytes | None
    pieces: tuple[Piece, ...]
    raw_only: bool
    """The mail could not be taken apart: nobody's mail program should be made to try."""
    params: Mapping[str, Any]

    @classmethod
    def load(cls, store: Store, claim: ClaimedNotice) -> "Enclosures":
        """Read them from the store, as the notice names them."""
        original = store.read_blob(claim.blob_id, claim.issue) if claim.blob_id is not None else None
        inside = b"" if claim.pieces_id is None else store.read_blob(claim.pieces_id, claim.issue)
        pieces = []
        start = 0
        for name, size, is_mail in claim.params.get("pieces", ()):
            pieces.append(Piece(name, inside[start : start + size], is_mail))
            start += size
        return cls(original, tuple(pieces), bool(claim.params.get("raw_only")), claim.params)

    @property
    def left_out(self) -> bool:
        """Nothing goes along: with it the mail was larger than the mail server takes."""
        return "left_out" in self.params

    @property
    def size(self) -> int:
        return len(self.original) if self.original is not None else 0

    @property
    def digest(self) -> str:
        """SHA-256 of the original, where it does not go along."""
        return hashlib.sha256(self.original).hexdigest() if self.original is not None and self.left_out else ""

    @property
    def attached(self) -> int:
        """How many bytes of the original go along."""
        if self.left_out:
            return 0
        return min(self.size, RAW_CAP) if self.raw_only else self.size

    def sealed(self) -> list[Entity]:
        """As parts of a mail that will be encrypted."""
        if self.original is None or self.left_out:
            return []
        if self.raw_only:
            return [compose.raw_part(self.original, RAW_CAP, "original.eml")]
        return [compose.original_part(self.original), *map(self._inside, range(len(self.pieces)))]

    def clear(self) -> list[Entity]:
        """As parts of a mail that is only signed: nothing in it may be of a form that mail systems change."""
        if self.original is None or self.left_out:
            return []
        if not self.raw_only and compose.fits_clear(self.original):
            parts = [compose.original_part(self.original)]
        else:
            parts = [compose.raw_part(self.original, self.attached, "original.eml")]
        return parts + [
            compose.raw_part(piece.data, len(piece.data), _name(piece, number))
            for number, piece in enumerate(self.pieces, 1)
        ]

    def _inside(self, index: int) -> Entity:
        piece = self.pieces[index]
        name = _name(piece, index + 1)
        if not piece.mail or self.params.get("unreadable"):
            # What is inside could not be read, perhaps because it was made so.
            return compose.raw_part(piece.data, len(piece.data), name)
        header = b"" if _has_author(piece.data) else self._header()
        return compose.original_part(piece.data, name, header)

    def _header(self) -> bytes:
        """From and Subject for a decrypted part that has none of its own, so that mail programs show it well."""
        found = [("Subject", fields.one_line(self.params["subject"]))]
        if self.params["from"]:
            found.insert(0, ("From", fields.address_field(self.params["from_name"], self.params["from"])))
        return fields.header_block(found)


def _has_author(entity: bytes) -> bool:
    head = entity[: entity.find(b"\n\r\n") + 1] if b"\n\r\n" in entity else entity[:1000]
    return re.search(rb"^from:", head, re.IGNORECASE | re.MULTILINE) is not None


def _name(piece: Piece, number: int) -> str:
    """The piece's own name if it is a plain one; whoever sent it chose it."""
    return piece.name if re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,80}", piece.name) else f"decrypted-{number}.bin"


NO_ENCLOSURES = Enclosures(None, (), False, {})
