"""Taking OpenPGP off a mail, in whatever shape it came, until there is something to read.

In: raw bytes and their structure. Out: `Content`: the innermost structure and text, what became of the encryption, the
signature over the *whole* (only that one says who wrote), and the decrypted pieces that members cannot get from the
original, because that is encrypted to the group. Nothing here fails because of what a mail holds; what cannot be opened
is said in words.

Here the layers around a whole mail are taken off: PGP/MIME (RFC 3156), encrypted, signed or both, in any order, also
after Exchange turned it into multipart/mixed (`mail.shapes` finds it). What is encrypted or signed within a mail that
is otherwise readable is for `fragments`, which comes back here for each mail that it finds inside.
"""

from dataclasses import dataclass, field, replace

from mailbot.mail import parse, shapes
from mailbot.mail.structure import Part, Structure
from mailbot.service.content import Content, Piece, Signed, keys_named, named, together, why
from mailbot.service.fragments import Fragments
from mailbot.service.ports import Decryption, Opened, OpenPGP, Parser, Signature, Unreadable, Verdict

LAYERS = 8
"""Encryption and signature layers that are taken off; honest mail has two or three."""
CALLS = 30
"""Of gpg for one mail, all its parts together: each takes some 20 ms, a hostile one half a second."""
UNPACKED = 64_000_000
"""Bytes that all parts of one mail together may unpack to: what one message alone may."""
TEXT_SHOWN = 90_000
"""Characters of all that was inside encryptions in the text, together; a longer one goes along as a file. So much fits
into the relay's text (`filters.PASSAGE_LIMIT`) with a few words around it."""

_TOO_DEEP = "it is encrypted or signed in more layers than are opened"
_SMIME = "it is encrypted or signed with S/MIME, which is not read"


def opened(raw: bytes, structure: Structure, parser: Parser, openpgp: OpenPGP, whose: str = "") -> Content:
    """Open one mail. `whose` is said of a key that made a good signature over a part, such as ``the reporter's key ``.

    Raises `MailFailed` and `TemporaryError` as the parser and gpg do.
    """
    return Opener(parser, openpgp, whose).opened(raw, structure)


@dataclass(slots=True)
class Opener:
    """One mail's way through gpg and the parser, within limits for all of its parts together."""

    parser: Parser
    openpgp: OpenPGP
    whose: str
    calls: int = field(default=CALLS)
    room: int = field(default_factory=lambda: UNPACKED)
    shown: int = field(default=TEXT_SHOWN)
    taken_out: int = 0

    @property
    def spent(self) -> bool:
        """Nothing more is opened."""
        return self.calls <= 0

    def name(self, suffix: str = ".eml") -> str:
        """For the next piece that is taken out of this mail: ``decrypted.eml``, ``decrypted-2.txt``."""
        self.taken_out += 1
        return f"decrypted{suffix}" if self.taken_out == 1 else f"decrypted-{self.taken_out}{suffix}"

    def decrypt(self, ciphertext: bytes) -> Decryption:
        self.calls -= 1
        found = self.openpgp.decrypt(ciphertext)
        size = len(found.plaintext or b"")
        if size > self.room:
            return replace(found, outcome=Opened.TOO_LARGE, plaintext=None, signature=Signature())
        self.room -= size
        return found

    def verify(self, raw: bytes, part: Part, leaves: tuple[Part, ...]) -> Signature:
        """The verdict on a signed part of `raw`, over its exact bytes."""
        if len(leaves) != 1:
            return Signature(Verdict.SEVERAL)
        self.calls -= 1
        return self.openpgp.verify(_with_crlf(raw[part.start : part.end]), parse.content(raw, leaves[0]))

    def opened(self, raw: bytes, structure: Structure) -> Content:
        content = Content(structure, raw, structure.text)
        for layer in range(LAYERS + 1):
            root = content.structure.root
            deeper = layer == LAYERS or self.spent
            if (cipher := shapes.ciphertext(content.structure, raw)) is not None:
                if deeper:
                    break
                found = self.decrypt(parse.content(raw, cipher))
                content = named(content, found)
                # What came inside an encryption stays secret, whatever becomes of another one in it.
                state = Opened.DECRYPTED.value if content.secret else found.outcome.value
                if found.plaintext is None:
                    remarks = content.remarks
                    if content.secret:
                        remarks += (f"there is another encryption inside, to the keys {keys_named(found)}",)
                    return replace(content, opened=state, unreadable=why(found), remarks=remarks)
                raw, signature = shapes.as_entity(found.plaintext, ""), found.signature
                name = content.pieces[0].name if content.pieces else self.name()
                pieces: tuple[Piece, ...] = (Piece(name, raw, mail=True),)
            elif (signed := shapes.signed(root)) is not None:
                if deeper:
                    break
                signature = self.verify(raw, *signed)
                raw = raw[signed[0].start : signed[0].end]
                state, pieces = content.opened, content.pieces
            else:
                return self._rest(content)
            content = replace(
                content, opened=state, pieces=pieces, signature=together(content.signature, signature),
                unchecked=content.unchecked or signature.verdict is Verdict.NO_KEY,
            )  # fmt: skip
            # A signature counts for what stands right inside it, not for what is inside a further encryption there.
            covered = signature.verdict is not Verdict.UNSIGNED
            try:
                inner = self.parser.parse(raw)
            except Unreadable as error:
                return replace(content, unreadable=str(error), signed=None)
            content = replace(
                content, structure=inner, raw=raw, text=inner.text, layers=content.layers + 1,
                signed=Signed(raw, "" if inner.html_only else inner.text) if covered else None,
            )  # fmt: skip
        keys = f"its layers are encrypted to the keys {keys_named(content)}"
        return replace(content, unreadable=_TOO_DEEP, remarks=(*content.remarks, keys))

    def _rest(self, content: Content) -> Content:
        """What is not OpenPGP around the whole."""
        root = content.structure.root
        if root.content_type in shapes.SMIME:
            # RFC 8551 3.2: signed-data is wrapped and can be read by everybody, but not by us.
            closed = root.param("smime-type").lower() not in ("signed-data", "certs-only", "compressed-data")
            state = Opened.NO_KEY.value if closed and not content.opened else content.opened
            return replace(content, opened=state, unreadable=_SMIME)
        if root.content_type == "multipart/signed" and any(
            part.content_type in shapes.SMIME_SIGNATURES for part in root.children
        ):
            content = replace(content, remarks=(*content.remarks, "it is signed with S/MIME, which is not checked"))
        return Fragments(self, content).opened()


def _with_crlf(data: bytes) -> bytes:
    """Signed bytes in canonical form (RFC 3156 5): inside an encryption some clients write bare LF."""
    return data if b"\r\n" in data or b"\n" not in data else data.replace(b"\n", b"\r\n")
