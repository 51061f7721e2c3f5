"""What cannot be opened opens an issue all the same: relayed as it came, with its key ids, and its sender told how."""

from collections.abc import Callable

import pytest

from tests.openpgp_keys import Lab
from tests.shapes.checks import answer, arrived, card, enclosed, nothing_gets_out, relay
from tests.shapes.mails import TEXT, armored, cipher, control, encrypt, encrypted, mail, multi, part, signed, text
from tests.world import Sent, World

NO_KEY = "it is encrypted to a key that the group does not have"
DAMAGED = "its OpenPGP data is damaged or put together in a way that is not read"
TAMPERED = "its encryption was tampered with, or has no protection against that"


def told(bot: World, raw: bytes, sent: list[Sent]) -> None:
    """What holds for each of them."""
    nothing_gets_out(sent)
    assert bot.dispositions()[-1] == "unreadable"
    assert enclosed(sent)["original.eml"] == raw
    assert bot.issues()[0]["status"] == "open"
    ack = answer(sent)
    assert "could not open" in ack.words
    assert ack.sender.startswith("security+bounce.")
    keys = [part.get_content() for part in ack.inside.walk() if part.get_content_type() == "application/pgp-keys"]
    assert [b"BEGIN PGP PUBLIC KEY BLOCK" in key for key in keys] == [True]
    assert bot.lab.group_key in ack.words.replace(" ", "")
    assert len(sent) == 4  # alice, bob, dave's notice and this: no bounce


def changed(armor: str, at: float = 0.5) -> str:
    """One character of the base64 is another."""
    place = int(len(armor) * at)
    while not armor[place].isalnum():
        place += 1
    return armor[:place] + ("B" if armor[place] == "A" else "A") + armor[place + 1 :]


def tampered(lab: Lab) -> str:
    """A bit of the ciphertext flipped, in armor whose checksum is right."""
    binary = bytearray(lab.people.gpg("-z0", "--encrypt", "--recipient", lab.group_key, data=text().encode()))
    binary[-30] ^= 1
    return armored(lab.people.gpg("--enarmor", data=bytes(binary))).replace("PGP ARMORED FILE", "PGP MESSAGE")


MAKERS: dict[str, tuple[Callable[[Lab], str], str]] = {
    "another key": (lambda lab: encrypt(lab, text(), to="carol"), NO_KEY),
    "hidden recipients, none of them us": (lambda lab: encrypt(lab, text(), "--throw-keyids", to="carol"), NO_KEY),
    "a passphrase": (
        lambda lab: armored(lab.people.gpg("--passphrase=x", "--armor", "--symmetric", data=text().encode())),
        "it is encrypted with a passphrase, not to the group's key",
    ),
    "tampered": (tampered, TAMPERED),
    "corrupted armor": (lambda lab: changed(encrypt(lab, text())), DAMAGED),
    "cut off": (lambda lab: encrypt(lab, text())[:-200] + "\r\n-----END PGP MESSAGE-----", DAMAGED),
    "two messages in one": (lambda lab: encrypt(lab, text()) + "\r\n" + encrypt(lab, text()), DAMAGED),
    "no OpenPGP": (lambda lab: "there was an error while encrypting", DAMAGED),
    "nothing": (lambda lab: "", DAMAGED),
}


WRAPS: dict[str, Callable[[str], str]] = {
    "PGP/MIME": encrypted,
    "inline": text,
    "Exchange": lambda armor: multi("mixed", [text(""), control(), cipher(armor)]),
    "file": lambda armor: multi("mixed", [text(""), part('application/octet-stream; name="x.asc"', armor)]),
}
# Where nothing but the armor says that it is OpenPGP, there must be some; and two blocks in a text are two messages.
CASES = [
    (name, wrap)
    for wrap in WRAPS
    for name in MAKERS
    if wrap == "PGP/MIME" or name not in ("no OpenPGP", "nothing", *(["two messages in one"] * (wrap == "inline")))
]


@pytest.mark.parametrize(("name", "wrap"), CASES)
def test_it_is_relayed_raw_and_the_sender_is_told_how_to_encrypt(bot: World, name: str, wrap: str) -> None:
    make, reason = MAKERS[name]
    raw = mail(WRAPS[wrap](make(bot.lab)))
    sent = bot.receive(raw, "rita@out.example")
    told(bot, raw, sent)
    # What damaged armor decodes to is chance: it may look tampered with.
    assert reason in relay(sent).words or (reason == DAMAGED and TAMPERED in relay(sent).words)
    assert arrived(sent).startswith("encrypted, but")


def test_the_keys_that_it_names_are_told(bot: World) -> None:
    people, fingerprint = bot.lab.people, bot.lab.fingerprint
    armor = armored(people.encrypt(text().encode(), [fingerprint("carol"), fingerprint("planted")]))
    raw = mail(encrypted(armor))
    sent = bot.receive(raw, "rita@out.example")
    told(bot, raw, sent)
    for name in ("carol", "planted"):
        assert people.key_ids(name)["sub"] in relay(sent).words
    hidden = bot.receive(mail(encrypted(encrypt(bot.lab, text(), "--throw-keyids", to="carol"))), "rita@out.example")
    assert "to the keys (hidden)" in relay(hidden).words


def layered(lab: Lab, layers: int) -> str:
    entity = text()
    for number in range(layers):
        entity = signed(lab, "carol", entity) if number % 2 else encrypted(encrypt(lab, entity))
    return entity


def test_eight_layers_are_taken_off(bot: World) -> None:
    sent = bot.receive(mail(layered(bot.lab, 8)), "rita@out.example")
    nothing_gets_out(sent)
    assert TEXT in relay(sent).text


def test_more_than_eight_layers_are_not(bot: World) -> None:
    raw = mail(layered(bot.lab, 9))
    sent = bot.receive(raw, "rita@out.example")
    nothing_gets_out(sent)
    assert "in more layers than are opened" in relay(sent).words
    assert f"encrypted to the keys {bot.lab.people.key_ids('group')['sub']}" in relay(sent).words
    assert bot.dispositions()[-1] == "unreadable"
    assert "could not open" in answer(sent).words
    assert TEXT not in relay(sent).text
    assert enclosed(sent)["original.eml"] == raw


@pytest.mark.parametrize(
    ("kind", "state"),
    [
        ("application/pkcs7-mime; smime-type=enveloped-data; name=smime.p7m", "encrypted, but to no key of ours"),
        ("application/x-pkcs7-mime; name=smime.p7m", "encrypted, but to no key of ours"),
        ("application/pkcs7-mime; smime-type=signed-data; name=smime.p7m", "in clear"),
    ],
)
def test_smime_is_named_for_what_it_is(bot: World, kind: str, state: str) -> None:
    raw = mail(part(kind, "MIIB", "Content-Transfer-Encoding: base64"))
    sent = bot.receive(raw, "rita@out.example")
    told(bot, raw, sent)
    assert "S/MIME, which is not read" in relay(sent).words
    assert arrived(sent).startswith(state)


def test_a_mail_signed_with_smime_is_read_and_the_signature_is_not_called_checked(bot: World) -> None:
    entity = multi(
        'signed; protocol="application/pkcs7-signature"; micalg=sha-256',
        [
            text("hello"),
            part('application/pkcs7-signature; name="smime.p7s"', "MIIB", "Content-Transfer-Encoding: base64"),
        ],
    )
    sent = bot.receive(mail(entity), "rita@out.example")
    nothing_gets_out(sent)
    assert "it is signed with S/MIME, which is not checked" in relay(sent).words
    assert "hello" in relay(sent).text


def test_a_large_mail_that_cannot_be_opened_is_relayed_whole(bot: World) -> None:
    """Whoever has the key can open it: unlike a mail that could not be taken apart, it is not cut."""
    raw = mail(encrypted(encrypt(bot.lab, "x" * 2_000_000, "--compress-algo=none", to="carol")))
    assert len(raw) > 2_000_000
    told(bot, raw, bot.receive(raw, "rita@out.example"))


def test_a_part_that_cannot_be_opened_is_told_beside_one_that_can(bot: World) -> None:
    body = f"{encrypt(bot.lab, TEXT)}\n\nand for Carol:\n\n{encrypt(bot.lab, TEXT, to='carol')}"
    sent = bot.receive(mail(text(body)), "rita@out.example")
    nothing_gets_out(sent)
    assert TEXT in relay(sent).text
    assert f"could not be opened: {NO_KEY}; keys: " in relay(sent).words
    assert bot.lab.people.key_ids("carol")["sub"] in relay(sent).words
    assert card(sent, "Arrived") == ["in clear, with an encrypted part that we opened; not signed"]
