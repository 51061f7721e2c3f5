"""On any bytes, reading mail ends in a structure within the limits or in `OverLimit`, and in nothing else."""

import hashlib

from hypothesis import example, given, settings
from hypothesis import strategies as st

from mailbot.cage import protocol
from mailbot.mail import limits, markup, message_id
from mailbot.mail.author import authors, mailboxes
from mailbot.mail.auto_reply import automatic
from mailbot.mail.parse import OverLimit, content, headers, parse
from mailbot.mail.structure import Structure

TOKENS = [
    *(
        b"\r\n",
        b"\n",
        b"\r",
        b"\r\n\r\n",
        b"\n\n",
        b" ",
        b"\t",
        b"\0",
        b"\xff",
        b"\xe4",
        b"\x1b$B",
        b"=",
        b"=41",
        b"=?",
        b"?=",
    ),
    *(
        b"Content-Type: ",
        b"text/plain",
        b"text/html",
        b"message/rfc822",
        b"multipart/digest",
        b"; charset=",
        b"utf-7",
        b"hz",
    ),
    *(b"multipart/mixed; boundary=b", b"multipart/alternative; boundary=c", b"multipart/related; boundary=b-"),
    *(
        b"\r\n--b\r\n",
        b"\r\n--b--\r\n",
        b"\r\n--c\r\n",
        b"\n--b",
        b"\r\n--b-\r\n",
        b"--",
        b"b",
        b"utf-16",
        b"iso-2022-jp",
    ),
    *(
        b"Content-Transfer-Encoding: base64\r\n",
        b"Content-Transfer-Encoding: quoted-printable\r\n",
        b"QUJD",
        b"format=flowed",
    ),
    *(
        b"Content-Disposition: attachment; filename=",
        b"name*=utf-8''%0A",
        b"name*1=",
        b"name*0*=",
        b'"',
        b"\\",
        b"(",
        b")",
    ),
    *(
        b"From: ",
        b"Subject: ",
        b"=?utf-8?q?=0A=E2=80=AE?=",
        b"=?utf-8?b?AAAA?=",
        b"<a@example.com>",
        b"a@b.c,",
        b":",
        b";",
        b"<",
        b">",
    ),
    *(b"<p>", b"<b hidden>", b"<!--", b"<a href='", b"</p>", b"&#x1b;", b"> ", b"-- \r\n", b"text", b"From "),
]
MAILS = st.lists(st.sampled_from(TOKENS), max_size=60).map(b"".join) | st.binary(max_size=400)


def is_shown_safely(text: str) -> bool:
    return all(
        character.isprintable() or character in "\n\t\u200c\u200d\u00ad" or not character.isascii()
        for character in text
    )


@settings(deadline=None, max_examples=300)
@given(MAILS)
@example(b"")
@example(b"From ")
@example(b"Content-Type: multipart/mixed; boundary=b\r\n--b")
@example(b"Content-Type: multipart/mixed; boundary=b\n\n--b\n--b--")
def test_parsing_is_total_and_keeps_its_promises(raw: bytes) -> None:
    try:
        mail = parse(raw)
    except OverLimit:
        return
    parts = list(mail.root.walk())
    assert len(parts) <= limits.PARTS
    for part in parts:
        assert 0 <= part.start <= part.body <= part.end <= len(raw)
        assert all(part.start <= child.start and child.end <= part.end for child in part.children)
        assert all(before.end <= after.start for before, after in zip(part.children, part.children[1:], strict=False))
        assert len(part.filename) <= limits.FILE_NAME
        assert is_shown_safely(part.filename)
        if part.sha256 and not part.children:
            data = content(raw, part)
            assert (part.size, part.sha256) == (len(data), hashlib.sha256(data).hexdigest())
    for name, value in mail.headers:
        assert name.isascii()
        assert value.splitlines() in ([], [value])
        assert is_shown_safely(value)
    assert "\r" not in mail.text
    assert is_shown_safely(mail.text)
    mail.text.encode()
    assert mail.headers == headers(raw)
    assert all(any(attachment is part for part in parts) for attachment in mail.attachments)
    automatic(mail, ("list@example.org",))
    for author in authors(mail):
        assert author.address == "" or author.address.encode() in raw


@settings(deadline=None)
@given(MAILS)
def test_the_way_through_the_cage_changes_nothing(raw: bytes) -> None:
    try:
        mail = parse(raw)
    except OverLimit:
        return
    assert protocol.decode(protocol.encode(mail), len(raw)) == mail


@settings(deadline=None)
@given(st.binary(max_size=200), st.integers(0, 1_000))
def test_the_client_takes_no_forged_answer_for_more_than_nonsense(payload: bytes, size: int) -> None:
    try:
        assert isinstance(protocol.decode(payload, size), Structure)
    except ValueError:
        return


@settings(deadline=None)
@given(st.text(max_size=300), st.integers(1, 100))
def test_html_is_total_and_within_its_budget(source: str, budget: int) -> None:
    text, _ = markup.text(source, budget)
    assert len(text) <= 2 * budget + 40


@settings(deadline=None)
@given(st.text(max_size=200))
def test_header_values_are_read_without_failing(value: str) -> None:
    mailboxes(value)
    assert all(identifier[0] == "<" and identifier[-1] == ">" for identifier in message_id.message_ids(value))
