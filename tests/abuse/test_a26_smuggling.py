"""SMTP smuggling (CVE-2023-51764 and its kin): whatever looks like the end of a mail and is none ends nothing."""

import socket

import pytest

from tests.abuse.victim import Victim
from tests.bot import PATIENCE

ENDS = {
    "lf-dot-lf": b"\n.\n",
    "lf-dot-crlf": b"\n.\r\n",
    "crlf-dot-lf": b"\r\n.\n",
    "cr-dot-cr": b"\r.\r",
    "cr-dot-crlf": b"\r.\r\n",
    "crlf-dot-cr": b"\r\n.\r",
    "crlf-nul-dot-crlf": b"\r\n\0.\r\n",
}
INSIDE = b"MAIL FROM:<smuggled@evil.example>\r\nRCPT TO:<security@example.org>\r\nDATA\r\nSubject: smuggled\r\n\r\nx"


@pytest.mark.parametrize("end", ENDS)
def test_a26_the_mail_inside_a_mail_is_none(abused: Victim, end: str) -> None:
    before = len(abused.dispositions())
    with socket.create_connection(("127.0.0.1", abused.bot.port), timeout=PATIENCE) as peer:
        replies = peer.makefile("rb")
        for line in (
            b"",
            b"EHLO out.example",
            b"MAIL FROM:<a26@out.example>",
            b"RCPT TO:<security@example.org>",
            b"DATA",
        ):
            if line:
                peer.sendall(line + b"\r\n")
            while replies.readline()[3:4] == b"-":
                pass
        peer.sendall(b"Subject: outer\r\n\r\ntext" + ENDS[end] + INSIDE + b"\r\n.\r\n")
        answers = [replies.readline()]
        peer.sendall(b"QUIT\r\n")
        answers += replies.readlines()
        replies.close()
    # One answer for one mail, and it is a refusal: who sends such a thing means harm or is broken.
    assert [line[:1] for line in answers] == [b"5", b"2"], answers
    assert answers[1].startswith(b"221")
    assert len(abused.dispositions()) == before


def test_a26_the_bot_serves_the_next(abused: Victim) -> None:
    abused.serves_the_next()
