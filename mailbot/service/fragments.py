"""What is encrypted or signed within a mail that is otherwise readable.

PGP/MIME mails behind a list's footer or a gateway's warning, or attached; blocks of armor in the text ("inline PGP");
encrypted files. Each is opened within the limits of the whole mail. A signature over a part is told and makes the whole
nobody's word.
"""

from dataclasses import dataclass, replace
from typing import Protocol

from mailbot.mail import armor, parse, shapes
from mailbot.mail.armor import Block, Kind
from mailbot.mail.limits import TEXT_BYTES
from mailbot.mail.structure import Part, Structure
from mailbot.service.content import PARTLY, PARTLY_CLOSED, Content, Piece, keys_named, named, telling, together, why
from mailbot.service.ports import Decryption, Opened, Parser, Signature, Unreadable, Verdict

INSIDE = "[Inside the encryption:]"
"""Stands in the text above what came in clear and below what did not."""
MENDED = 1_000_000
"""Characters of armor that is mended before gpg sees it."""
_TOO_MANY = "it has more encrypted or signed parts than are opened"
_EXTENSIONS = (".gpg", ".pgp", ".asc")


class Opener(Protocol):
    """What `opening.Opener` does, which needs this module."""

    parser: Parser
    whose: str
    shown: int

    @property
    def spent(self) -> bool: ...
    def decrypt(self, ciphertext: bytes) -> Decryption: ...
    def verify(self, raw: bytes, part: Part, leaves: tuple[Part, ...]) -> Signature: ...
    def opened(self, raw: bytes, structure: Structure) -> Content: ...
    def name(self, suffix: str = ...) -> str: ...


@dataclass(frozen=True, slots=True)
class _Source:
    """A block as it came: in the bytes that a text was made from, nothing is unwrapped, decoded or cut yet."""

    block: Block
    data: bytes
    charset: str


class Fragments:
    """Collects what becomes of the parts of one mail."""

    def __init__(self, opener: Opener, content: Content) -> None:
        self._opener = opener
        self._content = content
        self._good: list[Decryption] = []
        self._bad: list[Decryption] = []
        self._signatures: list[tuple[str, Signature]] = []
        self._within: list[Content] = []
        self._meant: list[Content] = []
        self._pieces: list[Piece] = []
        self._files: list[Piece] = []
        self._hidden: list[Part] = []
        self._done: list[Part] = []
        self._remarks: list[str] = []
        self._mail_closed = False
        """A PGP/MIME mail, which is what the sender meant to send, stays closed."""

    def opened(self) -> Content:
        raw, structure = self._content.raw, self._content.structure
        text, rest = self._blocks(self._content.text)
        parts = [text]
        for holder, cipher in shapes.pairs(structure, raw):
            self._mail(raw, structure, holder, cipher, parts)
        for part, leaves in shapes.signed_within(structure.root):
            if not self._spent():
                self._signed("a part of it", self._opener.verify(raw, part, leaves))
        for part in shapes.files(structure, raw):
            if not any(part is hidden for hidden in self._hidden):
                self._file(raw, part, parts)
        shown = [part for part in parts if part.strip()]
        separator = f"\n\n{INSIDE}\n\n" if text.strip() else "\n\n"
        return self._result(separator.join(shown) or text, rest)

    # PGP/MIME within the mail

    def _mail(self, raw: bytes, structure: Structure, holder: Part, cipher: Part, parts: list[str]) -> None:
        if self._spent():
            return
        # Not in a mail that is attached to this one.
        attached_here = any(part is cipher for part in structure.attachments)
        found = self._opener.decrypt(parse.content(raw, cipher))
        if found.plaintext is None:
            self._bad.append(found)
            self._mail_closed |= attached_here
            return
        before = len(self._within)
        parts.append(self._took(found, "its encrypted part", keep=True))
        if attached_here:
            self._meant += self._within[before:]
        for part in holder.children:
            if part is cipher or shapes.is_machinery(raw, part):
                self._hidden.append(part)

    def _took(self, found: Decryption, what: str, charset: str = "", *, keep: bool | None) -> str:
        """Something was opened: its text, which may hold more that is encrypted. Members get it as a piece too if
        `keep`; if that is None, where the text cannot show all of it."""
        plaintext = found.plaintext or b""
        if found.outcome is Opened.DECRYPTED:
            self._good.append(replace(found, plaintext=None))
        raw = shapes.as_entity(plaintext, charset)
        if shapes.is_entity(plaintext) and keep is None:
            keep = True
        if keep:
            self._pieces.append(Piece(self._opener.name(), raw, mail=True))
        try:
            structure = self._opener.parser.parse(raw)
        except Unreadable as error:
            self._remarks.append(f"what is inside {what} could not be read: {error}")
            self._signed(what, found.signature)
            return self._cut("", plaintext, keep=keep)
        inner = self._opener.opened(raw, structure)
        inner = replace(inner, layers=inner.layers + 1)
        self._within.append(inner)
        self._pieces += inner.pieces
        self._remarks += inner.remarks
        if inner.unreadable:
            self._remarks.append(f"what is inside {what} could not be read: {inner.unreadable}")
        self._signed(what, together(found.signature, inner.signature))
        if len(inner.text) > self._opener.shown or len(plaintext) > TEXT_BYTES:
            return self._cut(inner.text, plaintext, keep=keep)
        self._opener.shown -= len(inner.text)
        return inner.text

    def _cut(self, text: str, plaintext: bytes, *, keep: bool | None) -> str:
        """The beginning of a text that is too long to be shown, or cannot be: members cannot get it otherwise."""
        if keep is None:
            self._pieces.append(Piece(self._opener.name(".txt"), plaintext))
        shown = text[: self._opener.shown]
        self._opener.shown -= len(shown)
        name = (self._files if keep is False else self._pieces)[-1].name
        return f"{shown}\n[... {len(plaintext):,} bytes in all, see the attached {name}]\n"

    # Blocks in the text

    def _blocks(self, text: str) -> tuple[str, str]:
        """The text with what its blocks hold in their place, and what stands around them."""
        sources: dict[str, _Source] | None = None
        shown: list[str] = []
        around: list[str] = []
        at = 0
        for block in armor.blocks(text):
            if block.kind not in (Kind.MESSAGE, Kind.SIGNED):
                continue
            if sources is None:
                sources = self._sources()
            source = sources.get(block.key) or _Source(block, block.text.replace("\u00a0", " ").encode(), "utf-8")
            inside = None if self._spent() else self._block(source)
            if inside is None and block.kind is Kind.SIGNED:
                continue
            around.append(text[at : block.start])
            shown.append(text[at : block.start])
            shown.append(text[block.start : block.end] if inside is None else inside)
            # Behind a block that the text for people shows only in part, there is only the remark that it is cut.
            at = block.end if block.complete or not source.block.complete else len(text)
        return "".join((*shown, text[at:])), "".join((*around, text[at:]))

    def _sources(self) -> dict[str, _Source]:
        raw, structure = self._content.raw, self._content.structure
        found: dict[str, _Source] = {}
        for part in structure.root.walk():
            if (
                part.children
                or part.content_type not in ("text/plain", "application/pgp")
                or any(part is one for one in structure.attachments)
            ):
                continue
            data = parse.content(raw, part)
            if b"-----BEGIN PGP " in data:
                # One character for each byte, so that a block's own bytes come back.
                for block in armor.blocks(data.decode("latin-1")):
                    found[block.key] = _Source(block, block.text.encode("latin-1"), part.param("charset"))
        return found

    def _block(self, source: _Source) -> str | None:
        """What stands in the text instead of a block of armor; None if it stays."""
        block = source.block
        is_signed = block.kind is Kind.SIGNED
        # A very long block is no victim of a web mailer, and mending it would cost several times its size.
        as_it_came = is_signed or len(block.text) > MENDED
        found = self._opener.decrypt(source.data if as_it_came else block.armored())
        if found.plaintext is None:
            if is_signed:
                self._remarks.append("a signed part of its text cannot be checked")
            else:
                self._bad.append(found)
            return None
        inside = self._took(
            found, "a part of its text", block.charset or (source.charset if is_signed else ""), keep=None
        )
        return inside if inside.endswith("\n") else inside + "\n"

    # Attached files

    def _file(self, raw: bytes, part: Part, parts: list[str]) -> None:
        if self._spent():
            return
        found = self._opener.decrypt(parse.content(raw, part))
        if found.plaintext is None:
            self._bad.append(found)
            return
        name, what = part.filename, f"the attached file {part.filename or '(no name)'}"
        if found.outcome is not Opened.DECRYPTED:
            # Signed or only wrapped: it stays what it is, an attachment that everybody can unpack.
            self._signed(what, found.signature)
            return
        self._done.append(part)
        if shapes.is_entity(found.plaintext):
            parts.append(self._took(found, what, keep=True))
            return
        plain = name[: -len(".gpg")] if name.lower().endswith(_EXTENSIONS) else name
        self._files.append(Piece(plain or "decrypted", found.plaintext))
        self._pieces.append(self._files[-1])
        alone = not self._content.text.strip() and len(self._content.structure.attachments) == 1
        if alone and shapes.is_text(found.plaintext):
            # All that the mail holds: a report that was written to a file.
            parts.append(self._took(found, what, keep=False))
            return
        self._good.append(replace(found, plaintext=None))
        self._signed(what, found.signature)

    # All of them

    def _spent(self) -> bool:
        if self._opener.spent and _TOO_MANY not in self._remarks:
            self._remarks.append(_TOO_MANY)
        return self._opener.spent

    def _signed(self, what: str, signature: Signature) -> None:
        if signature.verdict is not Verdict.UNSIGNED:
            self._signatures.append((what, signature))

    def _result(self, text: str, rest: str) -> Content:
        """The content with what was found; `rest` is the text around the blocks."""
        content = self._content
        for found in (*self._good, *self._bad):
            content = named(content, found)
        beside = [part for part in content.structure.attachments if not self._is_done(part)]
        alone = not rest.strip() and not beside
        opened, unreadable = self._state(alone, rest, len(beside))
        signature, loose = content.signature, False
        if alone and len(self._signatures) == 1 and signature.verdict is Verdict.UNSIGNED and not self._bad:
            ((_, signature),), loose = self._signatures, True
        else:
            self._remarks += [telling(one, what, self._opener.whose) for what, one in self._signatures]
        if self._bad and not unreadable:
            first = self._bad[0]
            self._remarks.append(f"a part of it could not be opened: {why(first)}; keys: {keys_named(first)}")
        return replace(
            content,
            text=text,
            opened=content.opened if content.secret else opened,
            signature=signature,
            loose=loose,
            unchecked=content.unchecked
            or any(one.verdict is Verdict.NO_KEY for _, one in self._signatures)
            or any(inner.unchecked for inner in self._within),
            unreadable=unreadable,
            pieces=(*content.pieces, *self._pieces),
            files=tuple(self._files),
            within=tuple(self._within),
            meant=self._meant[0] if len(self._meant) == 1 else None,
            hidden=tuple(self._hidden),
            remarks=tuple(dict.fromkeys((*content.remarks, *self._remarks))),
        )

    def _is_done(self, part: Part) -> bool:
        return any(part is done for done in (*self._hidden, *self._done)) or shapes.is_machinery(
            self._content.raw, part
        )

    def _state(self, alone: bool, rest: str, beside: int) -> tuple[str, str]:
        """What became of the encryption, and why nothing can be read, if so."""
        if self._good or any(inner.opened for inner in self._within):
            closed = next((inner.unreadable for inner in self._within if inner.unreadable), "")
            return (Opened.DECRYPTED.value if alone and not self._bad else PARTLY), (closed if alone else "")
        if not self._bad:
            return self._content.opened, ""
        if self._mail_closed or (not rest.strip() and beside <= 1):
            return self._bad[0].outcome.value, why(self._bad[0])
        return PARTLY_CLOSED, ""
