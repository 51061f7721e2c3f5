"""From the source of a mail in a story to the mail that arrives: real OpenPGP, made by the lab's keys.

A source is a small preamble, ``DATA``, and the mail as people write it, with LF line ends::

    MAIL FROM:<carol@reporters.example>
    RCPT TO:<security@example.org>
    OPENPGP: protect the headers
    OPENPGP: sign by carol and encrypt to group
    DATA
    From: Carol <carol@reporters.example>
    ...

The OPENPGP lines are done one after the other, from the inside to the outside; `_OPERATIONS` lists them. ``REPEAT:
WORD 1000 times`` makes every WORD in the mail a thousand of them, and ``as TEXT`` a thousand of TEXT. ``AGAIN:
012-alice-bob.out`` takes the mail of that file as it went over the wire; header fields after ``DATA`` then stand on top
of it, as mail systems on the way put them.
"""

import base64
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from tests.openpgp_keys import Lab

_BOUNDARY = "the-mail-program-made-this-up"
# What a mail program repeats inside (RFC 9788); everything else is the mail system's.
_REPEATED = ("from", "to", "cc", "subject", "date", "message-id", "in-reply-to", "references", "reply-to")


@dataclass(frozen=True, slots=True)
class Arriving:
    reverse_path: str
    forward_paths: tuple[str, ...]
    raw: bytes
    random: dict[str, bytes]
    """Parts of which no two are alike, by what they are."""


@dataclass
class _Mail:
    """A mail in the making: its outer fields, and the entity that they are about."""

    lab: Lab
    fields: list[bytes]
    entity: bytes
    at: str = ""
    """When it is signed, as gpg takes it."""
    layers: int = 0
    random: dict[str, bytes] = field(default_factory=dict)

    def raw(self) -> bytes:
        return b"".join(self.fields) + self.entity

    def wrap(self, subtype: str, parameters: str, *parts: bytes) -> None:
        self.layers += 1
        border = f"{_BOUNDARY}-{self.layers}"
        head = f'Content-Type: multipart/{subtype};{parameters}\r\n boundary="{border}"\r\n\r\n'
        body = b"".join(f"--{border}\r\n".encode() + part + b"\r\n" for part in parts)
        self.entity = head.encode() + body + f"--{border}--\r\n".encode()


def arriving(source: bytes, lab: Lab, sent: Mapping[str, bytes], now: datetime) -> Arriving:
    """`sent` are the mails so far, coming and going, by the names of their files. What is signed is signed `now`."""
    preamble, _, content = source.partition(b"\nDATA\n")
    reverse_path, forward_paths, operations = "", [], []
    before: bytes | None = None
    for line in preamble.decode("ascii").splitlines():
        word, _, value = line.partition(":")
        match word:
            case "MAIL FROM":
                reverse_path = value.strip("<>")
            case "RCPT TO":
                forward_paths.append(value.strip("<>"))
            case "OPENPGP":
                operations.append(value.strip())
            case "REPEAT":
                what, times, meaning = re.fullmatch(r" (\S+) (\d+) times(?: as (.+))?", value).groups()  # type: ignore[union-attr]
                text = (meaning or what).replace("\\n", "\n")
                content = content.replace(what.encode(), text.encode() * int(times))
            case "AGAIN":
                before = sent[value.strip()]
            case _:
                raise ValueError(f"not a line of a preamble: {line}")
    content = content.replace(b"\n", b"\r\n")
    if before is not None or not operations:
        return Arriving(reverse_path, tuple(forward_paths), content + (before or b""), {})
    mail = _made(content, operations, lab, now.strftime("%Y%m%dT%H%M%S"))
    return Arriving(reverse_path, tuple(forward_paths), mail.raw(), {"mail": mail.raw(), **mail.random})


def _made(content: bytes, operations: list[str], lab: Lab, at: str) -> _Mail:
    head, _, body = content.partition(b"\r\n\r\n")
    fields = re.findall(rb"[^\r]+\r\n(?:[ \t][^\r]*\r\n)*", head + b"\r\n")
    about = [one for one in fields if one.lower().startswith(b"content-")]
    mail = _Mail(lab, [one for one in fields if one not in about], b"".join(about) + b"\r\n" + body, at)
    for operation in operations:
        _perform(mail, operation)
    return mail


def _perform(mail: _Mail, operation: str) -> None:
    for pattern, function in _OPERATIONS.items():
        if match := re.fullmatch(pattern, operation):
            function(mail, *match.groups())
            return
    raise ValueError(f"not an operation: {operation}")


def _protect(mail: _Mail) -> None:
    """RFC 9788: the fields stand inside too, and the outer subject says nothing."""
    inside = _repeated(mail)
    mail.fields = [re.sub(rb"(?is)^(subject: ).*", rb"\1[...]\r\n", one) for one in mail.fields]
    outside = [b"HP-Outer: " + one for one in _repeated(mail)]
    mail.entity = b"".join(inside + outside) + _marked(mail.entity, b'hp="cipher"')


def _protect_old(mail: _Mail) -> None:
    """The draft before it, as Thunderbird does it."""
    inside = _repeated(mail)
    mail.fields = [re.sub(rb"(?is)^(subject: ).*", rb"\1...\r\n", one) for one in mail.fields]
    mail.entity = b"".join(inside) + _marked(mail.entity, b'protected-headers="v1"')


def _repeated(mail: _Mail) -> list[bytes]:
    return [one for one in mail.fields if one.split(b":")[0].lower().decode() in _REPEATED]


def _marked(entity: bytes, parameter: bytes) -> bytes:
    return re.sub(rb"(?i)(content-type: [^\r]*)", rb"\1; " + parameter, entity, count=1)


def _attach_key(mail: _Mail, name: str) -> None:
    key = mail.lab.people.public(name).replace("\n", "\r\n").encode()
    mail.random["key"] = key
    mail.wrap("mixed", "", mail.entity, b'Content-Type: application/pgp-keys; name="key.asc"\r\n\r\n' + key)


def _sign(mail: _Mail, name: str) -> None:
    signature = mail.lab.people.sign(name, mail.entity, at=mail.at).replace(b"\n", b"\r\n")
    part = b'Content-Type: application/pgp-signature; name="signature.asc"\r\n\r\n' + signature
    mail.wrap("signed", ' micalg="pgp-sha512"; protocol="application/pgp-signature";', mail.entity, part)


def _beside_a_footer(mail: _Mail, name: str) -> None:
    """What Mailman makes of a mail that is more than a plain text."""
    text = f"{'_' * 47}\r\n{name} mailing list\r\nTo unsubscribe send an email to leave@{name}\r\n"
    footer = f"Content-Type: text/plain; charset=us-ascii\r\nContent-Disposition: inline\r\n\r\n{text}"
    mail.wrap("mixed", "", mail.entity, footer.encode())


def _alter(mail: _Mail, old: str, new: str) -> None:
    assert mail.entity.count(old.encode()) == 1
    mail.entity = mail.entity.replace(old.encode(), new.encode())


def _encrypt(mail: _Mail, name: str) -> None:
    _encrypted(mail, mail.lab.people.encrypt(mail.entity, [mail.lab.fingerprint(name)]))


def _sign_and_encrypt(mail: _Mail, signer: str, name: str) -> None:
    _encrypted(mail, mail.lab.people.encrypt(mail.entity, [mail.lab.fingerprint(name)], by=signer, at=mail.at))


def _encrypt_and_damage(mail: _Mail, name: str) -> None:
    """Somebody on the way flips one bit of the ciphertext."""
    armored = mail.lab.people.encrypt(mail.entity, [mail.lab.fingerprint(name)], "--compress-algo=none")
    begin, _, rest = armored.partition(b"\n\n")
    data = bytearray(base64.b64decode(re.split(rb"\n=|\n-", rest)[0]))
    data[-40] ^= 1
    # Without the checksum of the armor, which is optional.
    _encrypted(mail, begin + b"\n\n" + base64.encodebytes(bytes(data)) + b"-----END PGP MESSAGE-----\n")


def _encrypted(mail: _Mail, armored: bytes) -> None:
    ciphertext = armored.replace(b"\n", b"\r\n")
    mail.random["ciphertext"] = ciphertext
    mail.wrap(
        "encrypted",
        ' protocol="application/pgp-encrypted";',
        b"Content-Type: application/pgp-encrypted\r\n\r\nVersion: 1\r\n",
        b'Content-Type: application/octet-stream; name="encrypted.asc"\r\n\r\n' + ciphertext,
    )


_OPERATIONS: dict[str, Callable[..., None]] = {
    r"protect the headers": _protect,
    r"protect the headers as before RFC 9788": _protect_old,
    r"attach the key of (\S+)": _attach_key,
    r"sign by (\S+)": _sign,
    r"change \"(.+)\" to \"(.+)\"": _alter,
    r"beside the footer of (\S+)": _beside_a_footer,
    r"encrypt to (\S+)": _encrypt,
    r"sign by (\S+) and encrypt to (\S+)": _sign_and_encrypt,
    r"encrypt to (\S+) and damage it": _encrypt_and_damage,
}
