"""OpenPGP as mail programs write it: the skeletons are theirs, the keys and the ciphertext real."""

import base64
from collections.abc import Callable

import pytest

from tests.openpgp_keys import Lab
from tests.shapes.checks import answer, arrived, card, enclosed, nothing_gets_out, relay
from tests.shapes.mails import (
    TEXT,
    base64_of,
    cipher,
    clear_sign,
    control,
    encrypt,
    mail,
    multi,
    part,
    sign,
    signed,
    text,
)
from tests.world import World

SUBJECT = "Overflow xyzzy"
CAROL = "Carol <carol@reporters.example>"
# Others, because Thunderbird's mail makes Carol's key known.
OTHER = "Carol <someone@reporters.example>"


def thunderbird(lab: Lab) -> bytes:
    """115: the subject inside, in the form before RFC 9788; signed and encrypted in one step; the key attached, and in
    the Autocrypt header; text base64."""
    key = lab.people.public("carol")
    content = multi(
        "mixed",
        [
            multi(
                "mixed",
                [
                    part(
                        "text/plain; charset=UTF-8; format=flowed", base64_of(TEXT), "Content-Transfer-Encoding: base64"
                    )
                ],
            ),
            part(
                'application/pgp-keys; name="OpenPGP_0x1234.asc"', key, "Content-Description: OpenPGP public key",
                'Content-Disposition: attachment; filename="OpenPGP_0x1234.asc"',
            ),
        ],
    )  # fmt: skip
    inner = multi(
        'mixed; protected-headers="v1"', [content], f"Subject: {SUBJECT}", f"From: {CAROL}",
        "To: security@example.org", "Message-ID: <tb@reporters.example>",
    )  # fmt: skip
    outer = multi(
        'encrypted; protocol="application/pgp-encrypted"',
        [
            control("application/pgp-encrypted", "Content-Description: PGP/MIME version identification"),
            cipher(
                encrypt(lab, inner, by="carol"), 'application/octet-stream; name="encrypted.asc"',
                "Content-Description: OpenPGP encrypted message",
                'Content-Disposition: inline; filename="encrypted.asc"',
            ),
        ],
        preamble="This is an OpenPGP/MIME encrypted message (RFC 4880 and 3156)",
    )  # fmt: skip
    binary = base64.b64encode(lab.people.gpg("--export", lab.fingerprint("carol"))).decode()
    keydata = "\n ".join(binary[at : at + 74] for at in range(0, len(binary), 74))
    return mail(
        outer, "User-Agent: Mozilla Thunderbird", "Content-Language: en-US",
        f"Autocrypt: addr=carol@reporters.example; keydata=\n {keydata}", author=CAROL,
    )  # fmt: skip


def thunderbird_rfc_9788(lab: Lab) -> bytes:
    """140 and later, with a copy of the subject for old clients on top of the text."""
    inner = text(
        f"Subject: {SUBJECT}\n\n{TEXT}", 'text/plain; charset=UTF-8; hp="cipher"; hp-legacy-display="1"',
        f"Subject: {SUBJECT}", f"From: {OTHER}", "To: security@example.org", "HP-Outer: Subject: [...]",
        f"HP-Outer: From: {OTHER}",
    )  # fmt: skip
    return mail(
        multi('encrypted; protocol="application/pgp-encrypted"', [control(), cipher(encrypt(lab, inner, by="carol"))]),
        "User-Agent: Mozilla Thunderbird", subject="[...]", author=OTHER,
    )  # fmt: skip


def apple_mail(lab: Lab) -> bytes:
    """GPG Suite: signed inside encrypted, text and HTML, unquoted parameters."""
    words = multi("alternative", [text(), text(f"<html><body>{TEXT}<br></body></html>", "text/html; charset=utf-8")])
    signature = sign(lab, "carol", words)
    inner = multi(
        "signed; protocol=\"application/pgp-signature\"; micalg=pgp-sha512",
        [
            words,
            part(
                "application/pgp-signature; name=signature.asc", signature,
                "Content-Transfer-Encoding: 7bit", "Content-Disposition: attachment; filename=signature.asc",
                "Content-Description: Message signed with OpenPGP",
            ),
        ],
    )  # fmt: skip
    outer = multi(
        'encrypted; protocol="application/pgp-encrypted"',
        [
            control(
                "application/pgp-encrypted", "Content-Transfer-Encoding: 7bit",
                "Content-Description: PGP/MIME Versions Identification",
            ),
            cipher(
                encrypt(lab, inner), "application/octet-stream; name=encrypted.asc",
                "Content-Transfer-Encoding: 7bit", "Content-Disposition: inline; filename=encrypted.asc",
                "Content-Description: OpenPGP encrypted message",
            ),
        ],
        boundary="Apple-Mail=_E4F1B1A8-0000-4000-8000-0123456789AB",
        preamble="This is an OpenPGP/MIME encrypted message (RFC 2440 and 3156)",
    )  # fmt: skip
    return mail(outer, "X-Pgp-Agent: GPGMail", r"X-Mailer: Apple Mail (2.3774.600.62)", subject="Report", author=OTHER)


def kmail(lab: Lab) -> bytes:
    """Signed first, then encrypted; the ciphertext is called msg.asc."""
    body = text(TEXT, 'text/plain; charset="utf-8"; protected-headers="v1"', f"Subject: {SUBJECT}", f"From: {OTHER}")
    outer = multi(
        'encrypted; protocol="application/pgp-encrypted"',
        [
            control("application/pgp-encrypted", "Content-Disposition: attachment", "Content-Transfer-Encoding: 7Bit"),
            cipher(
                encrypt(lab, signed(lab, "carol", body)), "application/octet-stream",
                'Content-Disposition: inline; filename="msg.asc"', "Content-Transfer-Encoding: 7Bit",
            ),
        ],
        boundary="nextPart2417826.ElGaqSPkdT",
    )  # fmt: skip
    return mail(outer, "User-Agent: KMail", author=OTHER, subject="...")


def mutt(lab: Lab) -> bytes:
    inner = text(TEXT, 'text/plain; charset=us-ascii; protected-headers="v1"', f"Subject: {SUBJECT}")
    outer = multi(
        'encrypted; protocol="application/pgp-encrypted"',
        [
            control("application/pgp-encrypted", "Content-Disposition: attachment"),
            cipher(
                encrypt(lab, inner, by="carol"), "application/octet-stream", "Content-Description: msg.asc",
                'Content-Disposition: attachment; filename="msg.asc"',
            ),
        ],
        "Content-Disposition: inline",
    )  # fmt: skip
    return mail(outer, "User-Agent: Mutt/2.2.12", author=OTHER)


def outlook_gpg4win(lab: Lab) -> bytes:
    """GpgOL: its boundary, its own header field, HTML beside the text."""
    inner = multi("alternative", [text(), text(f"<p>{TEXT}</p>", "text/html; charset=utf-8")])
    outer = multi(
        'encrypted; protocol="application/pgp-encrypted"',
        [
            control(),
            cipher(
                encrypt(lab, inner, by="carol"), 'application/octet-stream; name="GpgOL_MIME_structure.txt"',
                'Content-Disposition: inline; filename="GpgOL_MIME_structure.txt"',
            ),
        ],
        boundary="=-=PWtGYJTp4pDzaw=-=",
    )  # fmt: skip
    return mail(outer, "X-Mailer: Microsoft Outlook 16.0", "Thread-Index: AdoXYZ==", author=OTHER, subject="Report")


def mailvelope(lab: Lab) -> bytes:
    """In a web mailer's window: armor as text and once more as HTML."""
    armor = encrypt(lab, TEXT + "\n", by="carol").replace(
        "-----BEGIN PGP MESSAGE-----\r\n",
        "-----BEGIN PGP MESSAGE-----\r\nVersion: Mailvelope v6.0.1\r\nComment: https://mailvelope.com\r\n",
    )
    html = "".join(f"{line}<br>" for line in armor.split("\r\n"))
    outer = multi(
        "alternative",
        [
            text(armor, 'text/plain; charset="UTF-8"'),
            text(f'<div dir="ltr">{html}</div>', 'text/html; charset="UTF-8"'),
        ],
    )
    return mail(outer, author=OTHER, subject="Report")


WHOLE = "encrypted to us; good signature by a key that came along with this mail"
UNKNOWN = "encrypted to us; signed by the unknown key"


@pytest.mark.parametrize(
    ("write", "title", "expected"),
    [
        (thunderbird, SUBJECT, WHOLE),
        (thunderbird_rfc_9788, SUBJECT, UNKNOWN),
        (apple_mail, "Report", UNKNOWN),
        (kmail, SUBJECT, UNKNOWN),
        (mutt, SUBJECT, UNKNOWN),
        (outlook_gpg4win, "Report", UNKNOWN),
        (mailvelope, "Report", UNKNOWN),
    ],
)
def test_a_mail_program_is_read(bot: World, write: Callable[[Lab], bytes], title: str, expected: str) -> None:
    raw = write(bot.lab)
    address = "carol@reporters.example" if write is thunderbird else "someone@reporters.example"
    sent = bot.receive(raw, address)
    nothing_gets_out(sent, *([SUBJECT] if title == SUBJECT else []))
    body = relay(sent).text
    assert TEXT in body
    assert body.count(SUBJECT) == (1 if title == SUBJECT else 0)  # on the card, and not as a copy in the text
    assert "BEGIN PGP" not in body
    assert arrived(sent).startswith(expected)
    issue = bot.issues()[0]
    assert (issue["title"], issue["encrypted"]) == (title, True)
    assert enclosed(sent)["original.eml"] == raw
    assert answer(sent, address).encrypted is (write is thunderbird)


def test_thunderbirds_signed_mail(bot: World) -> None:
    body = multi(
        'mixed; protected-headers="v1"',
        [text(TEXT, "text/plain; charset=UTF-8; format=flowed", "Content-Transfer-Encoding: 7bit")],
        f"Subject: {SUBJECT}", f"From: {CAROL}",
    )  # fmt: skip
    outer = multi(
        'signed; micalg="pgp-sha256"; protocol="application/pgp-signature"',
        [
            body,
            part(
                'application/pgp-signature; name="OpenPGP_signature.asc"', sign(bot.lab, "alice", body),
                "Content-Description: OpenPGP digital signature",
                'Content-Disposition: attachment; filename="OpenPGP_signature.asc"',
            ),
        ],
        preamble="This is an OpenPGP/MIME signed message (RFC 4880 and 3156)",
    )  # fmt: skip
    sent = bot.receive(mail(outer, subject=SUBJECT), "rita@out.example")
    nothing_gets_out(sent, SUBJECT)
    assert arrived(sent).startswith("in clear; good signature by Alice Example")
    assert card(sent, "Attached") == []


def test_mutts_traditional_signed_mail(bot: World) -> None:
    """``application/pgp; x-action=sign``, as mutt wrote it once and scripts still do."""
    entity = part("application/pgp; x-action=sign; format=text", clear_sign(bot.lab, "alice", TEXT.encode() + b"\n"))
    sent = bot.receive(mail(entity), "rita@out.example")
    nothing_gets_out(sent)
    assert TEXT in relay(sent).text


def test_mutts_traditional_encrypted_mail(bot: World) -> None:
    entity = part("application/pgp; x-action=encrypt; format=text", encrypt(bot.lab, TEXT))
    sent = bot.receive(mail(entity), "rita@out.example")
    nothing_gets_out(sent)
    assert TEXT in relay(sent).text
    assert arrived(sent) == "encrypted to us; not signed"


def test_a_script_that_posts_the_armor_as_the_whole_body(bot: World) -> None:
    binary = bot.lab.people.gpg("--encrypt", "--recipient", bot.lab.group_key, data=TEXT.encode())
    entity = part("application/octet-stream", base64.encodebytes(binary).decode(), "Content-Transfer-Encoding: base64")
    sent = bot.receive(mail(entity), "rita@out.example")
    nothing_gets_out(sent)
    assert TEXT in relay(sent).text
    assert arrived(sent) == "encrypted to us; not signed"


def test_a_signature_covers_the_exact_bytes(bot: World) -> None:
    """Trailing space, tabs, a dash line, 8-bit letters and an empty line at the end are part of what was signed."""
    body = text("trailing \n\ttab\n-- \nGr\u00f6\u00dfe\n\n", "text/plain; charset=utf-8")
    good = multi(
        'signed; protocol="application/pgp-signature"',
        [body, part("application/pgp-signature", sign(bot.lab, "alice", body))],
    )
    assert arrived(bot.receive(mail(good), "rita@out.example")).startswith("in clear; good signature by Alice")
    for changed in (good.replace("trailing \r\n", "trailing\r\n"), good.replace("\ttab", "    tab")):
        assert changed != good
        sent = bot.receive(mail(changed), "rita@out.example")
        assert arrived(sent).startswith("in clear; BAD SIGNATURE")
