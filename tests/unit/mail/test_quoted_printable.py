"""Text survives every mail system, and is read back as it was."""

import quopri

from hypothesis import example, given
from hypothesis import strategies as st

from mailbot.mail.quoted_printable import encode


@given(st.text(max_size=400))
@example("From here\n.\n..\nFrom\n" + "x" * 73 + "From the start of a soft-broken line\n")
@example("x" * 73 + "." * 80)
@example("trailing \ntabs\t\n" + " " * 200)
@example("bare\rCR and \x0b\x0c\x00\x1b[2J\u2028\x85\n")
@example("=" * 80 + "ü" * 80)
def test_text_is_read_back_and_every_line_is_safe(text: str) -> None:
    body = encode(text)
    for line in body.split(b"\r\n"):
        assert len(line) <= 76
        assert line == line.rstrip(b" \t")
        assert not line.startswith((b"From ", b"."))
        assert all(byte in b"\t" or 32 <= byte < 127 for byte in line)
    expected = text.replace("\r\n", "\n").encode("utf-8", "replace")
    if expected and not expected.endswith(b"\n"):
        expected += b"\n"
    assert quopri.decodestring(body).replace(b"\r\n", b"\n") == expected


def test_a_lone_surrogate_becomes_a_question_mark() -> None:
    assert encode("a\udcffb") == b"a?b\r\n"


def test_plain_text_stays_readable() -> None:
    assert encode("Hello, world!\n") == b"Hello, world!\r\n"
