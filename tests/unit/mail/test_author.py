"""Reading From: strict, total, and never a synthetic address."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailbot.mail.author import AUTHORS, Author, authors, mailboxes
from mailbot.mail.international import readable
from mailbot.mail.parse import parse


def of(value: str | bytes) -> tuple[Author, ...]:
    data = value.encode() if isinstance(value, str) else value
    return authors(parse(b"From: " + data + b"\r\n\r\n"))


@pytest.mark.parametrize(
    ("value", "name", "address"),
    [
        ("a@example.com", "", "a@example.com"),
        ("<a@example.com>", "", "a@example.com"),
        ("Ann <a@example.com>", "Ann", "a@example.com"),
        ("Ann B. Cee <a.b+c@sub.example.com>", "Ann B. Cee", "a.b+c@sub.example.com"),
        ('"Cee, Ann" <a@example.com>', "Cee, Ann", "a@example.com"),
        (r'"Ann \"A\" Cee" <a@example.com>', 'Ann "A" Cee', "a@example.com"),
        ("a@example.com (Ann (the first))", "Ann (the first)", "a@example.com"),
        ("=?utf-8?q?J=C3=B6rg?= <j@example.com>", "Jörg", "j@example.com"),
        ("=?utf-8?q?Cee=2C_Ann?= <a@example.com>", "Cee, Ann", "a@example.com"),
        ('"=?utf-8?q?J=C3=B6rg?=" <j@example.com>', "Jörg", "j@example.com"),
        ("Jörg <j@example.com>", "Jörg", "j@example.com"),
        ("a@example.com <a@example.com>", "a@example.com", "a@example.com"),
        ("O'Neil <o'neil@example.com>", "O'Neil", "o'neil@example.com"),
        ("Ann\r\n <a@example.com>", "Ann", "a@example.com"),
        ("Ann <A@Example.COM> (work)", "Ann", "A@Example.COM"),
    ],
)
def test_one_author(value: str, name: str, address: str) -> None:
    assert of(value) == (Author(name, address),)


def test_raw_latin1_names_are_read() -> None:
    assert of(b"J\xf6rg <j@example.com>") == (Author("Jörg", "j@example.com"),)


def test_a12_every_from_field_counts() -> None:
    mail = parse(b"From: a@example.com\r\nfrom : b@example.com\r\n\r\n")
    assert [author.address for author in authors(mail)] == ["a@example.com", "b@example.com"]


@pytest.mark.parametrize(
    "value",
    [
        "a@example.com, b@example.com",
        "Ann <a@example.com>, <b@example.com>",
        "Ann <a@example.com>; Bob <b@example.com>",
        "<a@example.com><b@example.com>",
        "<a@example.com> b@example.com",
        "group: a@example.com, b@example.com;",
    ],
)
def test_a13_several_addresses_are_all_reported(value: str) -> None:
    assert [author.address for author in of(value)] == ["a@example.com", "b@example.com"]


VICTIM = "victim@example.com"

# What makes some reader see the victim's address; to us it must be no address at all, or evil's, or more than one.
SPOOFS = [
    f"=?utf-8?q?{VICTIM.replace('@', '=40')}?= <evil@example.net>",
    f"=?utf-8?q?=3C{VICTIM.replace('@', '=40')}=3E?= <evil@example.net>",
    f"=?utf-8?q?{VICTIM.replace('@', '=40')}=2C?= <evil@example.net>",
    "=?utf-8?b?dmljdGltQGV4YW1wbGUuY29t?=",
    "=?utf-8?b?PHZpY3RpbUBleGFtcGxlLmNvbT4A?=<evil@example.net>",
    f'"{VICTIM}" <evil@example.net>',
    f'"<{VICTIM}>" <evil@example.net>',
    f"{VICTIM} <evil@example.net>",
    f"({VICTIM}) evil@example.net",
    f"<{VICTIM}(>evil@example.net",
    f'"{VICTIM}\\"" <evil@example.net>',
    f'"{VICTIM}"@example.net',
    '"victim"@example.com',
    '"victim@example.com',
    "vic(x)tim@example.com",
    "victim(x)@example.com",
    "victim@(x)example.com",
    "victim @ example.com",
    "victim@example.com@example.net",
    "<victim@example.com@example.net>",
    "<@example.net:victim@example.com>",
    "<@example.net,@example.org:victim@example.com>",
    "<victim@example.com,evil@example.net>",
    "<victim@example.com",
    "<<victim@example.com>>",
    "victim@example.com\\",
    "victim\x00@example.com",
    "victim@example.com\x00@example.net",
    "<victim@exam\tple.com>",
    "<victim@example.com\r\n >evil",
    "victim@[192.0.2.1]",
    "victim@example..com",
    ".victim@example.com",
    "victim@-example.com",
    "victim\u202e@example.com",
    "v\u0131ctim@example.com",
    "victim@ex\u0430mple.com",
    '"',
    '"\\',
    "(",
    "(" * 2_000 + ")" * 2_000,
    "<",
    ">",
    ":;",
    ",,,,",
    "",
]


@pytest.mark.parametrize("value", SPOOFS)
def test_a_hostile_from_never_yields_exactly_the_victim(value: str) -> None:
    found = of(value)
    assert [author.address for author in found] != [VICTIM]
    alike = value if not value.isascii() else ""
    assert all(author.address in ("", "evil@example.net", VICTIM, alike) for author in found)


@pytest.mark.parametrize("address", ["jörg@bücher.example", "用户@例子.广告", "jörg@example.org", "j@bücher.example"])
def test_an_international_address_of_letters_is_one(address: str) -> None:
    assert of(f"Jörg <{address}>") == (Author("Jörg", address),)
    assert of(address)[0].address == address


@pytest.mark.parametrize(
    "address",
    [
        "vi\u200bctim@example.com",  # invisible
        "\u212aate@example.com",  # the Kelvin sign, whose small letter is a k
        "jo\u0308rg@example.com",  # not in normal form
        "victim\uff20example.com@example.net",
        "ö@-a.example",
        "ö..a@b.example",
        "@ö.example",
        "☃@example.com",
        "ö" * 33 + "@example.com",
    ],
)
def test_one_of_anything_else_is_none(address: str) -> None:
    assert of(f"<{address}>")[0].address == ""


def test_nested_comments_cost_nothing() -> None:
    assert of("(" * 40_000 + ")" * 40_000 + "a@example.com")[0].address == "a@example.com"


def test_there_is_a_cap() -> None:
    assert len(of("a@example.com," * 5_000)) == AUTHORS


@given(st.text(alphabet='ab@.<>(),:;"\\ \t=?[]é', max_size=60) | st.text(max_size=40))
def test_every_address_literally_stands_there(value: str) -> None:
    for author in mailboxes(value):
        assert author.address == "" or f"<{author.address}>" in value.replace(" ", "") or author.address in value
        assert author.address.isascii() or readable(author.address)
        assert not set(author.address) & set('<>(),:;"\\ \t\r\n')
        assert author.address.count("@") <= 1
