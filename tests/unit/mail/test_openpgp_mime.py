"""OpenPGP/MIME as gpg and readers' programs see it, and header protection."""

import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from email import policy
from email.parser import BytesParser
from pathlib import Path
from typing import Any

import pytest

from mailbot.mail.compose import message, mixed, original_part, raw_part, text_part
from mailbot.mail.entity import Entity, boundary
from mailbot.mail.fields import Unsendable, address_field, header_block
from mailbot.mail.openpgp_mime import encrypted, protect_cipher, protect_clear, signed

SEED = hashlib.sha256(b"a test's row").digest()
TITLE = "[EX-42] Überlauf in the PNG reader"
FROM = ("From", address_field("Example, Group", "security+42@example.org"))
COMMON = (
    ("To", "security+42@example.org"),
    ("Date", "Thu, 26 Nov 2026 14:47:00 +0000"),
    ("Message-ID", "<42.1@example.org>"),
)
INNER = (FROM, ("Subject", TITLE), *COMMON)
OUTER = (FROM, ("Subject", "[EX-42] new report"), *COMMON, ("X-Mailbot-Issue", "42"))
REPORT = (
    b"From: j@research.example\r\nSubject: x\r\n\r\nGr\xfc\xdfe \r\nFrom here on\r\n-- \r\n" + b"y" * 2000 + b"\r\n"
)
WRONG_ARMOR = b"-----BEGIN PGP MESSAGE-----\r\n\r\nx\r\n-----END PGP MESSAGE-----\r\n"

Gpg = Callable[..., "subprocess.CompletedProcess[bytes]"]


@pytest.fixture(scope="module")
def gpg() -> Iterator[Gpg]:
    home = Path(tempfile.mkdtemp(prefix="mb-"))
    environment = {**os.environ, "GNUPGHOME": str(home)}

    def run(*arguments: str, data: bytes = b"", ok: bool = True) -> "subprocess.CompletedProcess[bytes]":
        command = ["gpg", "--batch", "--quiet", "--no-tty", "--trust-model", "always", *arguments]
        done = subprocess.run(command, input=data, capture_output=True, env=environment, timeout=60)
        assert (done.returncode == 0) is ok, done.stderr
        return done

    run("--passphrase", "", "--quick-gen-key", "group@example.org", "future-default", "default", "never")
    yield run
    subprocess.run(["gpgconf", "--kill", "all"], env=environment, timeout=60, check=False)
    shutil.rmtree(home, ignore_errors=True)


def crlf(data: bytes) -> bytes:
    return data.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


def sign(gpg: Gpg, root: Entity) -> bytes:
    return crlf(gpg("--armor", "--detach-sign", "--digest-algo", "sha512", data=b"".join(root.pieces())).stdout)


def verify(gpg: Gpg, content: bytes, signature: bytes, tmp_path: Path) -> bool:
    (tmp_path / "content").write_bytes(content)
    (tmp_path / "signature").write_bytes(signature)
    command = ("--status-fd", "1", "--verify", str(tmp_path / "signature"), str(tmp_path / "content"))
    done = gpg(*command, ok=b"tampered" not in content)
    return b"GOODSIG" in done.stdout


def parsed(raw: bytes) -> Any:
    return BytesParser(policy=policy.default).parsebytes(raw)


def signed_bytes(raw: bytes) -> tuple[bytes, bytes]:
    """The signed part and the signature, cut out as RFC 3156 5 says, with nothing of our own code."""
    found = re.search(rb'multipart/signed;.*?boundary="([^"]+)"', raw, re.DOTALL)
    assert found is not None
    _, first, second, _ = raw.split(b"--" + found[1])
    return first.removeprefix(b"\r\n").removesuffix(b"\r\n"), second.partition(b"\r\n\r\n")[2]


def clear_mail(gpg: Gpg, entity: Entity) -> bytes:
    root = protect_clear(entity, INNER)
    return b"".join(message(INNER, signed(root, sign(gpg, root), "pgp-sha512", SEED)))


@pytest.mark.parametrize(
    "entity",
    [
        text_part("Plain.\n"),
        text_part("Grüße \n\nFrom here on\n-- \nGroup\n.\n" + "long " * 300),
        mixed([text_part("card \n"), raw_part(REPORT, 10_000, "original.eml")], SEED),
        text_part(""),
    ],
    ids=["plain", "delicate", "attachment", "empty"],
)
def test_gpg_verifies_a_mail_that_we_sign(entity: Entity, gpg: Gpg, tmp_path: Path) -> None:
    raw = clear_mail(gpg, entity)
    content, signature = signed_bytes(raw)
    assert verify(gpg, content, signature, tmp_path)
    assert not verify(gpg, content + b"tampered", signature, tmp_path)


def test_a_signed_mail_survives_a_mail_system_that_strips_trailing_space_and_quotes_from_lines(
    gpg: Gpg, tmp_path: Path
) -> None:
    raw = clear_mail(gpg, text_part("Grüße \n\nFrom here on\n.\n-- \nGroup\n"))
    changed = re.sub(rb"[ \t]+\r\n", b"\r\n", raw).replace(b"\r\nFrom ", b"\r\n>From ")
    assert verify(gpg, *signed_bytes(changed), tmp_path)


def test_a_signed_mail_has_the_shape_that_readers_expect(gpg: Gpg) -> None:
    mail = parsed(clear_mail(gpg, text_part("Hello\n")))
    assert mail.defects == []
    assert mail.get_content_type() == "multipart/signed"
    assert mail.get_param("protocol") == "application/pgp-signature"
    assert mail.get_param("micalg") == "pgp-sha512"
    root, signature = mail.iter_parts()
    assert root.get_content() == "Hello\r\n"
    assert signature.get_content_type() == "application/pgp-signature"


@pytest.mark.parametrize(
    "entity",
    [
        mixed([text_part("card"), original_part(REPORT)], SEED),
        Entity((("Content-Type", "text/plain"),), (b"trailing \r\n",)),
        Entity((("Content-Type", "text/plain"),), (b"x" * 999,)),
    ],
    ids=["8bit", "trailing space", "long line"],
)
def test_what_mail_systems_may_change_is_not_signed_in_clear(entity: Entity) -> None:
    armor = b"-----BEGIN PGP SIGNATURE-----\r\n\r\nx\r\n-----END PGP SIGNATURE-----\r\n"
    with pytest.raises(Unsendable):
        signed(entity, armor, "pgp-sha512", SEED)
    inside = signed(entity, armor, "pgp-sha512", SEED, inside_encryption=True)
    assert inside.body[1 : 1 + len(entity.body)] == entity.body


@pytest.mark.parametrize(
    ("signature", "micalg"),
    [
        (b"", "pgp-sha512"),
        (WRONG_ARMOR, "pgp-sha512"),
        (b"-----BEGIN PGP SIGNATURE-----\r\n\r\nx\r\n", "pgp-sha512"),
        (b"-----BEGIN PGP SIGNATURE-----\r\n\r\nx\r\n-----END PGP SIGNATURE-----\r\n", 'sha512"; x="'),
    ],
)
def test_what_is_no_signature_is_refused(signature: bytes, micalg: str) -> None:
    with pytest.raises(Unsendable):
        signed(text_part("x"), signature, micalg, SEED)


@pytest.mark.parametrize(
    "armored",
    [
        b"",
        b"the plaintext\r\n",
        b"-----BEGIN PGP SIGNATURE-----\r\n",
        WRONG_ARMOR.replace(b"x", b"\xfc"),
        WRONG_ARMOR[:-20],
    ],
)
def test_plaintext_can_never_stand_where_ciphertext_belongs(armored: bytes) -> None:
    with pytest.raises(Unsendable):
        encrypted(armored, SEED)


def secret_root() -> Entity:
    return protect_cipher(mixed([text_part("the card\n"), original_part(REPORT)], SEED), INNER, OUTER)


def secret_mail(gpg: Gpg, root: Entity) -> bytes:
    arguments = ("--armor", "--sign", "--encrypt", "--recipient", "group@example.org")
    armored = crlf(gpg(*arguments, data=b"".join(root.pieces())).stdout)
    return b"".join(message(OUTER, encrypted(armored, SEED)))


def test_gpg_decrypts_a_mail_that_we_encrypt_and_the_original_is_byte_for_byte(gpg: Gpg) -> None:
    root = secret_root()
    mail = parsed(secret_mail(gpg, root))
    assert mail.defects == []
    assert mail.get_content_type() == "multipart/encrypted"
    assert mail.get_param("protocol") == "application/pgp-encrypted"
    control, body = mail.iter_parts()
    assert control.get_content_type() == "application/pgp-encrypted"
    assert control.get_payload(decode=True) == b"Version: 1\r\n"
    opened = gpg("--status-fd", "2", "--decrypt", data=body.get_payload(decode=True))
    assert b"GOODSIG" in opened.stderr
    assert opened.stdout == b"".join(root.pieces())
    border = b"\r\n--" + boundary(SEED, "mixed").encode()
    original = opened.stdout.split(border)[2].partition(b"\r\n\r\n")[2]
    assert hashlib.sha256(original).digest() == hashlib.sha256(REPORT).digest()


def test_a25b_nothing_of_the_protected_fields_stands_outside_the_encryption(gpg: Gpg) -> None:
    raw = secret_mail(gpg, secret_root())
    assert parsed(raw)["Subject"] == "[EX-42] new report"
    for form in (TITLE.encode(), header_block([("Subject", TITLE)]).removeprefix(b"Subject: ").strip(), b"PNG reader"):
        assert form not in raw


def test_an_encrypted_mail_carries_its_real_fields_inside_and_a_record_of_the_outer_ones() -> None:
    raw = b"".join(secret_root().pieces())
    inner = parsed(raw)
    assert inner.get_param("hp") == "cipher"
    assert inner.get_param("protected-headers") == "v1"
    assert inner["Subject"] == TITLE
    assert inner["Message-ID"] == "<42.1@example.org>"
    assert inner["From"].addresses[0].display_name == "Example, Group"
    assert inner.get_all("HP-Outer") == [
        'From: "Example, Group" <security+42@example.org>',
        "Subject: [EX-42] new report",
        "To: security+42@example.org",
        "Date: Thu, 26 Nov 2026 14:47:00 +0000",
        "Message-ID: <42.1@example.org>",
        "X-Mailbot-Issue: 42",
    ]
    # Before the structural fields, and the mail is still what it was.
    assert raw.startswith(b"From:")
    assert [part.get_content_type() for part in inner.iter_parts()] == ["text/plain", "message/rfc822"]


def test_the_record_holds_an_encoded_outer_subject_as_it_stands_on_the_wire() -> None:
    outer = (("Subject", "[EX-42] neuer Bericht für die Gruppe"),)
    root = protect_cipher(text_part("x"), (), outer)
    wire = header_block(outer).replace(b"\r\n ", b" ")
    assert header_block(root.fields).replace(b"\r\n ", b" ").startswith(b"HP-Outer: " + wire)


def test_a_signed_mail_carries_its_fields_inside_and_no_record(gpg: Gpg) -> None:
    mail = parsed(clear_mail(gpg, text_part("Hello\n")))
    root = next(mail.iter_parts())
    assert root.get_param("hp") == "clear"
    assert root.get_param("protected-headers") == "v1"
    assert mail["Subject"] == root["Subject"] == TITLE
    for name, _ in INNER:
        assert mail[name] == root[name]
    assert root["HP-Outer"] is None
    assert root["MIME-Version"] is None


def test_structural_fields_are_not_copied_inside() -> None:
    fields = (("MIME-Version", "1.0"), ("Content-Type", "text/html"), ("Subject", "x"))
    assert [name for name, _ in protect_clear(text_part("x"), fields).fields] == [
        *("Subject", "Content-Type", "Content-Transfer-Encoding"),
    ]


def test_a21_a_protected_field_cannot_smuggle_another_one() -> None:
    with pytest.raises(Unsendable):
        protect_cipher(text_part("x"), (), (("Subject", "a\r\nBcc: b"),))
    with pytest.raises(Unsendable):
        protect_clear(text_part("x"), (("Subject", "a\nBcc: b"),)).pieces()
