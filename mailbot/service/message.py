"""One mail as understood: an immutable value, the only thing that decisions look at."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mailbot.mail.authenticity import Authentication
from mailbot.mail.control import Block
from mailbot.mail.envelope import Envelope, Target
from mailbot.service.carried_keys import CarriedKey
from mailbot.service.content import Piece
from mailbot.service.lists import NO_LIST, Listed
from mailbot.service.ports import UNSIGNED, Opened, Signature

HOPS = 10
"""Mailbots that relay to each other in a row, and are told apart."""


@dataclass(frozen=True, slots=True)
class Attachment:
    name: str
    content_type: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class SignedPart:
    """What a signature over a whole mail covers."""

    text: str
    """"" if there is only HTML."""
    subject: str
    """The protected one; "" if none stands inside the signature."""
    digest: bytes
    """Recognises the same signed bytes, whatever became of their line ends and however they were wrapped."""


@dataclass(frozen=True, slots=True)
class Message:
    envelope: Envelope
    target: Target
    digest: bytes
    """Recognises an identical redelivery."""
    author: str
    """The one From address, as written; else the reverse-path; "" if there is neither."""
    author_name: str
    subject: str
    """The protected one where there is one."""
    message_id: str
    references: tuple[str, ...]
    """Message-IDs of In-Reply-To and References, nearest first."""
    text: str
    html_only: bool
    attachments: tuple[Attachment, ...]
    opened: str
    """What became of its encryption, as in `content.Content`; "" if there was none."""
    key_ids: tuple[str, ...]
    """The key ids that a ciphertext named."""
    symmetric: bool
    signature: Signature
    authserv_id: str
    """The trusted front server whose results these are; "" if none was there."""
    checks: Authentication
    """What the trusted front said about the sender."""
    automatic: bool
    """Not written by a person for us: nobody is answered."""
    vacation: bool
    """It only answers a mail of ours, without anybody having read that."""
    listed: bool
    """It came through a mailing list."""
    bounce: bool
    bounce_failed: bool
    """A bounce that reports a permanent failure."""
    bounce_code: str
    """Its status, such as ``5.1.1``; "" if it gives none."""
    returned: tuple[str, ...] = ()
    """The Message-IDs of what came back with a bounce, or with a mail that may be one."""
    returned_to: tuple[str, ...] = ()
    """To whom it could not be delivered."""
    over: Listed = NO_LIST
    """The lists of the config over which it came."""
    beside_footer: Signature = UNSIGNED
    """Over all but the footer that the group's list put beside it: enough for a note, never for a command."""
    former_ids: tuple[str, ...] = ()
    """Message-IDs that it had before a mail system on the way gave it another, or another mailbot relayed it."""
    relayed_as: tuple[str, ...] = ()
    """If a mailbot relayed it: the Message-IDs under which it went from one to the next, at most `HOPS`. They go on
    with what we relay, so that groups which are each other's members do not write to each other without end."""
    unreadable: str = ""
    """Why its content could not be read, in plain words; "" if it could."""
    raw_only: bool = False
    """It was not taken apart at all: nothing of it is known but its raw bytes."""
    defects: tuple[str, ...] = ()
    keys: tuple[CarriedKey, ...] = ()
    """Public keys that it brings along."""
    signer: str = ""
    """Whose a good signature is if it is no member's: ``known`` (a key that was kept for the author's address, with
    whatever issue), ``carried`` (a key that came with this very mail, which proves nothing about who wrote it),
    ``loose`` (any other key, and the signature covers the text but not the mail)."""
    signed: SignedPart | None = None
    """What `signature` covers; None if there is none, or if it is around an encryption."""
    authors: int = 1
    """How many authors From names, in however many fields; none if its one author has no address."""
    block: Block = field(default_factory=Block)
    """The commands at the top: of what is signed, if it is signed, else of the plain text."""
    text_digest: bytes = b""
    """The same as that of `signed`, for a mail without signature: over its text, Message-ID and Date."""
    spam_score: float | None = None
    """What the trusted front's filter gave it; None if it gave nothing."""
    released: bool = False
    """It was held, and somebody let it through."""
    pieces: tuple[Piece, ...] = ()
    """What was inside an encryption: members cannot open the original, which is encrypted to the group."""

    @property
    def encrypted(self) -> bool:
        """All of its content came encrypted to the group."""
        return self.opened == Opened.DECRYPTED

    def inside(self) -> bytes:
        """The decrypted pieces, one after the other; their names and sizes are in `relayed`."""
        return b"".join(piece.data for piece in self.pieces)

    @property
    def came_encrypted(self) -> bool:
        """Some of it came encrypted, whether or not it could be opened: nothing about it may go out in clear."""
        return self.opened not in ("", Opened.NOT_ENCRYPTED)

    def relayed(self) -> Mapping[str, Any]:
        """What a relay shows of it: JSON values, sealed with the notice."""
        return {
            "from": self.author,
            "from_name": self.author_name,
            "subject": self.subject,
            "text": self.text,
            "html_only": self.html_only,
            "attachments": [[item.name, item.content_type, item.size, item.sha256] for item in self.attachments],
            "opened": self.opened,
            "key_ids": list(self.key_ids),
            "symmetric": self.symmetric,
            "verdict": self.signature.verdict.value,
            "signed_by": self.signature.fingerprint,
            "key_id": self.signature.key_id,
            "signer": self.signer,
            "checks": [self.authserv_id, _dkim(self.checks), self.checks.spf, self.checks.dmarc],
            "pieces": [[piece.name, len(piece.data), piece.mail] for piece in self.pieces],
            "unreadable": self.unreadable,
            "raw_only": self.raw_only,
            "defects": list(self.defects),
            "received_at": self.envelope.received_at.isoformat(),
        }


def _dkim(checks: Authentication) -> str:
    """All DKIM results in one line: ``pass (example.org), fail (list.example)``."""
    return ", ".join(f"{result} ({domain})" if domain else result for result, domain in checks.dkim)
