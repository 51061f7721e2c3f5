"""Where OpenPGP is in a mail, whatever its sender and the mail systems on the way made of it.

PGP/MIME (RFC 3156); the same after Exchange turned it into multipart/mixed; parts that are OpenPGP though nothing says
so. In: a parsed mail and its bytes. Out: parts of it. Nothing here decrypts, checks a signature, or fails.
"""

import re
from collections.abc import Iterator

from mailbot.mail import armor, parse
from mailbot.mail.structure import Part, Structure

PGP_SIGNATURE = "application/pgp-signature"
PGP_CONTROL = "application/pgp-encrypted"
SMIME = frozenset({"application/pkcs7-mime", "application/x-pkcs7-mime"})
SMIME_SIGNATURES = frozenset({"application/pkcs7-signature", "application/x-pkcs7-signature"})

_WHOLE = frozenset({PGP_CONTROL, "application/pgp", "application/octet-stream", "application/x-pgp-encrypted"})
# RFC 3156 4: "Version: 1" and nothing else. Some write a comment, too.
_CONTROL = re.compile(rb"\s*Version: ?1\b[^\0]{0,100}", re.IGNORECASE)
_ENTITY = re.compile(rb"(?:[!-9;-~]{1,70}:[^\n]*+\n(?:[ \t][^\n]*+\n)*+)*?content-[a-z-]{1,60}:", re.IGNORECASE)
_HTML = re.compile(rb"\s*<(?:!doctype html|html|body|div|p|pre|br)\b", re.IGNORECASE)


def ciphertext(structure: Structure, raw: bytes) -> Part | None:
    """The part that holds the whole of a mail as ciphertext (or claims to), if there is one."""
    root = structure.root
    if not root.children:
        # The body of the mail is the message, under a label that is no text.
        return root if root.content_type in _WHOLE and _is_ciphertext(raw, root) else None
    found = _pair(root, raw)
    if found is None or root.content_type == "multipart/encrypted":
        return found
    # What Exchange makes of it often begins with an empty text. Anything else beside it is not encrypted.
    beside = [part for part in structure.attachments if part is not found and not _is_control(raw, part)]
    return None if structure.text.strip() or beside else found


def pairs(structure: Structure, raw: bytes) -> Iterator[tuple[Part, Part]]:
    """The PGP/MIME mails within a mail: behind a list's footer or a gateway's warning, or attached. As the part that
    holds it, and the part in it that is the ciphertext."""
    waiting = [structure.root]
    while waiting:
        part = waiting.pop()
        found = _pair(part, raw)
        if found is not None:
            yield part, found
        else:
            waiting.extend(reversed(part.children))


def _pair(part: Part, raw: bytes) -> Part | None:
    """The ciphertext of one PGP/MIME mail whose root is `part`."""
    leaves = [child for child in part.children if not child.children]
    if part.content_type == "multipart/encrypted":
        if len(leaves) == 2 and leaves[0].content_type == PGP_CONTROL:
            return leaves[1]
        found = [leaf for leaf in leaves if _is_ciphertext(raw, leaf)]
        if found or part.param("protocol").lower() not in ("", PGP_CONTROL):
            return found[0] if len(found) == 1 else None
        return leaves[-1] if leaves else None
    if part.content_type == "multipart/mixed":
        controls = [leaf for leaf in leaves if _is_control(raw, leaf)]
        found = [leaf for leaf in leaves if not leaf.content_type.startswith("text/") and _is_ciphertext(raw, leaf)]
        if len(controls) == len(found) == 1:
            return found[0]
    return None


def signed(root: Part) -> tuple[Part, tuple[Part, ...]] | None:
    """What a multipart/signed holds (RFC 3156 5): the signed part, and the leaves that are to be its signature. There
    may be several signatures, in one part or in several; whoever added anything else has made it another mail."""
    if root.content_type != "multipart/signed" or len(root.children) < 2:
        return None
    leaves = tuple([part for child in root.children[1:] for part in child.walk() if not part.children])
    # Some say "multipart/mixed" for the protocol, because that is where their several signatures are.
    if any(leaf.content_type != PGP_SIGNATURE for leaf in leaves) and not _one_signature(root, leaves):
        return None
    return root.children[0], leaves


def _one_signature(root: Part, leaves: tuple[Part, ...]) -> bool:
    """Beside the signature there is something else in the second part, such as a key."""
    return len(root.children) == 2 and any(leaf.content_type == PGP_SIGNATURE for leaf in leaves)


def signed_within(root: Part) -> Iterator[tuple[Part, tuple[Part, ...]]]:
    """The multipart/signed that are only a part of a mail; those that a gateway added something to, too."""
    waiting = [root]
    while waiting:
        part = waiting.pop()
        if part.content_type == "multipart/signed" and len(part.children) >= 2:
            leaves = tuple([child for child in part.children[1:] if child.content_type == PGP_SIGNATURE])
            if leaves:
                yield part.children[0], leaves
                continue
        waiting.extend(reversed(part.children))


def files(structure: Structure, raw: bytes) -> Iterator[Part]:
    """The attached files that are encrypted messages, by what they hold; the name is the sender's choice."""
    for part in structure.attachments:
        if not part.children and part.content_type != PGP_SIGNATURE and _is_ciphertext(raw, part):
            yield part


def is_machinery(raw: bytes, part: Part) -> bool:
    """Whether an attachment is only how PGP/MIME is built, and nothing that somebody attached."""
    return part.content_type == PGP_SIGNATURE or _is_control(raw, part)


def is_entity(plaintext: bytes) -> bool:
    """Whether decrypted bytes are a MIME entity (RFC 2045 2.4) and not just a text or a file."""
    head = plaintext[: armor.HEAD_BYTES].replace(b"\r\n", b"\n")
    return _ENTITY.match(head) is not None


def as_entity(plaintext: bytes, charset: str) -> bytes:
    """Decrypted bytes as something that the mail parser reads: its charsets, its HTML, its limits."""
    if is_entity(plaintext):
        return plaintext
    kind = b"html" if _HTML.match(plaintext[:1000]) else b"plain"
    label = charset.encode("ascii", "replace") or b"utf-8"
    return b"Content-Type: text/%b; charset=%b\r\nContent-Transfer-Encoding: 8bit\r\n\r\n%b" % (kind, label, plaintext)


def is_text(data: bytes) -> bool:
    """Whether a decrypted file is something to read, not to save."""
    return b"\0" not in data[: armor.HEAD_BYTES] and data[:4] not in (b"%PDF", b"PK\3\4", b"\x89PNG")


def _is_ciphertext(raw: bytes, part: Part) -> bool:
    return armor.is_ciphertext(parse.beginning(raw, part, armor.HEAD_BYTES))


def _is_control(raw: bytes, part: Part) -> bool:
    """The first part of PGP/MIME, whatever it is called after Exchange had it. A key under that label is none."""
    if part.children or part.size > 200 or part.content_type.startswith("text/"):
        return False
    return _CONTROL.fullmatch(parse.beginning(raw, part, 200)) is not None
