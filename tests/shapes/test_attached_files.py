"""Encrypted files as attachments, by what they hold and not by what they are called."""

import base64
import hashlib

import pytest

from tests.shapes.checks import arrived, card, enclosed, nothing_gets_out, relay
from tests.shapes.mails import TEXT, encrypt, mail, multi, part, text
from tests.world import World

POC = b"\x7fELF xyzzy \0\1\2"


def attachment(data: bytes, kind: str, name: str) -> str:
    named = f'; name="{name}"' if name else ""
    disposition = f'attachment; filename="{name}"' if name else "attachment"
    return part(
        kind + named, base64.encodebytes(data).decode(), f"Content-Disposition: {disposition}",
        "Content-Transfer-Encoding: base64",
    )  # fmt: skip


def ciphertext(bot: World, data: bytes, *options: str, armor: bool) -> bytes:
    recipient = ("--recipient", bot.lab.group_key)
    return bot.lab.people.gpg(*options, *(["--armor"] if armor else []), "--encrypt", *recipient, data=data)


@pytest.mark.parametrize("armor", [True, False], ids=["armor", "binary"])
@pytest.mark.parametrize(
    ("kind", "name", "plain_name"),
    [
        ("application/octet-stream", "poc.gpg", "poc"),
        ("application/octet-stream", "poc.bin.asc", "poc.bin"),
        ("application/pgp-encrypted", "poc.bin.pgp", "poc.bin"),
        ("application/octet-stream", "poc", "poc"),
        ("application/octet-stream", "", "decrypted"),
        ("text/plain; charset=us-ascii", "report.txt", "report.txt"),
        ("application/x-unknown", "ATT00001.dat", "ATT00001.dat"),
    ],
)
def test_an_encrypted_file_is_opened_for_the_members(
    bot: World, kind: str, name: str, plain_name: str, armor: bool
) -> None:
    data = ciphertext(bot, POC, armor=armor)
    sent = bot.receive(mail(multi("mixed", [text("see the file"), attachment(data, kind, name)])), "rita@out.example")
    nothing_gets_out(sent)
    assert arrived(sent) == "in clear, with an encrypted part that we opened; not signed"
    files = card(sent, "Attached")
    kind = kind.partition(";")[0]
    assert files == [
        f"{name or '(no name)'}, {kind}, {len(data):,} bytes, SHA-256 {hashlib.sha256(data).hexdigest()}",
        f"{plain_name}, decrypted, {len(POC)} bytes, SHA-256 {hashlib.sha256(POC).hexdigest()}",
    ]
    assert POC in enclosed(sent).values()
    # The file is a secret, so that nothing of the issue goes out in clear; the mail as a whole did come so.
    assert bot.issues()[0]["encrypted"] is True
    assert bot.show(bot.issues()[0]["number"])["messages"][0]["encrypted"] is False


@pytest.mark.parametrize("body", ["", "\n \n"], ids=["no text", "blank"])
def test_a_report_that_is_only_an_encrypted_file_is_an_encrypted_report(bot: World, body: str) -> None:
    data = ciphertext(bot, TEXT.encode(), armor=True)
    raw = mail(multi("mixed", [text(body), attachment(data, "application/octet-stream", "report.txt.asc")]))
    sent = bot.receive(raw, "rita@out.example")
    nothing_gets_out(sent)
    assert TEXT in relay(sent).text
    assert arrived(sent) == "encrypted to us; not signed"
    assert enclosed(sent)["report.txt"] == TEXT.encode()


def test_a_file_that_is_a_mail_is_read_as_one(bot: World) -> None:
    """What is left when a web mailer strips PGP/MIME down to its attachment."""
    inner = multi("mixed", [text(), attachment(POC, "application/x-elf", "poc")])
    raw = mail(
        multi("mixed", [text("sent from my phone"), part('text/plain; name="encrypted.asc"', encrypt(bot.lab, inner))])
    )
    sent = bot.receive(raw, "rita@out.example")
    nothing_gets_out(sent)
    assert relay(sent).text.index("sent from my phone") < relay(sent).text.index(TEXT)
    assert [line.split(",")[0] for line in card(sent, "Attached")] == ["encrypted.asc", "poc"]


def test_a_signature_over_a_file_covers_only_the_file(bot: World) -> None:
    data = bot.lab.people.encrypt(POC, [bot.lab.group_key], by="alice")
    raw = mail(multi("mixed", [text("see the file"), attachment(data, "application/octet-stream", "poc.gpg")]))
    sent = bot.receive(raw, "rita@out.example")
    nothing_gets_out(sent)
    assert arrived(sent).endswith("; not signed")
    assert "the attached file poc.gpg has a good signature by" in relay(sent).words


def test_files_that_are_no_ciphertext_stay_what_they_are(bot: World) -> None:
    people = bot.lab.people
    files = [
        attachment(people.public("alice").encode(), "application/octet-stream", "key.asc"),
        attachment(people.sign("alice", POC), "application/pgp-signature", "poc.sig"),
        attachment(people.gpg("--export", bot.lab.fingerprint("alice")), "application/octet-stream", "key.gpg"),
        attachment(b"\x85not OpenPGP at all, but the first bit is set", "application/octet-stream", "noise.gpg"),
        attachment(b"it says -----BEGIN PGP MESSAGE----- somewhere", "text/plain", "notes.txt"),
    ]
    sent = bot.receive(mail(multi("mixed", [text("five files"), *files])), "rita@out.example")
    nothing_gets_out(sent)
    assert arrived(sent) == "in clear; not signed"
    names = [line.split(",")[0] for line in card(sent, "Attached")]
    assert names == ["key.asc", "key.gpg", "noise.gpg", "notes.txt"]
    assert bot.dispositions()[-1] == "report"


def test_a_file_that_cannot_be_opened_is_told_and_the_text_is_relayed(bot: World) -> None:
    data = bot.lab.people.encrypt(POC, [bot.lab.fingerprint("carol")])
    raw = mail(multi("mixed", [text("see the file"), attachment(data, "application/octet-stream", "poc.gpg")]))
    sent = bot.receive(raw, "rita@out.example")
    nothing_gets_out(sent)
    assert "see the file" in relay(sent).text
    assert arrived(sent) == "in clear, with an encrypted part that we cannot open"
    assert (
        "a part of it could not be opened: it is encrypted to a key that the group does not have" in relay(sent).words
    )
    assert bot.dispositions()[-1] == "report"


@pytest.mark.parametrize(
    ("kind", "name", "data"),
    [
        ("application/ms-tnef", "winmail.dat", b"\x78\x9f\x3e\x22xyzzy"),
        ("application/octet-stream", "winmail.dat", b"\x78\x9f\x3e\x22xyzzy"),
        ("application/vnd.ms-tnef", "", b"xyzzy"),
    ],
)
def test_winmail_dat_is_named_for_what_it_is(bot: World, kind: str, name: str, data: bytes) -> None:
    sent = bot.receive(mail(multi("mixed", [text("hello"), attachment(data, kind, name)])), "rita@out.example")
    nothing_gets_out(sent)
    assert "is Outlook's own wrapping (TNEF)" in relay(sent).words
    assert card(sent, "Attached")[0].startswith(f"{name or '(no name)'}, {kind}, {len(data)} bytes, SHA-256")
