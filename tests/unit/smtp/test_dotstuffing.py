"""The mail's bytes on their way into DATA."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailbot.smtp import dotstuffing
from mailbot.smtp.dotstuffing import stuffed, survey

PIECES = st.lists(st.sampled_from([b"\r\n", b".", b"..", b"\r\n.", b"a", b"\xff", b"\r", b"\n"]), max_size=12).map(
    b"".join
)


@given(PIECES, PIECES, st.integers(1, 9))
def test_undoing_the_dots_gives_the_mail_back_and_no_line_before_the_end_is_a_lone_dot(
    headers: bytes, body: bytes, block: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dotstuffing, "BLOCK", block)
        wire = b"".join(stuffed(headers, body))
    mail = headers + body
    assert wire.endswith(b"\r\n.\r\n") or wire == b".\r\n"
    lines = wire.split(b"\r\n")
    assert lines.pop() == b""
    assert lines.pop() == b"."
    assert b"." not in lines
    assert b"\r\n".join(line.removeprefix(b".") for line in lines) == mail.removesuffix(b"\r\n")


@given(PIECES, PIECES, st.integers(1, 9))
def test_the_survey_finds_eight_bit_bytes_and_bare_line_ends_across_blocks(
    headers: bytes, body: bytes, block: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dotstuffing, "BLOCK", block)
        found = asyncio.run(survey(headers, body))
    rest = (headers + body).replace(b"\r\n", b"")
    assert found.bare_line_end == (b"\r" in rest or b"\n" in rest)
    assert found.eight_bit == (b"\xff" in rest)
