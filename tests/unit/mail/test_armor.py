"""Blocks of armor in texts: found where they are, mended as gpg wants them, in time that grows with the text."""

import time

import pytest

from mailbot.mail.armor import Kind, blocks, has_message, is_ciphertext

LINE = "hQEMA1234567890123456789012abcdefghijklmnopqrstuvwxyz"
CLEAN = f"-----BEGIN PGP MESSAGE-----\n\n{LINE}\n=abcd\n-----END PGP MESSAGE-----\n".encode()


@pytest.mark.parametrize("kind", list(Kind))
@pytest.mark.parametrize("line", ["", LINE, "-----END PGP "], ids=["bare", "with armor", "with half an end"])
def test_thousands_of_beginnings_without_an_end_are_read_in_no_time(kind: Kind, line: str) -> None:
    """They took half a minute each time, in which nothing else of the process could run."""
    text = f"-----BEGIN PGP {kind}-----\n{line}\n" * 7000
    started = time.process_time()
    for block in blocks(text):
        block.armored()
    assert time.process_time() - started < 2.0


def test_blocks_are_found_where_they_are() -> None:
    message = f"-----BEGIN PGP MESSAGE-----\n\n{LINE}\nab-c-----d\n=x\n-----END PGP MESSAGE-----"
    clear = (
        "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n\ntext\n- -----BEGIN PGP MESSAGE-----\n- - a -- b\n"
        "-----BEGIN PGP SIGNATURE-----\n\nabc\n-----END PGP SIGNATURE-----"
    )
    key = "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nabc\n-----END PGP PUBLIC KEY BLOCK-----"
    text = (
        f"-----BEGIN PGP MESSAGE-----\nlost its end\n{message}\nbetween\n{clear}\n{key}\n-----BEGIN PGP SIGNATURE-----"
    )
    found = list(blocks(text))
    assert [(block.kind, block.text) for block in found] == [
        (Kind.MESSAGE, message), (Kind.SIGNED, clear), (Kind.PUBLIC_KEY, key),
    ]  # fmt: skip
    assert all(text[block.start : block.end] == block.text and block.complete for block in found)


@pytest.mark.parametrize(
    "text",
    [
        f"-----BEGIN PGP MESSAGE-----\nVersion: GnuPG v2\nComment: me\n\n{LINE}\n=abcd\n-----END PGP MESSAGE-----",
        f"-----BEGIN PGP MESSAGE-----\nVersion: GnuPG v2\n{LINE}\n=abcd\n-----END PGP MESSAGE-----",
        f"-----BEGIN PGP MESSAGE-----\n{LINE}\n=abcd\n-----END PGP MESSAGE-----",
        f"  -----BEGIN PGP MESSAGE-----  \n \n  {LINE}  \n\n  =abcd\n  -----END PGP MESSAGE-----",
        f"\u00a0-----BEGIN PGP MESSAGE-----\n\u00a0\n{LINE}\u00a0\n=abcd\n-----END PGP MESSAGE-----",
        f"-----BEGIN PGP MESSAGE----- Version: GnuPG v2.1.0 (Linux) {LINE} =abcd -----END PGP MESSAGE-----",
        f"-----BEGIN PGP MESSAGE----- {LINE} =abcd -----END PGP MESSAGE-----",
        f"-----BEGIN PGP MESSAGE-----\n\n{LINE}\n=abcd\n",
    ],
    ids=["clean", "no blank line", "no header", "indented", "hard spaces", "one line", "one line bare", "no end"],
)
def test_a_message_is_mended(text: str) -> None:
    (block,) = blocks(f"Hello\n{text}")
    assert block.kind is Kind.MESSAGE
    assert block.armored() == CLEAN


@pytest.mark.parametrize(
    "text",
    [
        "A file that holds -----BEGIN PGP MESSAGE----- makes it crash.\n",
        "-----BEGIN PGP MESSAGE-----\nis what the parser looks for, and it never looks for the end.\n",
        "> -----BEGIN PGP MESSAGE-----\n> " + LINE + "\n> -----END PGP MESSAGE-----\n",
        "-----BEGIN PGP SIGNED MESSAGE-----\nwithout a signature\n",
    ],
)
def test_who_writes_about_armor_has_not_encrypted(text: str) -> None:
    assert list(blocks(text)) == []


def test_the_charset_of_a_block_is_what_its_armor_says() -> None:
    (block,) = blocks(f"-----BEGIN PGP MESSAGE-----\nCharset: ISO-8859-1\n\n{LINE}\n-----END PGP MESSAGE-----")
    assert block.charset == "ISO-8859-1"


def test_two_messages_with_the_same_long_header_are_two() -> None:
    header = "Version: Mailvelope v4.4.1\nComment: https://www.mailvelope.com/" + "x" * 150
    text = "".join(
        f"-----BEGIN PGP MESSAGE-----\n{header}\n\n{letter}{LINE}\n=abcd\n-----END PGP MESSAGE-----\n"
        for letter in "ab"
    )
    assert len({block.key for block in blocks(text)}) == 2


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"-----BEGIN PGP MESSAGE-----\n\nhQ", True),
        (b"Content of my mail:\r\n\r\n-----BEGIN PGP MESSAGE-----\r\n", True),
        (bytes([0x85, 1, 12, 3]) + bytes(20), True),
        (bytes([0x84, 94, 3]) + bytes(20), True),
        (bytes([0xC1, 94, 3]) + bytes(20), True),
        (bytes([0xC1, 0xC0, 94, 3]) + bytes(20), True),
        (bytes([0xC1, 0xFF, 0, 0, 1, 12, 3]) + bytes(20), True),
        (bytes([0x8C, 13, 4]) + bytes(20), True),
        (bytes([0xC3, 13, 4]) + bytes(20), True),
        (b"-----BEGIN PGP PUBLIC KEY BLOCK-----\n", False),
        (bytes([0x99, 1, 12, 4]) + bytes(20), False),  # a key
        (bytes([0x85, 1, 12, 9]) + bytes(20), False),
        (b"\x89PNG\r\n\x1a\n" + bytes(20), False),
        (b"\xff\xd8\xff\xe0" + bytes(20), False),
        (b"it says -----BEGIN PGP MESSAGE-----", False),
        (b"\x85", False),
        (b"", False),
    ],
)  # fmt: skip
def test_ciphertext_is_known_by_how_it_begins(data: bytes, expected: bool) -> None:
    assert is_ciphertext(data) is expected
    assert has_message(data) is (expected and data.find(b"-----BEGIN") >= 0)
