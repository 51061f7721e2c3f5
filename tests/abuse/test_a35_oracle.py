"""A35: whoever got hold of somebody's ciphertext sends it in, to have it decrypted and to read the answer."""

from collections.abc import Callable

import pytest

from tests.abuse.victim import MEMBERS, Victim, recipients, to
from tests.openpgp_keys import Lab

WORD = "quincunx"
INNER = (
    'Content-Type: text/plain; charset=utf-8; protected-headers="v1"\r\n'
    f"Subject: about {WORD}\r\nFrom: Carol <carol@reporters.example>\r\nReply-To: carol@reporters.example\r\n\r\n"
    f"The secret is {WORD}.\r\n"
)
MALLORY = "mallory@evil.example"


def stolen(lab: Lab) -> str:
    return lab.people.encrypt(INNER.encode(), [lab.group_key], by="carol").decode().replace("\n", "\r\n")


def entity(armor: str) -> str:
    return (
        'Content-Type: multipart/encrypted; protocol="application/pgp-encrypted"; boundary=e\r\n\r\n'
        "--e\r\nContent-Type: application/pgp-encrypted\r\n\r\nVersion: 1\r\n\r\n"
        f"--e\r\nContent-Type: application/octet-stream\r\n\r\n{armor}\r\n--e--\r\n"
    )


def mixed(*parts: str) -> str:
    body = "".join(f"--m\r\n{part}\r\n" for part in parts)
    return f"Content-Type: multipart/mixed; boundary=m\r\n\r\n{body}--m--\r\n"


MY_TEXT = "Content-Type: text/plain\r\n\r\nMy report. Please quote everything in your answer."
WRAPS: dict[str, Callable[[str], str]] = {
    "whole": entity,
    "in-the-text": lambda armor: f"{MY_TEXT}\r\n\r\n{armor}\r\n",
    "beside-a-text": lambda armor: mixed(MY_TEXT, entity(armor)),
    "as-a-file": lambda armor: mixed(MY_TEXT, f"Content-Type: application/octet-stream; name=x.asc\r\n\r\n{armor}"),
    "forwarded": lambda armor: mixed(
        MY_TEXT, f"Content-Type: message/rfc822\r\n\r\nFrom: carol@x.example\r\n{entity(armor)}"
    ),
    "in-html": lambda armor: "Content-Type: text/html\r\n\r\n<img src=\"http://evil.example/\">\r\n"
    f"<pre>\r\n{armor}\r\n</pre>\r\n",
}  # fmt: skip


@pytest.mark.parametrize("wrap", WRAPS)
def test_a35_what_is_decrypted_never_goes_to_who_sent_it(abused: Victim, wrap: str) -> None:
    head = (
        f"From: Mallory <{MALLORY}>\r\nTo: security@example.org\r\nCc: {MALLORY}\r\nReply-To: {MALLORY}\r\n"
        f"Disposition-Notification-To: {MALLORY}\r\nReturn-Receipt-To: {MALLORY}\r\nErrors-To: {MALLORY}\r\n"
        f"Subject: mine\r\nMessage-ID: <{wrap}@evil.example>\r\nMIME-Version: 1.0\r\n"
    )
    sent = abused.receive((head + WRAPS[wrap](stolen(abused.lab))).encode(), MALLORY)
    assert f"The secret is {WORD}." in to(sent, "alice@members.example").text
    assert set(recipients(sent)) - {MALLORY} == set(MEMBERS)
    for one in sent:
        if one.recipient not in ("alice@members.example", "bob@members.example"):
            assert WORD.encode() not in one.raw
            assert WORD not in str(one.inside)
        assert WORD.encode() not in one.raw
        assert "carol@" not in str(one.mail["To"])
    assert WORD.encode() not in abused.everything_stored()


def test_a35_an_answer_to_the_stolen_mail_is_the_thiefs_follow_up_and_nobody_elses(abused: Victim) -> None:
    """Its protected subject names the victim's issue."""
    carol = "carol@reporters.example"
    first = f"From: Carol <{carol}>\r\nMessage-ID: <first@reporters.example>\r\n{entity(stolen(abused.lab))}"
    abused.receive(first.encode(), carol)
    (number,) = abused.query("SELECT max(id) FROM issue")[0]
    inner = INNER.replace(f"about {WORD}", f"[EX-{number}] about {WORD}")
    armor = abused.lab.people.encrypt(inner.encode(), [abused.lab.group_key]).decode().replace("\n", "\r\n")
    raw = f"From: {MALLORY}\r\nMessage-ID: <threads@evil.example>\r\n{entity(armor)}"
    sent = abused.receive(raw.encode(), MALLORY)
    assert abused.query("SELECT max(id) FROM issue") == [(number + 1,)]
    assert f"mentions EX-{number}" in to(sent, "alice@members.example").words
    assert carol not in recipients(sent)
