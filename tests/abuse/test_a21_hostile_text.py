"""Header fields, names and texts that want to be more than text."""

import re
import unicodedata

import pytest

from tests.abuse.victim import MEMBERS, Victim, recipients, to
from tests.world import Sent, mail

INJECTED = re.compile(rb"(?im)^(bcc|x-injected|x-evil)\s*:")


def no_injection(sent: list[Sent]) -> None:
    for one in sent:
        assert not INJECTED.search(one.raw[: one.raw.index(b"\r\n\r\n")])
        # Nor in the fields that the signed or encrypted part carries. The original comes after an empty line.
        inside = one.inside.as_bytes()
        assert not INJECTED.search(inside[: inside.index(b"\r\n\r\n")])
        assert "Bcc" not in one.mail


@pytest.mark.parametrize(
    ("number", "fields"),
    [
        (1, {"subject": "=?utf-8?q?x=0D=0ABcc:_v=40other.example?="}),
        (2, {"subject": "=?utf-8?b?eA0KWC1JbmplY3RlZDogeQ0KDQpib2R5?="}),
        (3, {"author": "=?utf-8?q?Rita=0AX-Evil:_y?= <a21.3@out.example>"}),
        (4, {"author": '"Rita\\\nX-Evil: y" <a21.4@out.example>'}),
        (5, {"subject": "x\u2028X-Injected: y\u2029X-Evil: z\u0085Bcc: v@other.example"}),
        (6, {"subject": "[EX-1] =?utf-8?q?=00=1B[2J=7F?="}),
        (7, {"message_id": "<a21.7@x>\n\tX-Evil: <y@z>"}),
    ],
)
def test_a21_an_encoded_newline_makes_no_header(abused: Victim, number: int, fields: dict[str, str]) -> None:
    sender = f"a21.{number}@out.example"
    sent = abused.receive(mail(**{"author": sender, "message_id": f"<a21.{number}@x>", **fields}), sender)
    assert recipients(sent) == sorted([*MEMBERS, sender])
    no_injection(sent)
    text = to(sent, "alice@members.example").text
    assert not any(unicodedata.category(char) in ("Cc", "Zl", "Zp") for char in text if char not in "\n\t")


@pytest.mark.parametrize(
    "text", ["{{7*7}}", "${7*7}", "{% raise %}", "{{ MARKER.__class__ }}", "%(asctime)s %s", "{0!r}"]
)
def test_a22_templates_in_a_mail_stay_what_they_are(abused: Victim, text: str) -> None:
    sender = f"a22.{abs(hash(text))}@out.example"
    raw = mail(f"Look: {text}\n", author=f'"{text}" <{sender}>', subject=f"Sub {text}", message_id=f"<{hash(text)}@x>")
    sent = abused.receive(raw, sender)
    assert recipients(sent) == sorted([*MEMBERS, sender])
    shown = to(sent, "alice@members.example").words
    assert f"Look: {text}" in shown
    assert f"Sub {text}" in shown
    assert "49" not in str(to(sent, sender).subject)


def test_a32_names_of_attachments_are_names_and_nothing_else(abused: Victim) -> None:
    names = [
        "../../etc/passwd",
        "..\\..\\boot.ini",
        "=?utf-8?q?evil=0D=0AX-Evil:_y?=.txt",
        "cod\u202efdp.exe",
        "\x1b[2J.sh",
    ]
    parts = "".join(
        f'--b\nContent-Type: application/octet-stream\nContent-Disposition: attachment; filename="{name}"\n\n{number}\n'
        for number, name in enumerate(names)
    )
    head = 'From: a32@out.example\nMessage-ID: <a32@x>\nContent-Type: multipart/mixed; boundary="b"\n\n'
    sent = abused.receive(f"{head}{parts}--b--\n".replace("\n", "\r\n").encode(), "a32@out.example")
    no_injection(sent)
    relay = to(sent, "alice@members.example")
    card = relay.text
    assert "passwd" in card
    assert "boot.ini" in card
    assert not re.search(r"[/\\](etc|\.\.)|\.\.[/\\]", card)
    assert not any(unicodedata.bidirectional(char) in ("RLO", "LRO", "RLE", "LRE", "RLI", "LRI") for char in card)
    assert "\x1b" not in card
    # The original goes along under a name of ours.
    assert [part.get_filename() for part in relay.inside.iter_attachments()] == ["original.eml"]


@pytest.mark.parametrize(
    ("number", "raw"),
    [
        (1, b""),
        (2, b"\r\n\r\n\r\n"),
        (3, b"no header at all, only text\r\n"),
        (4, b"Subject: no author\r\n\r\nhello\r\n"),
        (5, b'From: "\r\nSubject: x\r\n\r\nhello\r\n'),
        (6, b"From: a44.6@out.example\r\nContent-Type: text/plain; charset=x-unknown\r\n\r\n\xff\xfe\x80\r\n"),
        (7, b"From: a44.7@out.example\r\nContent-Transfer-Encoding: base64\r\n\r\n=====!!!\r\nAAA\r\n"),
        (8, b"From: \xff\xfe <a44.8@out.example>\r\nSubject: \x80\x81\r\n\r\n" + bytes(range(128, 256)) + b"\r\n"),
        (9, b"Content-Type: multipart/mixed\r\n\r\n--x\r\n"),
        (10, b"Content-Type: message/rfc822\r\n\r\n"),
        (11, b": \r\n: \r\n\r\n"),
        (12, b"From: a44.12@out.example\r\nDate: \xf0\x9f\r\nMessage-ID: <>\r\nReferences: <<<>>>\r\n\r\nx\r\n"),
        (13, b"From: (((((((((a44@out.example\r\nContent-Type: text/plain; charset=idna\r\n\r\nxn--\r\n"),
        (14, b"From: a44.14@out.example\r\nContent-Type: text/html; charset=utf-7\r\n\r\n+ADw-script+AD4-x\r\n"),
    ],
)
def test_a44_whatever_the_bytes_it_is_kept_and_the_sender_answered(abused: Victim, number: int, raw: bytes) -> None:
    sender = f"a44.{number}@out.example"
    sent = abused.receive(raw, sender)
    assert [one for one in recipients(sent) if one in MEMBERS] == MEMBERS
    assert recipients(sent) == sorted([*MEMBERS, sender])
    assert abused.dispositions()[-1] in ("report", "unreadable")


def test_a44_afterwards_the_bot_serves_as_ever(abused: Victim) -> None:
    abused.receive(b"\x80" * 3000 + b"\r\n", "a44.last@out.example")
    abused.serves_the_next()
