"""What ``python -m tests.fuzz`` found, and a short run of it with a fixed seed."""

import random
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mailbot.mail.author import authors
from mailbot.mail.parse import parse
from mailbot.service import carried_keys
from mailbot.service.content import Content
from tests.fuzz import openpgp
from tests.fuzz.__main__ import mutated, read
from tests.openpgp_keys import Lab
from tests.twins import FakeOpenPGP
from tests.world import mail, world

AT = datetime(2026, 1, 1, tzinfo=UTC)


def test_a_short_run() -> None:
    chance = random.Random(20261124)
    for _ in range(400):
        raw = mutated(chance)
        read(raw)
        openpgp.read(raw, chance, mutated)


def test_letters_beyond_ascii_in_an_autocrypt_header_are_no_key() -> None:
    """They made handling the mail fail three times, and then it was relayed as if it could not be read."""
    raw = "From: ann@example.com\r\nAutocrypt: addr=ann@example.com; keydata=aaa\u00da\r\n\r\nhello\r\n".encode()
    outer = parse(raw)
    content = Content(outer, raw, outer.text)
    assert carried_keys.look(content, outer, "ann@example.com", FakeOpenPGP(), AT) == carried_keys.NOTHING


def test_a_report_with_such_a_header_is_an_ordinary_report(short_path: Path, lab: Lab) -> None:
    with world(short_path, lab) as bot:
        bot.receive(mail(Autocrypt="addr=rita@out.example; keydata=\u00da"), "rita@out.example")
        assert bot.dispositions() == ["report"]


@pytest.mark.parametrize(
    "value",
    [
        b"x@exampl\xdd",
        b"<x@exampl\xdd.example>",
        b"x@=?utf-8?q?b=C3=BC?=.example",
        b"Kim <x@=?utf-8?q?b=C3=BC?=.example>",
        b"x@=?iso-8859-1?q?b=FC?=.\xfc",
    ],
)
def test_a_guessed_or_encoded_letter_never_becomes_part_of_an_address(value: bytes) -> None:
    assert not any(author.address for author in authors(parse(b"From: " + value + b"\r\n\r\nhello\r\n")))


def test_a_guessed_or_encoded_letter_in_a_name_is_shown_as_it_is() -> None:
    for value in (b"J\xfcrgen M\xfc <j@out.example>", b"=?utf-8?q?J=C3=BCrgen_M=C3=BC?= <j@out.example>"):
        (author,) = authors(parse(b"From: " + value + b"\r\n\r\nhello\r\n"))
        assert (author.name, author.address) == ("Jürgen Mü", "j@out.example")
