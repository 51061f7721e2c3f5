"""The header fields that an encrypted or signed mail carries inside, where nobody on the way can read or change them.

RFC 9788 (``hp="cipher"`` or ``hp="clear"``, HP-Outer) and the draft before it (``protected-headers="v1"``), which most
clients still send. In: the `Structure` of the cryptographic payload, parsed on its own, after it was decrypted or its
signature was checked; whether it was is the caller's to know. Out: values; None where nothing is protected.

Only fields that people or threads go by are taken. Trace and trust fields (Received, Authentication-Results, List-*)
mean something only where the mail system wrote them, so from inside a mail they would be a forgery.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from mailbot.mail.structure import Part, Structure

_PROTECTED = frozenset(
    {"subject", "from", "sender", "to", "cc", "reply-to", "date", "message-id", "in-reply-to", "references"}
    | {"followup-to", "mail-followup-to", "comments", "keywords", "auto-submitted"}
)


class Form(StrEnum):
    CIPHER = "hp=cipher"
    CLEAR = "hp=clear"
    DRAFT = "protected-headers=v1"


@dataclass(frozen=True, slots=True)
class ProtectedHeaders:
    form: Form
    fields: tuple[tuple[str, str], ...]
    """Names as they stand there, values decoded as in `Structure.headers`, in order."""
    outer: tuple[tuple[str, str], ...] = ()
    """What the sender says stood on the outside (HP-Outer); only in the form CIPHER."""

    def header(self, name: str) -> str:
        """The first value of a field, or ""."""
        return next(iter(self.header_all(name)), "")

    def header_all(self, name: str) -> list[str]:
        wanted = name.lower()
        return [value for key, value in self.fields if key.lower() == wanted]

    @property
    def confidential(self) -> frozenset[str]:
        """Names, in lower case, of the fields whose value the sender kept from the outside (RFC 9788). The draft
        does not say; there it is the subject, which its clients replace by "..."."""
        match self.form:
            case Form.CLEAR:
                return frozenset()
            case Form.DRAFT:
                return frozenset({"subject"})
            case Form.CIPHER:
                shown = {(name.lower(), value) for name, value in self.outer}
                return frozenset(name.lower() for name, value in self.fields if (name.lower(), value) not in shown)


def protected(payload: Structure) -> ProtectedHeaders | None:
    """The protected fields of a payload whose root says that it has some."""
    form = _form(payload.root)
    if form is None:
        return None
    outer: list[tuple[str, str]] = []
    if form is Form.CIPHER:
        for value in payload.header_all("HP-Outer"):
            name, colon, rest = value.partition(":")
            if colon:
                outer.append((name.strip(), rest.strip()))
    return ProtectedHeaders(form, tuple(_taken(payload.headers)), tuple(outer))


def payload_part(structure: Structure) -> Part:
    """The part that carries the protected fields: behind the signature layers of a mail that was signed inside its
    encryption, else the root. If it is not the root, its bytes must be parsed on their own."""
    part = structure.root
    while part.content_type == "multipart/signed" and part.children:
        part = part.children[0]
    return part


def applied(outer: Iterable[tuple[str, str]], inside: ProtectedHeaders) -> tuple[tuple[str, str], ...]:
    """The mail's header as it was meant: the protected fields, and of the outer ones what they do not replace.

    RFC 9788: with `hp`, a field that is not inside is not part of the message, whatever stands outside. The draft
    protects only what is there.
    """
    if inside.form is Form.DRAFT:
        replaced = frozenset(name.lower() for name, _ in inside.fields)
    else:
        replaced = _PROTECTED
    return inside.fields + tuple((name, value) for name, value in outer if name.lower() not in replaced)


def _form(root: Part) -> Form | None:
    match root.param("hp").lower():
        case "cipher":
            return Form.CIPHER
        case "clear":
            return Form.CLEAR
    return Form.DRAFT if root.param("protected-headers").lower() == "v1" else None


def _taken(headers: Iterable[tuple[str, str]]) -> Iterable[tuple[str, str]]:
    return ((name, value) for name, value in headers if name.lower() in _PROTECTED)
