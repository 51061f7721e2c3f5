"""What every `ports.Parser` does: the caged one and the tests' twin."""

import base64
import hashlib
from collections.abc import Iterator

import pytest

from mailbot.cage.client import CagedParser
from mailbot.mail.bounce import Action
from mailbot.mail.parse import parse
from mailbot.service.ports import Parser, Unreadable
from tests.parser_twin import InProcessParser


@pytest.fixture(scope="module", params=["caged", "in process"])
def parser(request: pytest.FixtureRequest) -> Iterator[Parser]:
    if request.param == "in process":
        yield InProcessParser()
        return
    with CagedParser() as caged:
        yield caged


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\r\n",
        b"no header at all",
        b"Subject: x\r\n\r\nbody\r\n",
        "Subject: ä\r\nFrom: ö <a@example.com>\r\n\r\n\U0001f41b \u202e\x00\x1b[31m\r\n".encode(),
        b"\xff\xfe\x00\x80" * 100,
        b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: message/rfc822\r\n\r\n"
        b"Subject: inner\r\n\r\nx\r\n--b\r\nContent-Type: image/png; name*=utf-8''a%0Ab.png\r\n\r\ny\r\n--b--\r\n",
    ],
)
def test_it_takes_a_mail_apart(parser: Parser, raw: bytes) -> None:
    assert parser.parse(raw) == parse(raw)


def test_a_charset_is_guessed_under_the_limits_too(parser: Parser) -> None:
    text = "Переполнение буфера в разборщике приводит к выполнению произвольного кода. " * 5
    assert parser.parse(b"Content-Type: text/plain; charset=x-unknown\r\n\r\n" + text.encode("cp1251")).text == text


def test_attachments_are_parts_of_the_tree(parser: Parser) -> None:
    mail = parser.parse(b"Content-Type: application/pdf\r\n\r\n%PDF")
    assert mail.attachments[0] is mail.root


def test_a_large_mail_arrives_whole(parser: Parser) -> None:
    data = bytes(range(251)) * 40_000
    raw = b"Content-Type: image/png\r\nContent-Transfer-Encoding: base64\r\n\r\n" + base64.encodebytes(data)
    (attachment,) = parser.parse(raw).attachments
    assert attachment.size == len(data)
    assert attachment.sha256 == hashlib.sha256(data).hexdigest()


def test_over_a_limit_is_unreadable_and_the_next_mail_is_not(parser: Parser) -> None:
    with pytest.raises(Unreadable, match="too many header fields"):
        parser.parse(b"X: y\r\n" * 5_000 + b"\r\nsecret")
    assert parser.parse(b"\r\nnext").text == "next"


def test_a_refusal_quotes_nothing_of_the_mail(parser: Parser) -> None:
    with pytest.raises(Unreadable) as refusal:
        parser.parse(b"Secret-Name: secret value\r\n" * 5_000 + b"\r\nsecret")
    assert "ecret" not in str(refusal.value)


QMAIL = b"From: x@x\r\n\r\nHi. This is the qmail-send program at x.\r\n\r\n<a@x.example>:\r\nno mailbox here\r\n"
LATER = (
    b"From: x@x\r\n\r\nDelivery to the following recipient has been delayed:\r\n\r\n"
    b"     a@x.example\r\n\r\nMessage will be retried\r\n"
)


@pytest.mark.parametrize(("raw", "action"), [(QMAIL, Action.FAILED), (LATER, Action.DELAYED), (b"", Action.UNKNOWN)])
def test_it_reads_bounces_in_dialects(parser: Parser, raw: bytes, action: Action) -> None:
    assert parser.bounce(raw) is action
    assert parser.parse(b"\r\nnext").text == "next"
