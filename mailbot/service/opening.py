"""Taking OpenPGP off a mail, in whatever shape it came, until there is something to read.

In: raw bytes and their structure. Out: `Content`: the innermost structure and text, what became of the encryption, the
signature over the *whole* (only that one says who wrote), and the decrypted pieces that members cannot get from the
original, because that is encrypted to the group. Nothing here fails because of what a mail holds; what cannot be opened
is said in words.

Shapes: PGP/MIME (RFC 3156), encrypted, signed or both, in any order; the same after Exchange turned it into
multipart/mixed; blocks of armor in text ("inline PGP"); encrypted files as attachments; application/pgp-encrypted
around something that is no ciphertext.
"""

import re
from dataclasses import dataclass, field, replace

from mailbot.mail import parse, visible
from mailbot.mail.structure import Part, Structure
from mailbot.service.ports import Decryption, Opened, OpenPGP, Parser, Signature, Unreadable, Verdict

LAYERS = 8
"""Encryption and signature layers that are taken off; honest mail has two or three."""
BLOCKS = 20
"""Blocks of armor in a text, and encrypted attachments, that are opened: each costs one or two starts of gpg."""
TEXT_SHOWN = 100_000
"""Characters of all decrypted blocks together that are shown in the text; a longer one goes along as a file."""
UNPACKED = 64_000_000
"""Bytes that all parts of one mail together may unpack to: what one message alone may."""

# Up to the next line of armor, without looking at any character twice; dash-escaped ones (RFC 4880 7.1) are text.
_INSIDE = r"[^-]*+(?:(?:(?<=\n- )-|-(?!----(?:BEGIN|END) PGP ))[^-]*+)*+"
BLOCK = re.compile(
    r"-----BEGIN PGP (?:MESSAGE-----" + _INSIDE + "-----END PGP MESSAGE"
    r"|(?P<signed>SIGNED MESSAGE)-----" + _INSIDE + "-----BEGIN PGP SIGNATURE-----" + _INSIDE + "-----END PGP SIGNATURE"
    r")-----"
)
"""A block of armor in a text."""
_MESSAGE = b"-----BEGIN PGP MESSAGE-----"
_FILE_NAMES = (".gpg", ".pgp", ".asc")
_CONTROL = ("application/pgp-encrypted", "application/pgp-signature", "application/pgp-keys")

UNOPENED = {
    Opened.NO_KEY: "it is encrypted to a key that the group does not have",
    Opened.TAMPERED: "its encryption was tampered with, or has no protection against that",
    Opened.TOO_LARGE: "it unpacks to more than is allowed",
    Opened.BROKEN: "its OpenPGP data is damaged or put together in a way that is not read",
}
_SYMMETRIC = "it is encrypted with a passphrase, not to the group's key"
_TOO_DEEP = "it is encrypted or signed in more layers than are opened"


@dataclass(frozen=True, slots=True)
class Piece:
    """Something that was inside an encryption, for the members. `mail`: a MIME entity, else a file."""

    name: str
    data: bytes
    mail: bool = False


@dataclass(frozen=True, slots=True)
class Content:
    """What is left when the layers are off."""

    structure: Structure
    raw: bytes
    """The bytes that `structure` describes."""
    text: str
    layers: int = 0
    opened: str = ""
    """A value of `Opened`; ``partly`` if only a part of the mail was encrypted and that was opened; "" for none."""
    key_ids: tuple[str, ...] = ()
    symmetric: bool = False
    signature: Signature = field(default_factory=Signature)
    """Over the whole mail, or the whole content of its encryption."""
    unreadable: str = ""
    pieces: tuple[Piece, ...] = ()
    remarks: tuple[str, ...] = ()
    """What members should know, in plain words."""


def opened(raw: bytes, structure: Structure, parser: Parser, openpgp: OpenPGP) -> Content:
    """Open one mail. Raises `MailFailed` and `TemporaryError` as the parser and gpg do."""
    content = Content(structure, raw, structure.text)
    for _ in range(LAYERS):
        root = content.structure.root
        if (cipher := _ciphertext(root, content.structure, raw)) is not None:
            found = openpgp.decrypt(parse.content(raw, cipher))
            content = _named(content, found)
            # What came inside an encryption stays secret, whatever becomes of another one in it.
            state = Opened.DECRYPTED.value if content.opened == Opened.DECRYPTED else found.outcome.value
            if found.plaintext is None:
                remarks = content.remarks if state != Opened.DECRYPTED else (*content.remarks, _inside(found))
                return replace(content, opened=state, unreadable=_why(found), remarks=remarks)
            raw, signature = found.plaintext, found.signature
            pieces: tuple[Piece, ...] = (Piece("decrypted.eml", raw, mail=True),)
        elif _is_signed(root):
            signed = raw[root.children[0].start : root.children[0].end]
            leaves = [part for part in root.children[1].walk() if not part.children]
            signature = Signature(Verdict.SEVERAL)
            if len(leaves) == 1:
                signature = openpgp.verify(_with_crlf(signed), parse.content(raw, leaves[0]))
            raw, state, pieces = signed, content.opened, content.pieces
        else:
            return _parts_opened(raw, content, openpgp)
        try:
            inner = parser.parse(raw)
        except Unreadable as error:
            return replace(content, opened=state, signature=signature, pieces=pieces, unreadable=str(error))
        content = replace(
            content, structure=inner, raw=raw, text=inner.text, layers=content.layers + 1, opened=state, pieces=pieces,
            signature=_together(content.signature, signature),
        )  # fmt: skip
    return replace(content, unreadable=_TOO_DEEP)


def _together(outer: Signature, inner: Signature) -> Signature:
    """What the signatures of two layers say: one person signed, or nobody's word is it.

    Whoever puts somebody's signed text into something that they sign themselves has forwarded it, not written it.
    """
    if inner.verdict is Verdict.UNSIGNED:
        return outer
    if outer.verdict is Verdict.UNSIGNED or (outer.good and inner.good and outer.fingerprint == inner.fingerprint):
        return inner
    return Signature(Verdict.SEVERAL)


def _ciphertext(root: Part, structure: Structure, raw: bytes) -> Part | None:
    """The part that holds the whole mail as ciphertext, if there is one."""
    if root.content_type == "multipart/encrypted" and len(root.children) == 2:
        control, content = root.children
        if control.content_type == "application/pgp-encrypted":
            return content
    if root.content_type == "multipart/mixed":
        # What Exchange makes of PGP/MIME: the two parts in a multipart/mixed, often behind an empty text.
        kinds = [part.content_type for part in root.children]
        if "application/pgp-encrypted" in kinds and not structure.text.strip():
            after = root.children[kinds.index("application/pgp-encrypted") + 1 :]
            if len(after) == 1 and not after[0].children:
                return after[0]
    if not root.children and root.content_type in ("application/pgp-encrypted", "application/pgp"):
        # Some programs label the ciphertext itself so.
        return root if _MESSAGE in parse.content(raw, root)[:2000] else None
    return None


def _is_signed(root: Part) -> bool:
    return (
        root.content_type == "multipart/signed"
        and len(root.children) == 2
        and root.param("protocol").lower() in ("", "application/pgp-signature")
        and any(part.content_type == "application/pgp-signature" for part in root.children[1].walk())
    )


def _parts_opened(raw: bytes, content: Content, openpgp: OpenPGP) -> Content:
    """Open what is encrypted within an otherwise readable mail: blocks in the text, then attached files."""
    whole = not content.structure.attachments
    found = _Parts(content, openpgp)
    text = _full_text(raw, content.structure)
    rest = BLOCK.sub(found.block, text)
    for part in content.structure.attachments:
        if _may_be_ciphertext(part):
            found.file(raw, part)
    return found.result(rest, whole)


def _full_text(raw: bytes, structure: Structure) -> str:
    """The text, with a block of armor whole even where the text for people was cut."""
    text = structure.text
    if text.rfind("-----BEGIN PGP ") <= text.rfind("-----END PGP "):
        return text
    for part in structure.root.walk():
        if part.content_type == "text/plain" and not part.children:
            data = parse.content(raw, part)
            if _MESSAGE in data and (end := data.find(b"-----END PGP MESSAGE-----")) > 0:
                return text[: text.rfind("-----BEGIN PGP ")] + data[data.find(_MESSAGE) : end + 25].decode(
                    "ascii", "replace"
                )
    return text


def _may_be_ciphertext(part: Part) -> bool:
    name = part.filename.lower()
    if part.content_type in _CONTROL and part.content_type != "application/pgp-encrypted":
        return False
    return name.endswith(_FILE_NAMES) or part.content_type in (
        "application/pgp-encrypted", "application/pgp", "multipart/encrypted",
    )  # fmt: skip


class _Parts:
    """Collects what becomes of the encrypted parts of one mail."""

    def __init__(self, content: Content, openpgp: OpenPGP) -> None:
        self._content = content
        self._openpgp = openpgp
        self._tries = 0
        self._good: list[Decryption] = []
        self._bad: list[Decryption] = []
        self._pieces: list[Piece] = []
        self._remarks: list[str] = []
        self._room = UNPACKED
        self._shown = TEXT_SHOWN

    def block(self, match: re.Match[str]) -> str:
        """What stands in the text instead of a block of armor."""
        if self._tries >= BLOCKS:
            return match[0]
        self._tries += 1
        signed = match["signed"] is not None
        found = self._within_room(self._openpgp.decrypt(_armor(match[0], signed)))
        if found.plaintext is None:
            if signed:
                self._remarks.append("a signed part of its text cannot be checked")
                return match[0]
            self._bad.append(found)
            return match[0]
        if found.outcome is Opened.DECRYPTED:
            self._good.append(replace(found, plaintext=None))
        self._remark_signature(found.signature, "a part of its text")
        return self._text(found.plaintext)

    def _text(self, plaintext: bytes) -> str:
        """A decrypted block as text; what is too long for that becomes a file, which members cannot get otherwise."""
        most = 4 * self._shown
        text = visible.visible(plaintext[:most].decode("utf-8", "replace"))
        if len(plaintext) > most or len(text) > self._shown:
            name = f"decrypted-text-{len(self._pieces) + 1}.txt"
            self._pieces.append(Piece(name, plaintext))
            text = f"{text[: self._shown]}\n[... {len(plaintext):,} bytes in all, see the attached {name}]"
        self._shown = max(0, self._shown - len(text))
        return text if text.endswith("\n") else text + "\n"

    def _within_room(self, found: Decryption) -> Decryption:
        """What was found, unless all parts together unpack to more than one mail may."""
        if found.plaintext is None:
            return found
        if len(found.plaintext) > self._room:
            return replace(found, outcome=Opened.TOO_LARGE, plaintext=None, signature=Signature())
        self._room -= len(found.plaintext)
        return found

    def file(self, raw: bytes, part: Part) -> None:
        """Open one attached file, if it is ciphertext."""
        data = parse.content(raw, part)
        if self._tries >= BLOCKS or not _looks_encrypted(data, part):
            return
        self._tries += 1
        found = self._within_room(self._openpgp.decrypt(data))
        if found.outcome is Opened.BROKEN or found.outcome is Opened.NOT_ENCRYPTED:
            return  # a key, a signature, or no OpenPGP at all: it stays what it is, an attachment
        if found.plaintext is None:
            self._bad.append(found)
            return
        self._good.append(replace(found, plaintext=None))
        name = part.filename
        name = name[: -len(".gpg")] if name.lower().endswith(_FILE_NAMES) else name
        self._pieces.append(Piece(name or "decrypted", found.plaintext))
        self._remark_signature(found.signature, f"the attached file {name}")

    def _remark_signature(self, signature: Signature, what: str) -> None:
        """A signature over a part is worth telling, and never makes the whole anybody's word."""
        if signature.verdict is Verdict.GOOD:
            self._remarks.append(f"{what} has a good signature by {signature.fingerprint}; it covers only that part")
        elif signature.verdict is not Verdict.UNSIGNED:
            self._remarks.append(f"{what} is signed, and the signature does not count ({signature.verdict.value})")

    def result(self, text: str, alone: bool) -> Content:
        """The content with what was found; `alone`: there is nothing beside the text."""
        content = self._content
        for found in (*self._good, *self._bad):
            content = _named(content, found)
        content = replace(
            content, text=text, pieces=(*content.pieces, *self._pieces), remarks=(*content.remarks, *self._remarks)
        )
        if self._bad and (self._good or content.opened == Opened.DECRYPTED):
            content = replace(content, remarks=(*content.remarks, _part_closed(self._bad[0])))
        if content.opened == Opened.DECRYPTED:
            return content
        if self._good:
            rest = BLOCK.sub("", content.structure.text).strip()
            everything = alone and not rest and not self._bad
            return replace(content, opened=Opened.DECRYPTED.value if everything else "partly")
        if self._bad:
            if not BLOCK.sub("", text).strip() and len(content.structure.attachments) <= 1:
                return replace(content, opened=self._bad[0].outcome.value, unreadable=_why(self._bad[0]))
            return replace(content, remarks=(*content.remarks, _part_closed(self._bad[0])))
        return content


def _looks_encrypted(data: bytes, part: Part) -> bool:
    """Armor says so itself; of binary files only those whose name does (RFC 4880 4.2: the tag's first bit is set)."""
    if _MESSAGE in data[:2000]:
        return True
    return part.filename.lower().endswith((".gpg", ".pgp")) and bool(data) and data[0] & 0x80 != 0


def _armor(block: str, signed: bool) -> bytes:
    """A block as gpg wants it: HTML and mail programs leave spaces around lines, and lose the blank line."""
    block = block.replace("\u00a0", " ")
    if signed:
        return block.encode("utf-8", "replace")
    lines = [line.strip() for line in block.split("\n")]
    headers = 1
    while headers < len(lines) and ": " in lines[headers]:
        headers += 1
    if headers < len(lines) and lines[headers]:
        lines.insert(headers, "")
    return "\n".join(lines).encode("ascii", "replace") + b"\n"


def _named(content: Content, found: Decryption) -> Content:
    """Remember which keys a ciphertext names."""
    key_ids = tuple(dict.fromkeys((*content.key_ids, *found.key_ids)))
    return replace(content, key_ids=key_ids, symmetric=content.symmetric or found.symmetric)


def _inside(found: Decryption) -> str:
    return f"there is another encryption inside, to the keys {', '.join(found.key_ids) or '(none named)'}"


def _part_closed(found: Decryption) -> str:
    return f"a part of it could not be opened: {_why(found)}"


def _why(found: Decryption) -> str:
    if found.symmetric and not found.key_ids:
        return _SYMMETRIC
    return UNOPENED[found.outcome]


def _with_crlf(data: bytes) -> bytes:
    """Signed bytes in canonical form (RFC 3156 5): inside an encryption some clients write bare LF."""
    return data if b"\r\n" in data or b"\n" not in data else data.replace(b"\n", b"\r\n")
