"""OpenPGP that is made to cost time or memory, or to put words into a member's mouth."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from mailbot.service import opening
from mailbot.service.ports import Decryption, Opened
from tests.openpgp_keys import Lab
from tests.twins import FakeOpenPGP
from tests.unit.service.test_opening import encrypted, head, pgp_mime, to_alice
from tests.world import World, world

CAROL = '\n[[member]]\nid = "carol"\nname = "Carol"\nemail = "carol@reporters.example"\nfingerprint = "{}"\n'


@pytest.fixture
def bot(short_path: Path, lab: Lab) -> Iterator[World]:
    with world(short_path, lab) as made:
        yield made


def signed(lab: Lab, name: str, content: str, boundary: str = "s") -> str:
    """multipart/signed as an entity, without the mail's own header."""
    part = (
        f"Content-Type: text/plain; charset=utf-8\r\n\r\n{content}\r\n" if "Content-Type:" not in content else content
    )
    signature = lab.people.sign(name, part.encode(), "--digest-algo=SHA512").decode().replace("\n", "\r\n")
    return (
        f'Content-Type: multipart/signed; protocol="application/pgp-signature"; boundary={boundary}\r\n\r\n'
        f"--{boundary}\r\n{part}\r\n--{boundary}\r\nContent-Type: application/pgp-signature\r\n\r\n{signature}\r\n"
        f"--{boundary}--\r\n"
    )


def mail_of(entity: str, author: str = "m@evil.example") -> bytes:
    return f"From: {author}\r\nMessage-ID: <s@evil.example>\r\n{entity}".encode()


# Memory


class Bombs(FakeOpenPGP):
    """Whatever it is given unpacks to so much."""

    def decrypt(self, _: bytes) -> Decryption:
        self._called("decrypt")
        return Decryption(Opened.DECRYPTED, b"x" * 30_000_000)


def attached(names: int) -> bytes:
    parts = "".join(
        f'--b\r\nContent-Type: application/octet-stream; name="{number}.gpg"\r\n'
        f'Content-Disposition: attachment; filename="{number}.gpg"\r\n\r\n-----BEGIN PGP MESSAGE-----\r\n{number}\r\n'
        for number in range(names)
    )
    return f"{head('multipart/mixed; boundary=b')}\r\n--b\r\n\r\nhello\r\n{parts}--b--\r\n".encode()


def test_a23_twenty_bombs_in_one_mail_take_no_more_memory_than_one(bot: World) -> None:
    raw = attached(20)
    content = opening.opened(raw, bot.parser.parse(raw), bot.parser, Bombs())
    assert sum(len(piece.data) for piece in content.pieces) <= opening.UNPACKED
    assert len(content.pieces) == 2
    assert "it unpacks to more than is allowed" in " ".join(content.remarks)


def test_a23_a_bomb_in_the_text_is_shown_in_part_and_goes_along_once(bot: World) -> None:
    block = "-----BEGIN PGP MESSAGE-----\r\n{}\r\n-----END PGP MESSAGE-----\r\n"
    raw = (head("text/plain") + "\r\n" + "".join(block.format(number) for number in range(20))).encode()
    content = opening.opened(raw, bot.parser.parse(raw), bot.parser, Bombs())
    assert len(content.text) < 2 * opening.TEXT_SHOWN
    assert "see the attached" in content.text
    assert [piece.name for piece in content.pieces] == ["decrypted.txt", "decrypted-2.txt"]
    assert sum(len(piece.data) for piece in content.pieces) <= opening.UNPACKED


def test_a23_of_several_real_bombs_only_so_much_goes_along(bot: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "UNPACKED", 5_000_000)
    bomb = encrypted(bot.lab, "0" * 4_000_000)
    part = (
        '--b\r\nContent-Disposition: attachment; filename="poc.txt.asc"\r\nContent-Type: application/octet-stream\r\n'
        f"\r\n{bomb}\r\n"
    )
    raw = f"{head('multipart/mixed; boundary=b')}\r\n--b\r\n\r\nhello\r\n{part * 4}--b--\r\n".encode()
    assert len(raw) < 100_000
    relay = to_alice(bot.receive(raw, "rita@out.example"))
    assert "hello" in relay.text
    assert len(list(relay.inside.iter_attachments())) == 2


# Who is heard


def test_a11_a_members_signed_text_inside_anothers_signature_is_nobodys_word(bot: World) -> None:
    entity = signed(bot.lab, "carol", signed(bot.lab, "alice", "I agree.", "i"), "o")
    bot.receive(mail_of(entity), "m@evil.example", "security+1@example.org")
    assert bot.dispositions() == ["report"]
    assert "signed more than once" in to_alice(bot.sent).words


def test_a11_a_members_signed_text_encrypted_under_anothers_signature_is_nobodys_word(bot: World) -> None:
    bot.receive(mail_of("Subject: x\r\n\r\nhello\r\n", "rita@out.example"), "rita@out.example")
    armor = encrypted(bot.lab, signed(bot.lab, "alice", "I agree."), by="carol")
    bot.receive(pgp_mime(armor), "m@evil.example", "security+1@example.org")
    assert "member" not in bot.dispositions()


def test_two_layers_signed_by_the_same_member_are_that_members_word(bot: World) -> None:
    bot.receive(mail_of("Subject: x\r\n\r\nhello\r\n", "rita@out.example"), "rita@out.example")
    armor = encrypted(bot.lab, signed(bot.lab, "alice", "I agree."), by="alice")
    bot.receive(pgp_mime(armor), "alice@members.example", "security+1@example.org")
    assert bot.dispositions() == ["report", "member"]


def test_a29_a_key_that_comes_with_a_mail_makes_nobody_a_member(short_path: Path, lab: Lab) -> None:
    """Carol's fingerprint stands in the config, her key was never imported (or was taken out)."""
    with world(short_path, lab, more_members=CAROL.format(lab.fingerprint("carol"))) as bot:
        bot.receive(mail_of("Subject: x\r\n\r\nhello\r\n", "rita@out.example"), "rita@out.example")
        key = lab.people.public("carol").replace("\n", "\r\n")
        content = (
            "Content-Type: multipart/mixed; boundary=k\r\n\r\n--k\r\nContent-Type: text/plain\r\n\r\nI agree.\r\n"
            f'--k\r\nContent-Type: application/pgp-keys; name="k.asc"\r\n\r\n{key}\r\n--k--'
        )
        raw = mail_of(signed(lab, "carol", content), "carol@reporters.example")
        sent = bot.receive(raw, "carol@reporters.example", "security+1@example.org")
        assert bot.dispositions() == ["report", "follow-up"]
        assert "not that member's good signature" in to_alice(sent).words


# What members get of what cannot be opened


def test_a16_a_large_ciphertext_that_cannot_be_opened_is_relayed_whole(bot: World) -> None:
    """Half of it is of no use to the member who has the key it names."""
    random = "".join(str(number * 7919 % 1_000_003) for number in range(400_000))
    raw = pgp_mime(bot.lab.people.encrypt(random.encode(), [bot.lab.fingerprint("carol")]).decode())
    raw = raw.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    assert len(raw) > 1_200_000
    relay = to_alice(bot.receive(raw, "rita@out.example"))
    _, sealed = relay.mail.iter_parts()
    assert raw in bot.lab.people.gpg("--decrypt", data=sealed.get_content())
    assert "It is attached as it came" in relay.words
