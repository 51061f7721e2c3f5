"""What taking a mail apart costs.

The reference is one `email.parser.BytesParser(policy=SMTP).parsebytes` of the same mail, which decodes no header and no
body. The ways take turns; what is printed are medians, the median of the ratios, and how far the reference itself
spreads (over 1.5 the run decides nothing). Memory is the peak of Python's allocations beside the mail's own size.
"""

import base64
import email.parser
import email.policy
import os
import statistics
import time
import tracemalloc
from collections.abc import Callable

from mailbot.cage.client import CagedParser
from mailbot.mail.parse import parse
from tests.bench.measure import machine

CALLS = 50
"""Per measurement of a small mail."""

_TRACE = (
    b"Received: from a.example (a.example [192.0.2.1])\r\n\tby mx.example.org (Postfix) with ESMTPS id 4XyZ\r\n"
    b"\tfor <security@example.org>; Mon, 21 Oct 2019 07:21:00 -0700 (PDT)\r\n"
)
HEADER = b"".join(
    (
        _TRACE * 4,
        b"Authentication-Results: mx.example.org; dkim=pass header.d=example.com;\r\n spf=pass smtp.mailfrom=a.ex\r\n",
        b"DKIM-Signature: v=1; a=rsa-sha256; d=example.com; s=x;\r\n b=" + b"A" * 340 + b"\r\n",
        b"From: =?utf-8?q?J=C3=B6rg?= <joerg@example.com>\r\nTo: security@example.org\r\n",
        b"Subject: Heap overflow in the =?utf-8?q?parser_=C3=A4?=\r\nDate: Mon, 21 Oct 2019 07:21:00 -0700\r\n",
        b"Message-ID: <1@example.com>\r\nMIME-Version: 1.0\r\nUser-Agent: Mozilla Thunderbird\r\n",
    )
)
_TEXT = HEADER + b"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
PLAIN = _TEXT + b"The function foo_parse() in src/foo.c copies the length field unchecked.\r\n" * 265
GERMAN = _TEXT + "Die Funktion läuft über, das Längenfeld wird ungeprüft kopiert, siehe src/foo.c\r\n".encode() * 230
_PARAGRAPH = (
    b"<p style='margin:0'>The function <b>foo()</b> in <a href='https://x.example/'>foo.c</a> copies it.</p>\r\n"
)
HTML = HEADER + b"Content-Type: text/html; charset=utf-8\r\n\r\n<html><body>" + _PARAGRAPH * 190


def large(size: int) -> bytes:
    attachment = base64.encodebytes(os.urandom(size * 54 // 74)).replace(b"\n", b"\r\n")
    return HEADER + (
        b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nsee attachment\r\n--b\r\n"
        b"Content-Type: application/octet-stream; name=poc.bin\r\nContent-Transfer-Encoding: base64\r\n"
        b"Content-Disposition: attachment; filename=poc.bin\r\n\r\n" + attachment + b"--b--\r\n"
    )


def reference(raw: bytes) -> object:
    return email.parser.BytesParser(policy=email.policy.SMTP).parsebytes(raw)


def timed(call: Callable[[bytes], object], raw: bytes, calls: int) -> float:
    times = []
    for _ in range(calls):
        started = time.perf_counter()
        call(raw)
        times.append(time.perf_counter() - started)
    return statistics.median(times)


def peak(call: Callable[[bytes], object], raw: bytes) -> float:
    tracemalloc.start()
    call(raw)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return most / len(raw)


def run(pairs: int) -> None:
    print(f"\ntaking a mail apart, against email.parser; {pairs} pairs; {machine()}")
    columns = {
        "mail": 10,
        "bytes": 10,
        "reference": 10,
        "parse": 10,
        "ratio": 6,
        "caged": 10,
        "overhead": 10,
        "spread": 7,
    }
    print(" ".join(f"{name:>{width}}" for name, width in columns.items()))
    with CagedParser() as caged:
        for name, raw, calls in (
            ("plain", PLAIN, CALLS),
            ("UTF-8", GERMAN, CALLS),
            ("HTML", HTML, CALLS),
            ("25 MB", large(25_000_000), 1),
        ):
            caged.parse(raw)
            rounds = [[timed(way, raw, calls) for way in (reference, parse, caged.parse)] for _ in range(pairs)]
            theirs, ours, behind = (statistics.median(column) * 1e3 for column in zip(*rounds, strict=True))
            ratio = statistics.median(one[1] / one[0] for one in rounds)
            spread = max(one[0] for one in rounds) / min(one[0] for one in rounds)
            print(
                f"{name:>10} {len(raw):>10} {theirs:>7.3f} ms {ours:>7.3f} ms {ratio:>6.2f} {behind:>7.3f} ms"
                f" {behind - ours:>7.3f} ms {spread:>7.2f}"
            )
            if name == "25 MB":
                print(f"memory beside the mail: {peak(parse, raw):.3f} of its size, caged {peak(caged.parse, raw):.3f}")
