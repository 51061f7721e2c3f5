"""Text for people: charsets, control characters, flowed text, transfer encodings."""

import base64
import quopri

import pytest

from mailbot.mail import flowed, limits
from mailbot.mail.parse import content, parse


def body(data: bytes, content_type: str = "text/plain", encoding: str = "8bit") -> str:
    head = f"Content-Type: {content_type}\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n".encode()
    return parse(head + data).text


@pytest.mark.parametrize(
    ("label", "data", "text"),
    [
        ("utf-8", "grüße".encode(), "grüße"),
        ("iso-8859-1", "grüße".encode("latin1"), "grüße"),
        ("ISO-8859", "grüße".encode("latin1"), "grüße"),
        ("iso-8859-1", "“quoted” €".encode("cp1252"), "“quoted” €"),
        ("iso-8859-1", "really UTF-8 ä".encode(), "really UTF-8 ä"),
        ("us-ascii", "really UTF-8 ä".encode(), "really UTF-8 ä"),
        ("utf-8", "really latin1: Grüße aus Köln".encode("latin1"), "really latin1: Grüße aus Köln"),
        ("iso-8859-15", "€".encode("iso8859-15"), "€"),
        ("koi8-r", "Привет".encode("koi8-r"), "Привет"),
        ("windows-1251", "Привет".encode("cp1251"), "Привет"),
        ("shift_jis", "テスト".encode("cp932"), "テスト"),
        ("iso-2022-jp", "テスト".encode("iso2022_jp"), "テスト"),
        ("euc-kr", "시험".encode("euc-kr"), "시험"),
        ("gb2312", "测试".encode("gb18030"), "测试"),
        ("big5", "測試".encode("big5"), "測試"),
        ("utf-16", "ä".encode("utf-16"), "ä"),
        ("utf-7", b"Hi Mom +Jjo-!", "Hi Mom ☺!"),
        ("hz-gb-2312", b"~{<:Ky2;S{#,NpJ)l6HK!#~}", "己所不欲，勿施於人。"),  # noqa: RUF001
        ("x-unknown", "grüße".encode(), "grüße"),
        ("idna", b"xn--a", "xn--a"),
        ("unicode_escape", rb"\x41", r"\x41"),
        ("rot13", b"abc", "abc"),
        ("", "ä".encode(), "ä"),
    ],
)
def test_a44_every_charset_reads(label: str, data: bytes, text: str) -> None:
    assert body(data, f'text/plain; charset="{label}"') == text


def test_unlabelled_bytes_are_guessed_from_statistics() -> None:
    russian = "Переполнение буфера в разборщике приводит к выполнению произвольного кода. " * 5
    assert body(russian.encode("cp1251"), "text/plain; charset=x-unknown") == russian


def test_a44_garbage_reads_as_something() -> None:
    text = body(bytes(range(256)) * 4, "text/plain; charset=utf-8")
    assert text
    assert "\0" not in text
    assert "\x1b" not in text


def test_control_and_bidi_characters_are_visible() -> None:
    text = body("a\x00b\x1b[31mc\u202ed\u2066e\x7ff\x85g\u2028h\ufeffi\u200bj\tk".encode())
    assert text == ("a[U+0000]b[U+001B][31mc[U+202E]d[U+2066]e[U+007F]f[U+0085]g[U+2028]h[U+FEFF]i[U+200B]j\tk")


def test_what_languages_and_emoji_need_stays() -> None:
    text = "نمی\u200cخواهم 👩\u200d💻 co\u00adop"  # noqa: RUF001
    assert body(text.encode()) == text


def test_surrogates_cannot_come_out_of_utf7() -> None:
    body(b"+2AA-", "text/plain; charset=utf-7").encode()


@pytest.mark.parametrize("content_type", ["text/plain", "text/html"])
def test_a22_template_syntax_stays_literal(content_type: str) -> None:
    text = "{{7*7}} ${7*7} {% raw %} #{x} %(x)s {0}"
    mail = parse(f"Subject: {text}\r\nContent-Type: {content_type}\r\n\r\n{text}".encode())
    assert mail.header("Subject") == text
    assert mail.text.strip() == text


def test_a_bare_cr_is_a_line_end() -> None:
    assert body(b"a\rb\r\nc\n") == "a\nb\nc\n"


def test_what_is_written_out_stays_under_the_cap() -> None:
    text = body(b"\x01" * 200_000)
    assert len(text) < limits.TEXT_BYTES + 100
    assert text.endswith("more bytes, see the attached original]\n")


def test_a_cap_cuts_no_character_in_two() -> None:
    assert "\ufffd" not in body("äöü\n".encode() * 100_000)


class TestTransferEncoding:
    @pytest.mark.parametrize("size", [0, 1, 2, 3, 1_000, 300_000])
    def test_base64(self, size: int) -> None:
        data = bytes(index * 7 % 251 for index in range(size))
        for encoded in (
            base64.b64encode(data),
            base64.encodebytes(data),
            b" \r\n".join(base64.b64encode(data).split(b"A")),
        ):
            raw = b"Content-Type: a/b\r\nContent-Transfer-Encoding: base64\r\n\r\n" + encoded
            if encoded.count(b"A") == base64.b64encode(data).count(b"A"):
                mail = parse(raw)
                assert content(raw, mail.root) == data
                assert mail.root.size == size

    @pytest.mark.parametrize(
        ("encoded", "decoded"),
        [
            (b"SGVsbG8", b"Hello"),
            (b"SGVsbG8=", b"Hello"),
            (b"SGVsbG8====", b"Hello"),
            (b"S", b""),
            (b"SGVs#bG8*=", b"Hello"),
            (b"SGVsbG8=SGVsbG8=", b"Hello"),
            (b"=", b""),
            (b"\xff\x00", b""),
        ],
    )
    def test_a44_broken_base64(self, encoded: bytes, decoded: bytes) -> None:
        raw = b"Content-Type: a/b\r\nContent-Transfer-Encoding: base64\r\n\r\n" + encoded
        assert content(raw, parse(raw).root) == decoded

    def test_quoted_printable_across_chunks(self) -> None:
        data = "zeile mit ümlaut = gleich\n".encode() * 20_000
        raw = b"Content-Type: a/b\r\nContent-Transfer-Encoding: Quoted-Printable\r\n\r\n" + quopri.encodestring(data)
        assert content(raw, parse(raw).root) == data

    def test_quoted_printable_without_line_ends(self) -> None:
        raw = b"Content-Type: a/b\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n" + b"=41b" * 200_000
        assert content(raw, parse(raw).root) == b"Ab" * 200_000


class TestFlowed:
    @pytest.mark.parametrize(
        ("wrapped", "text"),
        [
            ("one \ntwo\nthree", "one two\nthree"),
            ("> a \n> b\n>> c \nd", "> a b\n>> c \nd"),
            ("  stuffed\n >not a quote\n From me", " stuffed\n>not a quote\nFrom me"),
            ("last \n-- \nsig", "last \n-- \nsig"),
            (">> \n> x", ">>\n> x"),
            ("", ""),
            ("end ", "end "),
        ],
    )
    def test_paragraphs(self, wrapped: str, text: str) -> None:
        assert flowed.unwrapped(wrapped, delete_space=False) == text

    def test_delsp(self) -> None:
        assert body(b"wo \r\nrd\r\n", "text/plain; format=flowed; delsp=yes") == "word\n"

    def test_only_where_it_is_declared(self) -> None:
        assert body(b"one \r\ntwo\r\n") == "one \ntwo\n"
