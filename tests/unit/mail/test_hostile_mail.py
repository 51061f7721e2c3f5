"""Mail that is made to break its reader: each ends in a structure or in a refusal, soon."""

import time
from collections.abc import Callable

import pytest

from mailbot.mail import limits
from mailbot.mail.author import authors
from mailbot.mail.parse import OverLimit, parse

SECONDS = 5.0
"""CPU time that each may take here, on a busy machine; all take a tenth of it on an idle one, and what is not linear
takes minutes."""


def outcome(raw: bytes) -> str:
    started = time.process_time()
    try:
        mail = parse(raw)
        authors(mail)
        result = "read"
    except OverLimit as over:
        result = str(over)
    assert time.process_time() - started < SECONDS
    return result


def nested_multiparts(count: int) -> bytes:
    return b"".join(b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (n, n) for n in range(count))


def test_a24_1500_nested_parts() -> None:
    assert outcome(nested_multiparts(1_500)) == "parts nested too deep"


def test_a24_100000_parts() -> None:
    raw = b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b\r\n\r\nx\r\n" * 100_000 + b"--b--\r\n"
    assert outcome(raw) == "too many parts"


def test_a24_3000_nested_attached_mails() -> None:
    assert outcome(b"Content-Type: message/rfc822\r\n\r\n" * 3_000 + b"\r\nx") == "parts nested too deep"


def test_a24_deep_mails_within_the_limit_are_hashed_once() -> None:
    assert outcome(b"Content-Type: message/rfc822\r\n\r\n" * 19 + b"\r\n" + b"x" * 20_000_000) == "read"


def test_a25_1_mb_of_header() -> None:
    assert outcome(b"Subject: " + b"=?utf-8?q?=C3=A4?= " * 50_000 + b"\r\n\r\nx") == "header block too large"
    assert outcome(b"X-A: b\r\n" * 125_000 + b"\r\nx") == "too many header fields"
    assert (
        outcome(nested_multiparts(1) + (b"X: " + b"y" * 90_000 + b"\r\n\r\n\r\n--b0\r\n") * 20) == "headers too large"
    )


def test_a25_4000_parameters() -> None:
    continuations = b"".join(b";\r\n name*%d*=%%41" % n for n in range(4_000))
    assert outcome(b"Content-Type: text/plain" + continuations + b"\r\n\r\nx") == "too many parameters"


def test_a44_empty_and_headless_mail() -> None:
    assert parse(b"").text == ""
    assert parse(b"\r\n").text == ""
    assert authors(parse(b"Subject: x\r\n\r\nfrom nobody")) == ()
    assert parse(bytes(range(256)) * 10).headers == ()


HTML = b"Content-Type: text/html\r\n\r\n"
UNITS = {
    "comments": b"<!--",
    "tags": b"<a",
    "quotes": b"<a x=\"'",
    "less-than": b"<",
    "elements": b"<div>",
    "ends": b"</div>",
    "references": b"&ampamp",
    "numbers": b"&#9",
    "declarations": b"<!",
    "scripts": b"<script>",
    "script ends": b"</script",
    "hidden": b"<b style='display:none'>x",
    "links": b"<a href='x'>y",
    "lists": b"<ul><li>",
    "cells": b"<td>",
    "styles": b"<p style='overflow:hidden;height:0",
    "legacy": b'<div class="header-protection-legacy-display">',
}


@pytest.mark.parametrize("unit", UNITS.values(), ids=UNITS.keys())
def test_a27_html_takes_time_in_proportion(unit: bytes) -> None:
    assert outcome(HTML + unit * (limits.HTML_BYTES // len(unit))) == "read"


@pytest.mark.parametrize(
    "unit",
    [
        b'"',
        b'\\"',
        b"(",
        b"<",
        b",",
        b";",
        b"=?utf-8?q?a?= ",
        b"=?utf-8?b?YQ==?=",
        b"=?a?q?",
        b'"=?utf-8?q?a?="',
        b"=?",
        b" ",
    ],
)
@pytest.mark.parametrize(
    "field", [b"From: ", b"Subject: ", b"Content-Type: text/plain", b"Content-Disposition: x; filename="]
)
def test_header_values_take_time_in_proportion(field: bytes, unit: bytes) -> None:
    assert outcome(field + unit * ((limits.HEADER_BYTES - 100) // len(unit)) + b"\r\n\r\nx") in (
        "read",
        "too many parameters",
    )


@pytest.mark.parametrize(
    "charset", ["utf-8", "utf-7", "hz", "iso-2022-jp", "x-unknown", "gb18030", "utf-16", "us-ascii"]
)
@pytest.mark.parametrize("unit", [b"a ", b"\x1b$B", b"\xff\xfe\x80", b"+AGE-", b">", b"\r", b"~{", b"\xe9b "])
def test_text_takes_time_in_proportion(charset: str, unit: bytes) -> None:
    head = f"Content-Type: text/plain; charset={charset}; format=flowed\r\n\r\n".encode()
    assert outcome(head + unit * (1_000_000 // len(unit))) == "read"


@pytest.mark.parametrize(
    "make",
    [
        lambda: b"Content-Transfer-Encoding: quoted-printable\r\n\r\n" + b"=" * 5_000_000,
        lambda: b"Content-Transfer-Encoding: base64\r\n\r\n" + b"-" * 5_000_000,
        lambda: b"Content-Type: multipart/mixed; boundary=a\r\n\r\n" + (b"\r\n--a" + b" " * 2_000 + b"x") * 5_000,
        lambda: b"Content-Type: multipart/mixed; boundary=a\r\n\r\n" + b"\n--ab" * 5_000_000,
        lambda: nested_multiparts(19) + b"\r\n" + b"x" * 20_000_000,
        lambda: b"x" * 20_000_000,
        lambda: b"X: " + b"y" * 20_000_000,
    ],
)
def test_bodies_take_time_in_proportion(make: Callable[[], bytes]) -> None:
    outcome(make())
