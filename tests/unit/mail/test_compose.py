"""Parts and whole mails: what a reader's parser finds in them is what was put in."""

import hashlib
import tracemalloc
from email import policy
from email.parser import BytesParser
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mailbot.mail.compose import fits_clear, head, key_part, message, mixed, original_part, raw_part, text_part
from mailbot.mail.entity import Entity, boundary
from mailbot.mail.fields import Unsendable, address_field, header_block
from mailbot.mail.openpgp_mime import encrypted

SEED = hashlib.sha256(b"a test's row").digest()
FIELDS = (
    ("Message-ID", "<1@example.org>"),
    ("List-Id", "<security.example.org>"),
    ("Subject", "[EX-42] new report"),
    ("Date", "Thu, 26 Nov 2026 14:47:00 +0000"),
    ("To", "alice@members.example"),
    ("From", address_field("Example, Group", "security@example.org")),
)
REPORT = b"Received: from a by b\r\nFrom: j@research.example\r\nSubject: x\r\n\r\nHello\r\n-- \r\nJane \xfc\r\n"


def parsed(pieces: tuple[bytes, ...]) -> Any:
    return BytesParser(policy=policy.default).parsebytes(b"".join(pieces))


@given(st.text(max_size=300))
@example("ends in a bare CR\r")
@example("short\nASCII\n")
@example("From the start\n.\n-- \nsig\n")
@example("")
def test_a_text_arrives_as_it_was(text: str) -> None:
    mail = parsed(text_part(text).pieces())
    expected = text.replace("\r\n", "\n")
    expected += "" if expected.endswith("\n") or not expected else "\n"
    data = mail.get_payload(decode=True)
    assert data.replace(b"\r\n", b"\n").decode() == expected
    assert mail.get_content_type() == "text/plain"
    assert mail.get_content_charset() == "utf-8"
    assert fits_clear(b"".join(text_part(text).pieces()))


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("Plain and short.\n" * 100, "7bit"),
        ("Plain, no line end", "7bit"),
        ("", "7bit"),
        ("Grüße\n", "quoted-printable"),
        ("x" * 77, "quoted-printable"),
        ("-- \nsig\n", "quoted-printable"),
        ("tab\t\n", "quoted-printable"),
        ("ok\nFrom me\n", "quoted-printable"),
        (".\n", "quoted-printable"),
        ("bare\rCR\n", "quoted-printable"),
        ("bell\x07\n", "quoted-printable"),
    ],
)
def test_only_harmless_short_lines_go_unencoded(text: str, encoding: str) -> None:
    assert text_part(text).field("content-transfer-encoding") == encoding


def test_a_text_part_carries_further_fields() -> None:
    assert parsed(text_part("x", [("Content-Language", "en")]).pieces())["Content-Language"] == "en"


@pytest.mark.parametrize("raw", [REPORT, REPORT.rstrip(), REPORT + b"\r\n\r\n", b"", b"\r\n", b"no header at all"])
def test_the_original_is_attached_byte_for_byte(raw: bytes) -> None:
    whole = b"".join(mixed([text_part("card"), original_part(raw)], SEED).pieces())
    border = b"\r\n--" + boundary(SEED, "mixed").encode()
    part = whole.split(border)[2]
    header, _, body = part.partition(b"\r\n\r\n")
    assert body == raw
    assert b"\r\nContent-Type: message/rfc822\r\n" in header + b"\r\n"


def test_the_original_says_how_wide_it_is_and_so_does_what_holds_it() -> None:
    narrow = mixed([text_part("card"), original_part(b"a: b\r\n\r\nc\r\n")], SEED)
    wide = mixed([text_part("card"), original_part(REPORT)], SEED)
    assert original_part(REPORT).field("Content-Transfer-Encoding") == "8bit"
    assert original_part(b"a: b\r\n\r\nc\r\n").field("Content-Transfer-Encoding") == "7bit"
    assert wide.field("Content-Transfer-Encoding") == "8bit"
    assert narrow.field("Content-Transfer-Encoding") == ""


def test_a_mail_with_an_original_is_read_back_by_the_standard_library() -> None:
    mail = parsed((header_block(FIELDS), *mixed([text_part("the card"), original_part(REPORT)], SEED).pieces()))
    assert mail.defects == []
    card, original = mail.iter_parts()
    assert card.get_content() == "the card\r\n"
    assert original.get_content_type() == "message/rfc822"
    assert original.get_content_disposition() == "attachment"
    assert original.get_filename() == "original.eml"
    assert original.get_content()["Subject"] == "x"


def test_a_mail_whose_text_would_be_re_encoded_on_the_way_is_refused() -> None:
    eight_bit = mixed([text_part("the card"), original_part(REPORT)], SEED)
    with pytest.raises(Unsendable, match="8-bit"):
        message(FIELDS, eight_bit)
    armored = b"-----BEGIN PGP MESSAGE-----\r\n\r\nx\r\n-----END PGP MESSAGE-----\r\n"
    for safe in (raw_part(REPORT, 1000, "original.eml"), text_part("Grüße"), encrypted(armored, SEED)):
        assert b"".join(message(FIELDS, safe)).isascii()


@given(st.binary(max_size=300), st.integers(0, 300))
def test_raw_bytes_are_read_back_up_to_the_cap(raw: bytes, cap: int) -> None:
    entity = raw_part(raw, cap, "unreadable.bin")
    mail = parsed(entity.pieces())
    assert mail.get_payload(decode=True) == raw[:cap]
    assert mail.get_content_type() == "application/octet-stream"
    assert mail.get_filename() == "unreadable.bin"
    assert fits_clear(b"".join(entity.pieces()))


def test_large_raw_bytes_have_lines_of_76_and_no_gap_between_the_pieces() -> None:
    raw = bytes(range(256)) * 1000
    entity = raw_part(raw, len(raw), "x.bin")
    assert len(entity.body) > 1
    assert parsed(entity.pieces()).get_payload(decode=True) == raw
    assert {len(line) for line in b"".join(entity.body).split(b"\r\n")[:-2]} == {76}


@pytest.mark.parametrize("name", ["", "a b", 'a"b', "../x", "ä", ".hidden", "a\r\nb", "x" * 100])
def test_an_odd_file_name_is_refused(name: str) -> None:
    with pytest.raises(Unsendable):
        raw_part(b"", 1, name)


def test_a_public_key_is_attached_for_import() -> None:
    armored = "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nmQENBF\n-----END PGP PUBLIC KEY BLOCK-----\n"
    entity = key_part(armored, "security.asc")
    mail = parsed(entity.pieces())
    assert mail.get_content_type() == "application/pgp-keys"
    assert mail.get_filename() == "security.asc"
    assert b"".join(entity.body) == armored.replace("\n", "\r\n").encode()


@pytest.mark.parametrize(
    "text", ["", "-----BEGIN PGP PRIVATE KEY BLOCK-----\n\nx\n-----END PGP PRIVATE KEY BLOCK-----\n", "x"]
)
def test_anything_but_a_public_key_is_refused(text: str) -> None:
    with pytest.raises(Unsendable):
        key_part(text, "security.asc")


@pytest.mark.parametrize(
    ("raw", "fits"),
    [
        (b"", True),
        (b"a: b\r\n\r\n" + b"plain text\r\n" * 1000, True),
        (b"x" * 998 + b"\r\n", True),
        (b"x" * 999 + b"\r\n", False),
        (b"a\r\n" * 500 + b"x" * 999 + b"\r\n" + b"a\r\n" * 500, False),
        (b"x" * 998, True),
        (b"x" * 999, False),
        (b"a\r\n" + b"x" * 999, False),
        (b"sig\r\n-- \r\nme\r\n", False),
        (b"tab\t\r\n", False),
        (b"end ", False),
        (b"\xfc\r\n", False),
        (b"nul\0\r\n", False),
        (b"From x\r\n", False),
        (b"a\r\nFrom x\r\n", False),
        (b"From: x\r\n", True),
    ],
)
def test_only_what_no_mail_system_changes_may_be_signed_in_clear(raw: bytes, fits: bool) -> None:
    assert fits_clear(raw) is fits


@given(st.lists(st.integers(0, 1010), max_size=8))
def test_long_lines_are_found_wherever_they_are(lengths: list[int]) -> None:
    raw = b"".join(b"x" * length + b"\r\n" for length in lengths)
    assert fits_clear(raw) is all(length <= 998 for length in lengths)


def test_header_fields_stand_in_the_usual_order() -> None:
    block = head([*FIELDS, ("X-Mailbot-Issue", "42"), ("Auto-Submitted", "auto-generated")], text_part("x"))
    names = [line.split(b":")[0].decode() for line in block.split(b"\r\n") if line]
    assert names == [
        *("From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", "MIME-Version", "Content-Type"),
        *("Content-Transfer-Encoding", "List-Id", "X-Mailbot-Issue"),
    ]


@pytest.mark.parametrize("missing", ["From", "To", "Date", "Message-ID"])
def test_a_mail_without_a_field_that_every_mail_has_is_refused(missing: str) -> None:
    with pytest.raises(Unsendable, match=missing):
        message([field for field in FIELDS if field[0] != missing], text_part("x"))


def test_a_field_that_stands_twice_is_refused() -> None:
    with pytest.raises(Unsendable, match="from"):
        message([*FIELDS, ("FROM", "mallory@attacker.example")], text_part("x"))


def test_boundaries_follow_from_the_seed_and_the_use_alone() -> None:
    other = hashlib.sha256(b"another row").digest()
    assert boundary(SEED, "mixed") == boundary(SEED, "mixed")
    assert len({boundary(seed, use) for seed in (SEED, other) for use in ("mixed", "signed", "encrypted")}) == 6
    assert len(boundary(SEED, "mixed")) == 2 + 32
    with pytest.raises(ValueError, match="128 bits"):
        boundary(b"short", "mixed")


@settings(max_examples=20)
@given(st.text(max_size=100))
def test_the_same_values_give_the_same_bytes(text: str) -> None:
    def build() -> bytes:
        return b"".join(
            message(FIELDS, mixed([text_part(text), raw_part(text.encode("utf-8", "replace"), 50, "x")], SEED))
        )

    assert build() == build()


def test_a_large_original_is_never_copied() -> None:
    raw = b"Subject: large\r\n\r\n" + b"x" * 70 + b"\r\n" * 1 + (b"y" * 76 + b"\r\n") * 320_000
    assert len(raw) > 24_000_000
    tracemalloc.start()
    try:
        pieces = message(FIELDS, mixed([text_part("card"), original_part(raw)], SEED))
        assert fits_clear(raw)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 100_000
    assert any(piece is raw for piece in pieces)


def test_an_entity_without_pieces_is_only_its_header() -> None:
    assert Entity((("Content-Type", "text/plain"),), ()).pieces() == (b"Content-Type: text/plain\r\n\r\n",)
