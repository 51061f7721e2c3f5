"""PGP/MIME that passed Exchange, gateways or lists: its two parts stand in a multipart/mixed, under other names,
encoded anew, with something before or behind them."""

from collections.abc import Callable

import pytest

from tests.shapes.checks import arrived, card, enclosed, nothing_gets_out, relay
from tests.shapes.mails import TEXT, base64_of, cipher, control, encrypt, encrypted, mail, multi, part, signed, text
from tests.world import World

EMPTY = text("", "text/plain; charset=us-ascii", "Content-Transfer-Encoding: quoted-printable")
BANNER = "CAUTION: This email originated from outside of the organization."


def attached(armor: str, kind: str, name: str) -> str:
    """As Exchange encodes and names an attachment anew."""
    return part(
        f'{kind}; name="{name}"', base64_of(armor + "\r\n"), f"Content-Description: {name}",
        f'Content-Disposition: attachment; filename="{name}"; size={len(armor)};', '\tcreation-date="Tue"',
        "Content-Transfer-Encoding: base64",
    )  # fmt: skip


OCTETS = "application/octet-stream"
VERSION = "Version: 1"

REPAIRED: dict[str, Callable[[str], str]] = {
    "without text": lambda armor: multi("mixed", [control(), cipher(armor)]),
    "behind an empty text": lambda armor: multi("mixed", [EMPTY, control(), cipher(armor)]),
    "behind an empty html": lambda armor: multi(
        "mixed", [text("<html><body><br></body></html>", "text/html; charset=us-ascii"), control(), cipher(armor)]
    ),
    "behind an empty alternative": lambda armor: multi(
        "mixed", [multi("alternative", [EMPTY, text("<p></p>", "text/html")]), control(), cipher(armor)]
    ),
    "base64": lambda armor: multi(
        "mixed",
        [EMPTY, attached(VERSION, "application/pgp-encrypted", "ATT00001"), attached(armor, OCTETS, "encrypted.asc")],
    ),
    "renamed": lambda armor: multi(
        "mixed",
        [EMPTY, attached(VERSION, "application/pgp-encrypted", "ATT00001"), attached(armor, OCTETS, "ATT00002.bin")],
    ),
    "both octets": lambda armor: multi(
        "mixed",
        [
            EMPTY,
            attached(VERSION, OCTETS, "PGPMIME Versions Identification.dat"),
            attached(armor, OCTETS, "encrypted.asc"),
        ],
    ),
    "empty text behind": lambda armor: multi("mixed", [control(), cipher(armor), EMPTY]),
    "no names": lambda armor: multi("mixed", [control(OCTETS), cipher(armor, OCTETS)]),
    "encrypted, control relabelled": lambda armor: multi(
        'encrypted; protocol="application/pgp-encrypted"', [control(OCTETS), cipher(armor)]
    ),
    "encrypted, parameters lost": lambda armor: multi("encrypted", [control(), cipher(armor)]),
    "encrypted, only the ciphertext left": lambda armor: multi("encrypted", [cipher(armor)]),
}


@pytest.mark.parametrize("mangle", REPAIRED.values(), ids=REPAIRED.keys())
def test_a_mangled_mail_is_repaired(bot: World, mangle: Callable[[str], str]) -> None:
    inner = text(TEXT, 'text/plain; charset=utf-8; protected-headers="v1"', "Subject: Overflow xyzzy")
    raw = mail(mangle(encrypt(bot.lab, inner, by="alice")), "X-MS-Has-Attach: yes", "Accept-Language: en-US")
    sent = bot.receive(raw, "rita@out.example")
    nothing_gets_out(sent)
    assert TEXT in relay(sent).text
    assert arrived(sent).startswith("encrypted to us; good signature by Alice Example")
    assert not arrived(sent).endswith("not over the mail")
    assert card(sent, "Attached") == []
    assert bot.issues()[0]["title"] == "Overflow xyzzy"
    assert enclosed(sent)["original.eml"] == raw


BESIDE: dict[str, Callable[[str], str]] = {
    "a gateway's warning": lambda armor: multi("mixed", [text(BANNER), control(), cipher(armor)]),
    "a gateway's warning, renamed": lambda armor: multi(
        "mixed", [text(BANNER), attached(VERSION, OCTETS, "ATT00001"), attached(armor, OCTETS, "ATT00002")]
    ),
    "a list's footer": lambda armor: multi("mixed", [encrypted(armor), text(BANNER)]),
    "a list's footer around what Exchange left": lambda armor: multi(
        "mixed", [multi("mixed", [EMPTY, control(), cipher(armor)]), text(BANNER)]
    ),
    "an attached mail": lambda armor: multi(
        "mixed", [text(BANNER), part("message/rfc822", f"From: a@b.example\r\nSubject: ...\r\n{encrypted(armor)}")]
    ),
}


@pytest.mark.parametrize("wrap", BESIDE.values(), ids=BESIDE.keys())
def test_something_beside_the_encryption_is_shown_and_is_not_covered_by_its_signature(
    bot: World, wrap: Callable[[str], str]
) -> None:
    inner = text(TEXT, 'text/plain; charset=utf-8; protected-headers="v1"', "Subject: Overflow xyzzy")
    sent = bot.receive(mail(wrap(encrypt(bot.lab, inner, by="alice"))), "rita@out.example")
    nothing_gets_out(sent)
    shown = relay(sent).text
    assert shown.index("CAUTION") < shown.index("[Inside the encryption:]") < shown.index(TEXT)
    assert arrived(sent) == "in clear, with an encrypted part that we opened; not signed"
    assert f"good signature by {bot.lab.fingerprint('alice')}; it covers only that part" in relay(sent).words
    assert "encrypted.asc" not in " ".join(card(sent, "Attached"))
    assert TEXT.encode() in enclosed(sent)["decrypted.eml"]
    # An attached mail has a subject of its own.
    assert bot.issues()[0]["title"] == ("..." if "rfc822" in wrap("") else "Overflow xyzzy")
    assert bot.issues()[0]["encrypted"] is True


def test_a_member_behind_a_warning_is_not_authenticated(bot: World) -> None:
    bot.receive(mail(text("hello")), "rita@out.example")
    number = bot.issues()[0]["number"]
    armor = encrypt(bot.lab, signed(bot.lab, "alice", text()), by="alice")
    raw = mail(multi("mixed", [text(BANNER), control(), cipher(armor)]), author="alice@members.example")
    sent = bot.receive(raw, "alice@members.example", f"security+{number}@example.org")
    nothing_gets_out(sent)
    assert "NOT AUTHENTICATED" in relay(sent).words


def test_a_signed_mail_with_a_lists_footer(bot: World) -> None:
    sent = bot.receive(
        mail(multi("mixed", [signed(bot.lab, "alice", text("hello")), text(BANNER)])), "rita@out.example"
    )
    nothing_gets_out(sent)
    assert arrived(sent) == "in clear; not signed"
    assert f"good signature by {bot.lab.fingerprint('alice')}; it covers only that part" in relay(sent).words


def test_a_key_labelled_as_the_first_part_of_pgp_mime_is_a_key(bot: World) -> None:
    """mutt attaches keys so; what follows it is an attachment and no ciphertext."""
    key = part('application/pgp-encrypted; name="key.asc"', bot.lab.people.public("carol"))
    raw = mail(multi("mixed", [EMPTY, key, part("application/octet-stream", "just data")]))
    sent = bot.receive(raw, "rita@out.example")
    nothing_gets_out(sent)
    assert arrived(sent) == "in clear; not signed"
    assert bot.dispositions()[-1] == "report"
    assert len(card(sent, "Attached")) == 2


def test_a_mail_within_that_cannot_be_opened_is_no_plain_report(bot: World) -> None:
    armor = encrypt(bot.lab, text(), to="carol")
    sent = bot.receive(mail(multi("mixed", [text(BANNER), control(), cipher(armor)])), "rita@out.example")
    nothing_gets_out(sent)
    assert "a key that the group does not have" in relay(sent).words
    assert bot.lab.people.key_ids("carol")["sub"] in relay(sent).words
    assert bot.dispositions()[-1] == "unreadable"
