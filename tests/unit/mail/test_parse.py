"""Taking mails apart: structure, offsets, text, attachments, limits."""

import base64
import hashlib
import json

import pytest

from mailbot.mail import limits
from mailbot.mail.limits import OverLimit
from mailbot.mail.parse import content, headers, parse
from mailbot.mail.structure import Structure


def multipart(*parts: str, kind: str = "mixed", extra: str = "") -> bytes:
    lines = [f"Subject: s\r\nContent-Type: multipart/{kind}; boundary=b{extra}\r\n\r\npreamble\r\n"]
    lines += [f"--b\r\n{part}\r\n" for part in parts]
    return "".join([*lines, "--b--\r\n"]).encode()


def test_a_plain_mail_has_one_part_and_its_text() -> None:
    raw = b"From: a@example.com\r\nSubject: Crash\r\n\r\nIt crashes.\r\nBadly.\r\n"
    mail = parse(raw)
    assert mail.headers == (("From", "a@example.com"), ("Subject", "Crash"))
    assert mail.text == "It crashes.\nBadly.\n"
    assert mail.attachments == ()
    assert not mail.html_only
    assert mail.defects == ()
    assert raw[mail.root.body : mail.root.end] == b"It crashes.\r\nBadly.\r\n"
    assert mail.root.content_type == "text/plain"
    assert mail.root.sha256 == hashlib.sha256(b"It crashes.\r\nBadly.\r\n").hexdigest()
    assert mail.root.size == 21


def test_bare_lf_gives_the_same_mail() -> None:
    raw = multipart("\r\none", "Content-Type: application/x\r\n\r\ntwo")
    mail, unix = parse(raw), parse(raw.replace(b"\r\n", b"\n"))
    assert (unix.text, unix.headers) == (mail.text, mail.headers)
    assert [part.sha256 for part in unix.attachments] == [part.sha256 for part in mail.attachments]


def test_it_survives_the_way_through_json() -> None:
    raw = multipart("\r\nä", "Content-Type: image/png; name=x.png\r\n\r\ny")
    mail = parse(raw)
    assert Structure.from_json(json.loads(json.dumps(mail.to_json())), len(raw)) == mail


def test_offsets_cut_out_exactly_what_was_signed() -> None:
    signed = b"Content-Type: text/plain\r\n\r\nSigned text.\r\n"
    raw = (
        b"Content-Type: multipart/signed; boundary=sig; protocol=application/pgp-signature\r\n\r\n--sig\r\n"
        + signed
        + b"\r\n--sig\r\nContent-Type: application/pgp-signature\r\n\r\nSIG\r\n--sig--\r\n"
    )
    first, second = parse(raw).root.children
    assert raw[first.start : first.end] == signed
    assert content(raw, second) == b"SIG"


def test_an_attachment_is_listed_with_decoded_size_and_digest() -> None:
    data = bytes(range(256)) * 40
    encoded = base64.encodebytes(data).decode().replace("\n", "\r\n")
    raw = multipart(
        "\r\nsee attachment",
        "Content-Type: application/octet-stream\r\nContent-Transfer-Encoding: BASE64\r\n"
        f"Content-Disposition: attachment; filename=poc.bin\r\n\r\n{encoded}",
    )
    mail = parse(raw)
    assert mail.text == "see attachment"
    (attachment,) = mail.attachments
    assert (attachment.filename, attachment.size) == ("poc.bin", len(data))
    assert attachment.sha256 == hashlib.sha256(data).hexdigest()
    assert content(raw, attachment) == data


def test_plain_text_is_preferred_and_its_html_twin_is_no_attachment() -> None:
    mail = parse(multipart("\r\nplain", "Content-Type: text/html\r\n\r\n<p>rich", kind="alternative"))
    assert mail.text == "plain"
    assert not mail.html_only
    assert mail.attachments == ()


def test_html_is_read_where_the_plain_text_is_empty() -> None:
    mail = parse(multipart("\r\n \r\n", "Content-Type: text/html\r\n\r\n<p>rich</p>", kind="alternative"))
    assert mail.text == "rich\n"
    assert mail.html_only


def test_a_second_plain_alternative_is_listed() -> None:
    mail = parse(multipart("\r\nfirst", "\r\nsecond", "Content-Type: application/zip\r\n\r\nz", kind="alternative"))
    assert mail.text == "first"
    assert [part.content_type for part in mail.attachments] == ["text/plain", "application/zip"]


def test_text_parts_of_a_mixed_mail_are_joined() -> None:
    mail = parse(
        multipart("\r\none", "Content-Disposition: inline\r\n\r\ntwo", "Content-Type: text/html\r\n\r\n<b>3</b>")
    )
    assert mail.text == "one\ntwo\n3\n"
    assert not mail.html_only


def test_text_that_is_attached_is_no_text() -> None:
    mail = parse(
        multipart(
            "\r\nbody",
            'Content-Type: text/plain; name="log.txt"\r\n\r\nlog',
            "Content-Disposition: attachment\r\n\r\nmore",
            "Content-Type: text/calendar\r\n\r\nBEGIN:VCALENDAR",
        )
    )
    assert mail.text == "body"
    assert [part.filename or part.content_type for part in mail.attachments] == [
        "log.txt",
        "text/plain",
        "text/calendar",
    ]


def test_the_only_text_is_read_even_if_it_has_a_name() -> None:
    assert parse(multipart('Content-Type: text/plain; name="message.txt"\r\n\r\nhello')).text == "hello"


def test_an_attached_mail_is_an_attachment_and_its_text_stays_in_it() -> None:
    mail = parse(multipart("\r\nlook", "Content-Type: message/rfc822\r\n\r\nSubject: inner\r\n\r\ninner text"))
    assert mail.text == "look"
    (attached,) = mail.attachments
    assert attached.content_type == "message/rfc822"
    assert [child.content_type for child in attached.children] == ["text/plain"]


def test_the_parts_of_a_digest_are_mails() -> None:
    mail = parse(multipart("\r\nSubject: one\r\n\r\n1", kind="digest"))
    assert [part.content_type for part in mail.root.walk()] == ["multipart/digest", "message/rfc822", "text/plain"]


@pytest.mark.parametrize(
    "raw",
    [
        b"Content-Type: multipart/mixed; boundary=x\r\n\r\nThe text.\r\n",
        b"Content-Type: multipart/mixed\r\n\r\nThe text.\r\n",
        b"Content-Type: nonsense\r\n\r\nThe text.\r\n",
        b"Content-Type: text/plain; charset=no-such\r\n\r\nThe text.\r\n",
        b"Content-Type: text/plain\r\nContent-Transfer-Encoding: x-unknown\r\n\r\nThe text.\r\n",
        b"\r\nThe text.\r\n",
        b"The text.\r\n",
        b"From sender Mon Oct 21 07:21:00 2019\r\nSubject: x\r\n\r\nThe text.\r\n",
    ],
)
def test_broken_structure_loses_no_text(raw: bytes) -> None:
    assert parse(raw).text == "The text.\n"


def test_a_line_that_is_no_field_begins_the_body() -> None:
    mail = parse(b"Subject: x\r\nno field at all\r\nTo: y\r\n\r\nrest\r\n")
    assert mail.headers == (("Subject", "x"),)
    assert mail.text == "no field at all\nTo: y\n\nrest\n"
    assert mail.defects == ("a header block ends in a line that is no header field",)


def test_a_missing_end_keeps_the_last_part() -> None:
    mail = parse(b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\none\r\n--b\r\n\r\ntwo")
    assert mail.text == "one\ntwo"
    assert mail.defects == ("a multipart has no end",)


def test_the_outer_boundary_ends_an_inner_multipart() -> None:
    mail = parse(
        b"Content-Type: multipart/mixed; boundary=outer\r\n\r\n--outer\r\n"
        b"Content-Type: multipart/mixed; boundary=inner\r\n\r\n--inner\r\n\r\nin\r\n--outer\r\n\r\nout\r\n--outer--\r\n"
    )
    assert [len(part.children) for part in mail.root.walk()] == [2, 1, 0, 0]
    assert mail.text == "in\nout"


def test_a_line_that_only_begins_with_the_boundary_is_text() -> None:
    mail = parse(multipart("\r\n--bc\r\n--b c\r\nx"))
    assert mail.text == "--bc\n--b c\nx"


def test_long_text_is_capped_and_says_so() -> None:
    mail = parse(b"\r\n" + b"x" * 79 + b"\r\n" + (b"y" * 78 + b"\r\n") * 10_000)
    assert len(mail.text) <= limits.TEXT_BYTES + 100
    whole_lines = (limits.TEXT_BYTES - 81) // 80
    assert mail.text.endswith(f"y\n\n[... {(10_000 - whole_lines) * 80:,} more bytes, see the attached original]\n")


def test_headers_alone_are_the_same_as_in_the_whole() -> None:
    raw = b"From x\r\nSubject: =?utf-8?q?=C3=A4?=\r\n folded\r\n\r\nbody"
    assert headers(raw) == parse(raw).headers == (("Subject", "ä folded"),)


class TestLimits:
    def test_header_bytes(self) -> None:
        field = b"X: " + b"y" * (limits.HEADER_BYTES - 5) + b"\r\n"
        assert parse(field + b"\r\nbody").text == "body"
        with pytest.raises(OverLimit, match="header block too large"):
            parse(b"Z" + field + b"\r\nbody")

    def test_header_fields(self) -> None:
        assert parse(b"X: y\r\n" * limits.HEADER_FIELDS + b"\r\nbody").text == "body"
        with pytest.raises(OverLimit, match="too many header fields"):
            parse(b"X: y\r\n" * (limits.HEADER_FIELDS + 1) + b"\r\nbody")

    def test_parts(self) -> None:
        assert len(parse(multipart(*["\r\nx"] * (limits.PARTS - 1))).root.children) == limits.PARTS - 1
        with pytest.raises(OverLimit, match="too many parts"):
            parse(multipart(*["\r\nx"] * limits.PARTS))

    def test_depth(self) -> None:
        def nested(levels: int) -> bytes:
            opened = "".join(
                f"Content-Type: multipart/mixed; boundary=b{n}\r\n\r\n--b{n}\r\n" for n in range(levels - 1)
            )
            return opened.encode() + b"\r\ninnermost"

        assert parse(nested(limits.DEPTH)).text == "innermost"
        with pytest.raises(OverLimit, match="nested too deep"):
            parse(nested(limits.DEPTH + 1))

    def test_false_delimiters(self) -> None:
        with pytest.raises(OverLimit, match="lines like a boundary"):
            parse(multipart("\r\n" + "--bx\r\n" * (limits.FALSE_DELIMITERS + 1)))
