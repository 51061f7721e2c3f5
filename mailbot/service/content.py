"""What is in a mail when its OpenPGP is taken off: values only, made by `opening` and `fragments`."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from mailbot.mail.protected_headers import ProtectedHeaders, protected
from mailbot.mail.structure import Part, Structure
from mailbot.service.ports import Decryption, Opened, Signature, Verdict

PARTLY = "partly"
"""`Content.opened` where only a part of the mail was encrypted, and that was opened."""
PARTLY_CLOSED = "partly-closed"
"""The same where that could not be opened."""

_WHY = {
    Opened.NO_KEY: "it is encrypted to a key that the group does not have",
    Opened.TAMPERED: "its encryption was tampered with, or has no protection against that",
    Opened.TOO_LARGE: "it unpacks to more than is allowed",
    Opened.BROKEN: "its OpenPGP data is damaged or put together in a way that is not read",
}
_HIDDEN = "0000000000000000"
_SYMMETRIC = "it is encrypted with a passphrase, not to the group's key"


@dataclass(frozen=True, slots=True)
class Piece:
    """Something that was inside an encryption, for the members, who cannot get it from the original: that is encrypted
    to the group. `mail`: a MIME entity, else a file."""

    name: str
    data: bytes
    mail: bool = False


@dataclass(frozen=True, slots=True)
class Signed:
    """What exactly a signature over a whole mail covers: its bytes, and the text that they hold for people."""

    data: bytes
    text: str


@dataclass(frozen=True, slots=True)
class Content:
    """What is left when the layers are off."""

    structure: Structure
    raw: bytes
    """The bytes that `structure` describes."""
    text: str
    layers: int = 0
    opened: str = ""
    """A value of `Opened`, `PARTLY`, `PARTLY_CLOSED`; "" if nothing was encrypted."""
    key_ids: tuple[str, ...] = ()
    symmetric: bool = False
    signature: Signature = field(default_factory=Signature)
    """Over the whole mail, or the whole content of its encryption."""
    signed: Signed | None = None
    """What `signature` covers; None if nothing is signed, or if the signature is around an encryption: whoever made
    that one need not have known what is inside."""
    loose: bool = False
    """The signature covers all that there is to read, but not the mail (a block in the text that is alone there). A
    reporter may sign so, a member not: RFC 3156 it is not."""
    unchecked: bool = False
    """Something is signed by a key that is not known here, the whole or a part."""
    unreadable: str = ""
    pieces: tuple[Piece, ...] = ()
    files: tuple[Piece, ...] = ()
    """Those of `pieces` that were attached as encrypted files."""
    within: tuple["Content", ...] = ()
    """What was inside the encrypted and signed parts of this one."""
    meant: "Content | None" = None
    """The one of `within` that is the mail as its sender sent it, before somebody put something beside it."""
    hidden: tuple[Part, ...] = ()
    """Attachments of `structure` that are only how a mail `within` was wrapped."""
    remarks: tuple[str, ...] = ()
    """What members should know, in plain words."""

    @property
    def secret(self) -> bool:
        return self.opened == Opened.DECRYPTED

    @property
    def protected(self) -> ProtectedHeaders | None:
        """The header fields that came protected: of the whole, or of `meant`."""
        if self.layers and (found := protected(self.structure)) is not None:
            return found
        return self.meant.protected if self.meant is not None else None

    def walk(self) -> Iterator["Content"]:
        yield self
        for content in self.within:
            yield from content.walk()


def named(content: Content, found: Decryption) -> Content:
    """Remember which keys a ciphertext names."""
    key_ids = tuple(dict.fromkeys((*content.key_ids, *found.key_ids)))
    return replace(content, key_ids=key_ids, symmetric=content.symmetric or found.symmetric)


def keys_named(found: Decryption | Content) -> str:
    """The keys that a ciphertext names, in words."""
    return ", ".join("(hidden)" if key_id == _HIDDEN else key_id for key_id in found.key_ids) or "(none named)"


def together(outer: Signature, inner: Signature) -> Signature:
    """What the signatures of two layers say: one person signed, or nobody's word is it.

    Whoever puts somebody's signed text into something that they sign themselves has forwarded it, not written it.
    """
    if inner.verdict is Verdict.UNSIGNED:
        return outer
    if outer.verdict is Verdict.UNSIGNED or (outer.good and inner.good and outer.fingerprint == inner.fingerprint):
        return inner
    return Signature(Verdict.SEVERAL)


def why(found: Decryption) -> str:
    """Why something was not opened, as half a sentence."""
    if found.symmetric and not found.key_ids:
        return _SYMMETRIC
    return _WHY[found.outcome]


def telling(signature: Signature, what: str, whose: str) -> str:
    """What members are told of a signature over a part, which never makes the whole anybody's word."""
    if signature.verdict is Verdict.GOOD:
        return f"{what} has a good signature by {whose}{signature.fingerprint}; it covers only that part"
    if signature.verdict is Verdict.NO_KEY:
        return f"{what} is signed by the unknown key {signature.key_id}, not checked"
    return f"{what} is signed, and the signature does not count ({signature.verdict.value})"
