"""Bounces are known by their structure, and reports are never taken for one."""

import pytest

from mailbot.mail.bounce import Action, Delivery, deliveries, is_bounce, outcome, returned_message_ids, stated
from mailbot.mail.parse import parse


def notification(*groups: str, kind: str = "; report-type=delivery-status", encoding: str = "") -> bytes:
    status = "\r\n\r\n".join(("Reporting-MTA: dns; mx.example.net\r\nArrival-Date: x", *groups))
    return (
        "From: MAILER-DAEMON@mx.example.net (Mail Delivery System)\r\nSubject: Undelivered Mail Returned to Sender\r\n"
        f"Content-Type: multipart/report{kind}; boundary=b\r\n\r\n"
        "--b\r\n\r\nI'm sorry.\r\n"
        f"--b\r\nContent-Type: message/delivery-status\r\n{encoding}\r\n{status}\r\n"
        "--b\r\nContent-Type: message/rfc822\r\n\r\n"
        "Message-ID: <ours@example.org>\r\nSubject: [EX-1]\r\n\r\nx\r\n--b--\r\n"
    ).encode()


FAILED = (
    "Final-Recipient: rfc822; bob@example.net\r\nAction: failed\r\nStatus: 5.1.1\r\n"
    "Diagnostic-Code: smtp; 550\r\n 5.1.1"
)
DELAYED = (
    "Original-Recipient: rfc822;carol@example.net\r\nFinal-Recipient: rfc822;c@x\r\n"
    "Action: Delayed (x)\r\nStatus: 4.4.1"
)


def test_a_delivery_status_notification_is_a_bounce_from_any_reverse_path() -> None:
    mail = parse(notification(FAILED))
    assert is_bounce(mail, "")
    assert is_bounce(mail, "postmaster@example.net")


@pytest.mark.parametrize(
    ("groups", "found", "worst"),
    [
        ((FAILED,), (Delivery(Action.FAILED, "bob@example.net", "5.1.1"),), Action.FAILED),
        ((DELAYED,), (Delivery(Action.DELAYED, "carol@example.net", "4.4.1"),), Action.DELAYED),
        (
            (DELAYED, FAILED),
            (
                Delivery(Action.DELAYED, "carol@example.net", "4.4.1"),
                Delivery(Action.FAILED, "bob@example.net", "5.1.1"),
            ),
            Action.FAILED,
        ),
        (("Action: delivered",), (Delivery(Action.DELIVERED),), Action.DELIVERED),
        (("Action: exploded\r\nStatus: x",), (Delivery(Action.UNKNOWN),), Action.UNKNOWN),
        (("no action here",), (), Action.UNKNOWN),
    ],
)
def test_what_it_says(groups: tuple[str, ...], found: tuple[Delivery, ...], worst: Action) -> None:
    raw = notification(*groups)
    assert deliveries(raw, parse(raw)) == found
    assert outcome(raw, parse(raw)) is worst


def test_an_encoded_status_is_read_too() -> None:
    raw = notification(FAILED.replace("=", "=3D"), encoding="Content-Transfer-Encoding: quoted-printable\r\n")
    assert outcome(raw, parse(raw)) is Action.FAILED


def test_the_mail_that_came_back_is_known_by_its_id() -> None:
    raw = notification(FAILED)
    assert returned_message_ids(raw, parse(raw)) == ("<ours@example.org>",)
    only_headers = raw.replace(b"message/rfc822", b"text/rfc822-headers")
    assert returned_message_ids(only_headers, parse(only_headers)) == ("<ours@example.org>",)
    in_the_text = b"\r\nIt failed.\r\n\r\n> Received: x\r\n> Message-Id:\r\n>  <ours@example.org>\r\n"
    assert returned_message_ids(in_the_text, parse(in_the_text)) == ("<ours@example.org>",)
    assert returned_message_ids(b"\r\nx", parse(b"\r\nx")) == ()


@pytest.mark.parametrize(
    ("text", "action", "status"),
    [
        ("<a@x>: host mx said: 550 5.1.1 no such user", Action.FAILED, "5.1.1"),
        ("Sorry, no mailbox here by that name. (#5.1.1)", Action.FAILED, "5.1.1"),
        ("Grund: 550 Postfach unbekannt", Action.FAILED, "550"),
        ("554-Transaction failed", Action.FAILED, "554"),
        ("Statut: 5.2.2", Action.UNKNOWN, ""),
        ("Status: 5.2.2", Action.FAILED, "5.2.2"),
        ("450 4.2.0 greylisted\nthen: 550 5.7.1 refused", Action.FAILED, "5.7.1"),
        ("421 4.4.1 timed out, we keep trying", Action.DELAYED, "4.4.1"),
        ("Exim 4.96.2, sendmail 8.5.1, see 5.1.1.4 or RFC 5.1.1", Action.UNKNOWN, ""),
        ("call +1 555 0100 or 10:550 o'clock", Action.UNKNOWN, ""),
        ("It failed.\n\nReceived: by x\n550 5.1.1 in what we wrote", Action.UNKNOWN, ""),
        ("", Action.UNKNOWN, ""),
    ],
)
def test_codes_say_in_every_language_whether_it_is_final(text: str, action: Action, status: str) -> None:
    assert stated(text) == Delivery(action, status=status)


@pytest.mark.parametrize("reverse_path", ["", "<>", "MAILER-DAEMON@mx.example.net", "mailerdaemon"])
def test_some_systems_have_a_name_for_nobody(reverse_path: str) -> None:
    assert is_bounce(parse(QMAIL), reverse_path)
    assert not is_bounce(parse(QMAIL.replace(b"MAILER-DAEMON", b"rita")), reverse_path)


def test_a_postmaster_may_be_a_person() -> None:
    assert not is_bounce(parse(QMAIL.replace(b"MAILER-DAEMON", b"postmaster")), "postmaster@mx.example.net")


def test_what_a_gateway_wrapped_is_read_and_what_came_back_is_not() -> None:
    inner = notification(FAILED)
    wrapped = b"Content-Type: multipart/mixed; boundary=w\r\n\r\n--w\r\n" + inner + b"\r\n--w--\r\n"
    assert outcome(wrapped, parse(wrapped)) is Action.FAILED
    attached = wrapped.replace(b"--w\r\n", b"--w\r\nContent-Type: message/rfc822\r\n\r\n", 1)
    assert deliveries(attached, parse(attached)) == ()


def test_a_report_without_its_kind_is_told_by_its_status_part() -> None:
    assert is_bounce(parse(notification(FAILED, kind="")), "a@example.com")
    assert not is_bounce(parse(notification(FAILED, kind="; report-type=feedback-report")), "")


QMAIL = b"From: MAILER-DAEMON@mx.example.net\r\nSubject: failure notice\r\n\r\nHi. This is the qmail-send program.\r\n"


def test_an_old_mail_system_is_known_by_the_null_reverse_path_and_its_author() -> None:
    assert is_bounce(parse(QMAIL), "")
    assert is_bounce(parse(QMAIL.replace(b"MAILER-DAEMON", b'"Mail" <Postmaster').replace(b"net\r", b"net>\r")), "<>")
    assert outcome(QMAIL, parse(QMAIL)) is Action.UNKNOWN


@pytest.mark.parametrize(
    ("raw", "reverse_path"),
    [
        (QMAIL, "reporter@example.com"),
        (b"From: a@example.com\r\nSubject: Delayed free in parser leads to UAF\r\n\r\nfailure notice\r\n", ""),
        (b"From: a@example.com\r\nSubject: Undelivered Mail Returned to Sender\r\n\r\n550 5.1.1 access denied\r\n", ""),
        (b"From: a@example.com\r\nSubject: x\r\n\r\nAction: failed\r\nStatus: 5.1.1\r\n", ""),
        (b"From: mailer-daemon@x.example, a@example.com\r\n\r\nx", ""),
        (b'From: "mailer-daemon@x.example" <a@example.com>\r\n\r\nx', ""),
        (b"From: mailer-daemon-research@example.com\r\n\r\nx", ""),
        (
            b"From: a@example.com\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
            b"--b\r\n\r\nYour MTA crashes on this:\r\n"
            b"--b\r\nContent-Type: message/delivery-status\r\n\r\nAction: failed\r\n--b--",
            "a@example.com",
        ),
    ],
)
def test_a_report_is_never_a_bounce_because_of_its_words(raw: bytes, reverse_path: str) -> None:
    assert not is_bounce(parse(raw), reverse_path)
