"""Content-Type and Content-Disposition parameters."""

import pytest

from mailbot.mail import parameters
from mailbot.mail.limits import OverLimit
from mailbot.mail.parse import parse


@pytest.mark.parametrize(
    ("value", "token", "params"),
    [
        (b"text/plain", "text/plain", {}),
        (b"Text/Plain; Charset=UTF-8", "text/plain", {"charset": "UTF-8"}),
        (b'multipart/mixed; boundary="a;b=c"', "multipart/mixed", {"boundary": "a;b=c"}),
        (b'x/y; a="q\\"u\\\\o"; b = c ', "x/y", {"a": 'q"u\\o', "b": "c"}),
        (b'multipart/mixed\r\n\tboundary="b"', "multipart/mixed", {"boundary": "b"}),
        (b"a/b; name=my file.txt; x=y", "a/b", {"name": "my file.txt", "x": "y"}),
        (b'a/b; name="=?utf-8?q?=C3=A4.txt?="', "a/b", {"name": "ä.txt"}),
        (b'a/b; boundary="=?utf-8?q?b?="', "a/b", {"boundary": "=?utf-8?q?b?="}),
        (b"a/b; name*=utf-8''%C3%A4%20b.txt", "a/b", {"name": "ä b.txt"}),
        (b"a/b; name*=iso-8859-1'de'%E4", "a/b", {"name": "ä"}),
        (b"a/b; name*1*=%A4.txt; name*0*=utf-8''%C3", "a/b", {"name": "ä.txt"}),
        (b"a/b; name*0=long; name*1=er.txt", "a/b", {"name": "longer.txt"}),
        (b"a/b; name=old; name*=utf-8''new", "a/b", {"name": "new"}),
        (b"a/b; x=1; X=2", "a/b", {"x": "1"}),
        (b"a/b; name*=utf-8''a%0D%0Ab", "a/b", {"name": "a b"}),
        ("a/b; name=ä.txt".encode("latin1"), "a/b", {"name": "ä.txt"}),
        (b';\r\n filename="x.png"', "", {"filename": "x.png"}),
        (b'a/b; x="unterminated', "a/b", {"x": "unterminated"}),
        (b"", "", {}),
        (b";;;=;=", "", {}),
    ],
)
def test_parameters(value: bytes, token: str, params: dict[str, str]) -> None:
    found = parameters.split(value)
    assert (found[0], dict(found[1])) == (token, params)


def test_too_many_parameters_are_refused() -> None:
    with pytest.raises(OverLimit, match="too many parameters"):
        parameters.split(b"a/b" + b"; x=y" * 4_000)


@pytest.mark.parametrize(
    ("disposition", "expected"),
    [("inline", "inline"), ("INLINE; x=y", "inline"), ("attachment", "attachment"), ("x-odd", "attachment"), (";", "")],
)
def test_dispositions(disposition: str, expected: str) -> None:
    raw = f"Content-Type: image/png\r\nContent-Disposition: {disposition}\r\n\r\n".encode()
    assert parse(raw).root.disposition == expected


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("poc.c", "poc.c"),
        ("../../../etc/passwd", "passwd"),
        ("..\\..\\boot.ini", "boot.ini"),
        ("C:\\Users\\x\\report.pdf", "report.pdf"),
        ("/", ""),
        ("..", ""),
        (".bashrc", "bashrc"),
        ("a\u202efdp.exe", "a[U+202E]fdp.exe"),
        ("a\x1b[2J.txt", "a[U+001B][2J.txt"),
        ("a\u200bb", "a[U+200B]b"),
        ("x" * 300 + ".tar", "x" * 113 + "....tar"),
        ("winmail.dat", "winmail.dat"),
        ("{{7*7}}.txt", "{{7*7}}.txt"),
    ],
)
def test_a32_file_names_are_safe_to_show(name: str, shown: str) -> None:
    encoded = "".join(f"%{byte:02X}" for byte in name.encode())
    raw = f"Content-Type: a/b\r\nContent-Disposition: attachment; filename*=utf-8''{encoded}\r\n\r\nx".encode()
    filename = parse(raw).attachments[0].filename
    assert filename == shown
    assert len(filename) <= 120
    assert filename.isprintable()
