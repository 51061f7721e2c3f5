"""Header fields that were encrypted or signed with the mail: RFC 9788, and the draft that clients still send."""

import pytest

from mailbot.mail.parse import parse
from mailbot.mail.protected_headers import Form, applied, payload_part, protected

CIPHER = (
    b"From: Alice <alice@example.org>\r\nSubject: Heap overflow in foo\r\nMessage-ID: <1@example.org>\r\n"
    b"HP-Outer: Subject: [...]\r\nHP-Outer: From: Alice <alice@example.org>\r\nHP-Outer: broken\r\n"
    b'Content-Type: text/plain; charset="us-ascii"; hp="cipher"\r\n\r\nbody\r\n'
)
DRAFT = (
    b"From: Alice <alice@example.org>\r\nSubject: =?utf-8?q?=C3=9Cberlauf?=\r\nReceived: from forged\r\n"
    b"Authentication-Results: mx.example.org; dkim=pass\r\nList-Id: <x.y>\r\n"
    b'Content-Type: multipart/mixed; boundary=b; protected-headers="v1"\r\n\r\n'
)


def test_rfc_9788_encrypted() -> None:
    found = protected(parse(CIPHER))
    assert found is not None
    assert found.form is Form.CIPHER
    assert found.header("subject") == "Heap overflow in foo"
    assert found.fields == (
        ("From", "Alice <alice@example.org>"),
        ("Subject", "Heap overflow in foo"),
        ("Message-ID", "<1@example.org>"),
    )
    assert found.outer == (("Subject", "[...]"), ("From", "Alice <alice@example.org>"))
    assert found.confidential == {"subject", "message-id"}


def test_rfc_9788_signed_only() -> None:
    found = protected(parse(CIPHER.replace(b"cipher", b"clear")))
    assert found is not None
    assert found.form is Form.CLEAR
    assert found.confidential == frozenset()
    assert found.outer == ()


def test_the_draft() -> None:
    found = protected(parse(DRAFT + b"--b\r\n\r\nx\r\n--b--"))
    assert found is not None
    assert found.form is Form.DRAFT
    assert found.header("Subject") == "Überlauf"
    assert found.confidential == {"subject"}


def test_fields_that_only_mail_systems_may_write_are_not_taken_from_inside() -> None:
    found = protected(parse(DRAFT + b"--b\r\n\r\nx\r\n--b--"))
    assert found is not None
    assert {name for name, _ in found.fields} == {"From", "Subject"}


@pytest.mark.parametrize("params", ["", '; hp="other"', '; protected-headers="v2"', "; x-hp=cipher"])
def test_without_a_mark_nothing_is_protected(params: str) -> None:
    assert protected(parse(f"Subject: x\r\nContent-Type: text/plain{params}\r\n\r\n".encode())) is None


def test_the_mark_on_an_inner_part_protects_nothing() -> None:
    raw = b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n" + CIPHER + b"\r\n--b--"
    assert protected(parse(raw)) is None


def test_the_payload_is_behind_the_signature_layer() -> None:
    raw = (
        b"Content-Type: multipart/signed; boundary=s\r\n\r\n--s\r\n"
        + CIPHER
        + b"\r\n--s\r\nContent-Type: application/pgp-signature\r\n\r\nS\r\n--s--\r\n"
    )
    part = payload_part(parse(raw))
    assert raw[part.start : part.end] == CIPHER
    mail = parse(CIPHER)
    assert payload_part(mail) is mail.root


OUTER = (
    ("Received", "from x"),
    ("Subject", "..."),
    ("From", "Mallory <m@example.net>"),
    ("In-Reply-To", "<forged@example.net>"),
)


def test_with_hp_no_outer_field_counts_that_could_be_protected() -> None:
    found = protected(parse(CIPHER))
    assert found is not None
    assert applied(OUTER, found) == (*found.fields, ("Received", "from x"))


def test_the_draft_replaces_only_what_it_has() -> None:
    found = protected(parse(DRAFT + b"--b--"))
    assert found is not None
    assert applied(OUTER, found) == (*found.fields, ("Received", "from x"), ("In-Reply-To", "<forged@example.net>"))


class TestLegacyDisplay:
    def test_the_drafts_part_of_copies_is_neither_text_nor_attachment(self) -> None:
        display = "--b\r\nContent-Type: text/plain; protected-headers=v1\r\n\r\nSubject: Überlauf\r\n\r\n"
        mail = parse(DRAFT + display.encode() + b"--b\r\n\r\nbody\r\n--b--")
        assert mail.text == "body"
        assert mail.attachments == ()

    @pytest.mark.parametrize(
        "lines", ["Subject: another", "Subject: Überlauf\r\nhidden words", "X-Note: secret", "just words", ""]
    )
    def test_a_part_that_says_more_is_shown(self, lines: str) -> None:
        display = f"--b\r\nContent-Type: text/plain; protected-headers=v1\r\n\r\n{lines}\r\n\r\n"
        mail = parse(DRAFT + display.encode() + b"--b\r\n\r\nbody\r\n--b--")
        assert lines.replace("\r\n", "\n") in mail.text

    def test_rfc_9788_copies_on_top_of_the_text_are_left_out(self) -> None:
        raw = CIPHER.replace(b'hp="cipher"', b'hp="cipher"; hp-legacy-display="1"').replace(
            b"\r\n\r\nbody", b"\r\n\r\nSubject: Heap overflow in foo\r\n\r\nbody"
        )
        assert parse(raw).text == "body\n"
        assert parse(raw.replace(b"\r\n\r\nSubject: Heap", b"\r\n\r\nSubject: Other")).text.startswith("Subject: Other")

    def test_rfc_9788_copies_in_html_are_left_out(self) -> None:
        raw = (
            b"Subject: Heap\r\nContent-Type: multipart/mixed; boundary=b; hp=cipher\r\n\r\n--b\r\n"
            b"Content-Type: text/html; hp-legacy-display=1\r\n\r\n<html><body>"
            b'<div class="header-protection-legacy-display"><pre>Subject: Heap</pre></div><p>body</p>'
        )
        assert parse(raw).text == "body\n"
        assert "Subject: Stack" in parse(raw.replace(b"<pre>Subject: Heap", b"<pre>Subject: Stack")).text

    def test_without_protected_fields_around_it_nothing_is_left_out(self) -> None:
        raw = b"Subject: x\r\nContent-Type: text/plain; hp-legacy-display=1\r\n\r\nSubject: x\r\n\r\nbody"
        assert parse(raw).text == "Subject: x\n\nbody"
