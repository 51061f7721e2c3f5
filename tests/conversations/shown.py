"""What the bot sent, as text: who got it, the header fields as they are on the wire, and what a mail program shows.

What a person cannot see is checked here instead of shown: signatures, who can decrypt, that protected header fields
say what the outer ones say (but for the subject of an encrypted mail), that HP-Outer tells the truth (RFC 9788), and
that the mail can go over any wire.
"""

import re
import textwrap
from collections.abc import Mapping, Sequence
from email import message_from_bytes, policy
from email.header import decode_header, make_header
from email.message import EmailMessage
from pathlib import Path

from tests.openpgp_keys import Lab
from tests.world import Sent

_OUTSIDE_ONLY = ("mime-version", "content-type", "content-transfer-encoding")
_ENTITY = ("content-type", "content-transfer-encoding", "content-disposition", "content-description")


def shown(
    copies: Sequence[Sent], originals: Mapping[str, bytes], lab: Lab, key_ids: Mapping[str, str], scratch: Path
) -> str:
    """One mail that went out, in one or several copies. `originals` are the mails so far by their names, `key_ids` tell
    whose a key is."""
    raw = copies[0].raw
    _check_wire(raw)
    mail = _parsed(raw)
    match mail.get_content_type():
        case "multipart/encrypted":
            inside, how = _decrypted(mail, lab, key_ids, scratch)
            _check_protected(_parsed(inside), mail, "cipher")
        case "multipart/signed":
            inside, how = _verified(mail, raw, lab, scratch)
            _check_protected(_parsed(inside), mail, "clear")
        case other:
            raise AssertionError(f"a mail of type {other} is neither signed nor encrypted")
    out = [f"To {one.recipient} from {one.sender}\n" for one in copies]
    out += [f"Notice: {copies[0].kind}; {how}\n\n", _head(raw)]
    if _parsed(inside)["Subject"] != mail["Subject"]:
        out.append(f"======== inside\nSubject: {_parsed(inside)['Subject']}\n")
    out += [_part(part, originals, lab) for part in _parts(inside)]
    return "".join(out)


def _parsed(raw: bytes) -> EmailMessage:
    mail = message_from_bytes(raw, policy=policy.SMTP)
    assert isinstance(mail, EmailMessage)
    return mail


def _parts(entity: bytes) -> list[bytes]:
    """The parts of a multipart/mixed, byte for byte, else the one there is."""
    mail = _parsed(entity)
    if mail.get_content_type() != "multipart/mixed":
        return [entity]
    border = f"\r\n--{mail.get_boundary()}".encode()
    *parts, end = (b"\r\n" + entity.partition(b"\r\n\r\n")[2]).split(border)[1:]
    assert end == b"--\r\n"
    return [part.removeprefix(b"\r\n") for part in parts]


def _part(entity: bytes, originals: Mapping[str, bytes], lab: Lab) -> str:
    head, _, body = entity.partition(b"\r\n\r\n")
    part = _parsed(head + b"\r\n\r\n" + (b"" if b"message/rfc822" in head else body))
    fields = [part[name] for name in ("Content-Disposition", "Content-Type", "Content-Transfer-Encoding") if part[name]]
    # Without what only programs read.
    said = re.sub(r'; (?:hp="\w+"|protected-headers="v1"|charset="?utf-8"?)', "", "; ".join(map(str, fields)))
    heading = f"======== {said}\n"
    if part.get_content_type() == "text/plain":
        return heading + str(part.get_content()).replace("\r\n", "\n")
    data = body if part.get_content_type() == "message/rfc822" else part.get_payload(decode=True)
    assert isinstance(data, bytes)
    for name, original in reversed(list(originals.items())):
        if data == original:
            return heading + f"({name}, byte for byte)\n"
        if data and original.startswith(data):
            return heading + f"(the first {len(data)} bytes of {name})\n"
    text = data.decode("utf-8").replace("\r\n", "\n")
    if text == lab.group.public("group"):
        return heading + "(the public key of the group)\n"
    return heading + textwrap.indent(text, "    ", lambda line: bool(line.strip()))


def _head(raw: bytes) -> str:
    """The header section as it is on the wire; where words are encoded, decoded below them."""
    lines = []
    for field in re.findall(
        r".+\n(?:[ \t].+\n)*", raw.partition(b"\r\n\r\n")[0].decode("ascii").replace("\r", "") + "\n"
    ):
        lines.append(field)
        if "=?" in field:
            lines.append(f"    (that is: {make_header(decode_header(field.partition(': ')[2]))})\n")
    return "".join(lines)


def _decrypted(mail: EmailMessage, lab: Lab, key_ids: Mapping[str, str], scratch: Path) -> tuple[bytes, str]:
    control, content = mail.iter_parts()
    assert control.get_content() == b"Version: 1\r\n"
    plain, status = _gpg(lab, scratch, "--decrypt", data=content.get_content())
    names = sorted(key_ids[words[1]] for words in status if words[0] == "ENC_TO")
    inside = _parsed(plain)
    if inside.get_content_type() == "multipart/signed":
        # Signed first, then encrypted (RFC 3156 6.1).
        plain, _ = _verified(inside, plain, lab, scratch)
    else:
        _check_signature(status, lab)
    return plain, f"encrypted to {' and '.join(names)}, signed by the group"


def _verified(mail: EmailMessage, raw: bytes, lab: Lab, scratch: Path) -> tuple[bytes, str]:
    _, signature = mail.iter_parts()
    border = f"\r\n--{mail.get_boundary()}".encode()
    # The bytes that were signed are those between the delimiters, not what a parser would write (RFC 3156 5).
    signed = raw.split(border)[1].removeprefix(b"\r\n")
    file = scratch / "signature"
    file.write_bytes(signature.get_content())
    _, status = _gpg(lab, scratch, "--verify", str(file), "-", data=signed)
    _check_signature(status, lab)
    return signed, "signed by the group"


def _gpg(lab: Lab, scratch: Path, *command: str, data: bytes) -> tuple[bytes, list[list[str]]]:
    status = scratch / "status"
    out = lab.people.gpg("--status-file", str(status), *command, data=data)
    return out, [line.split()[1:] for line in status.read_text().splitlines()]


def _check_signature(status: list[list[str]], lab: Lab) -> None:
    assert [words[10] for words in status if words[0] == "VALIDSIG"] == [lab.group_key]
    assert any(words[0] == "GOODSIG" for words in status)


def _check_protected(inside: EmailMessage, mail: EmailMessage, form: str) -> None:
    assert inside["Content-Type"].params["hp"] == form
    outer = [(name, str(value)) for name, value in mail.items() if name.lower() not in _OUTSIDE_ONLY]
    repeated = [(name, str(value)) for name, value in inside.items() if name.lower() not in (*_ENTITY, "hp-outer")]
    recorded = [str(value).partition(": ")[::2] for value in inside.get_all("HP-Outer", [])]
    if form == "clear":
        assert sorted(repeated) == sorted(outer)
        return
    assert sorted(recorded) == sorted(outer)
    assert sorted(one for one in repeated if one[0] != "Subject") == sorted(one for one in outer if one[0] != "Subject")


def _check_wire(raw: bytes) -> None:
    """RFC 5321 and 5322: ASCII, CRLF, short lines; and header fields that start with a name."""
    assert raw.isascii()
    assert b"\n" not in raw.replace(b"\r\n", b"")
    assert b"\r" not in raw.replace(b"\r\n", b"")
    assert b"\0" not in raw
    assert max(map(len, raw.split(b"\r\n"))) <= 998
    head = raw.partition(b"\r\n\r\n")[0]
    assert all(re.match(rb"[A-Za-z-]+: \S|[ \t]+\S", line) for line in head.split(b"\r\n"))
    assert max(map(len, head.split(b"\r\n"))) <= 78 + len("Content-Type")
