"""Header decoding: RFC 2047 and the wild forms, and what must never come out of it."""

import pytest

from mailbot.mail import header
from mailbot.mail.parse import parse


def subject(value: bytes) -> str:
    return parse(b"Subject: " + value + b"\r\n\r\n").header("subject")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (b"plain", "plain"),
        (b"=?utf-8?q?J=C3=B6rg?=", "Jörg"),
        (b"=?UTF-8?B?SsO2cmc=?= says", "Jörg says"),
        (b"=?utf-8?B?SsO2cmc?= unpadded", "Jörg unpadded"),
        (b"=?iso-8859-1?q?J=F6rg_=93x=94?=", "Jörg “x”"),
        (b"=?iso-8859-1*de?q?J=F6rg?=", "Jörg"),
        (b"=?koi8-r?b?8NLJ18XU?=", "Привет"),
        (b"=?iso-2022-jp?b?GyRCJUYlOSVIGyhC?=", "テスト"),
        (b"=?gb2312?b?suLK1A==?=", "测试"),
        (b"=?utf-8?q?one?= =?utf-8?q?two?=", "onetwo"),
        (b"=?utf-8?q?one?=\r\n =?utf-8?q?two?=", "onetwo"),
        (b"=?utf-8?q?one?= and =?utf-8?q?two?=", "one and two"),
        (b"=?utf-8?q?=C3?= =?utf-8?q?=A4?=", "ä"),
        (b"=?no-such-charset?q?abc=E4?=", "abcä"),
        (b"=?utf-8?x?broken?=", "=?utf-8?x?broken?="),
        (b"=?utf-8?b?A?=", "=?utf-8?b?A?="),
        ("raw UTF-8 ä".encode(), "raw UTF-8 ä"),
        ("raw latin1 ä".encode("latin1"), "raw latin1 ä"),
        (b"folded\r\n one", "folded one"),
        (b"folded\r\n\tby tab", "folded by tab"),
        (b"inner\ttab", "inner tab"),
    ],
)
def test_a_subject_reads_as_meant(value: bytes, text: str) -> None:
    assert subject(value) == text


@pytest.mark.parametrize(
    "value",
    [
        b"=?utf-8?q?x=0D=0ABcc:_victim=40example.com?=",
        b"=?utf-8?b?eA0KQmNjOiB2aWN0aW1AZXhhbXBsZS5jb20=?=",
        b"=?utf-8?q?x=0A=0Abody?=",
        b"=?utf-8?q?x=E2=80=A8y=C2=85z?=",
        b"=?utf-16?b?//4KAA==?=",
        b"=?utf-7?q?a+AAoA-DQ-b?=",
        b"x\ry",
        b"=?utf-8?q?=00?=",
    ],
)
def test_a21_no_encoded_line_end_survives(value: bytes) -> None:
    text = subject(value)
    assert text.splitlines() in ([text], [])
    assert "\0" not in text


def test_control_and_bidi_characters_are_written_out() -> None:
    assert subject(b"=?utf-8?q?=1B=5B31m_=E2=80=AEx?=") == "[U+001B][31m [U+202E]x"


def test_decoded_words_in_address_fields_become_no_syntax() -> None:
    raw = b'From: =?utf-8?q?a=40b=2C?= <x@example.com>, "=?utf-8?q?q=22=3E?=" <y@example.com>\r\n\r\n'
    assert parse(raw).header("From") == '"a@b," <x@example.com>, "q\\">" <y@example.com>'


def test_names_keep_their_case_and_may_have_space_before_the_colon() -> None:
    assert parse(b"SuBject : x\r\nX-Y:z\r\n\r\n").headers == (("SuBject", "x"), ("X-Y", "z"))


def test_an_empty_block_has_no_fields() -> None:
    assert header.scan(b"\r\nbody", 0, 6) == ([], 2, False)
    assert header.scan(b"", 0, 0) == ([], 0, False)
    assert header.scan(b"X: y", 0, 4) == ([(b"X", b" y")], 4, False)
