"""The sink takes what the bot sends, byte for byte."""

import smtplib

from mailbot.demo.sink import Sink


def test_a_mail_is_caught_for_each_recipient_with_its_dots() -> None:
    with Sink() as sink:
        with smtplib.SMTP("127.0.0.1", sink.port, local_hostname="bot.example", timeout=10) as smtp:
            smtp.sendmail("bot@example.org", ["a@x.example", "b@x.example"], b"Subject: one\r\n\r\n.dot\r\n..\r\n")
            smtp.sendmail("bot@example.org", ["a@x.example"], b"Subject: two\r\n\r\n")
        assert sink.wait(lambda caught: len(caught) == 3, 5.0)
    assert [(mail.recipient, mail.raw) for mail in sink.caught] == [
        ("a@x.example", b"Subject: one\r\n\r\n.dot\r\n..\r\n"),
        ("b@x.example", b"Subject: one\r\n\r\n.dot\r\n..\r\n"),
        ("a@x.example", b"Subject: two\r\n\r\n"),
    ]


def test_waiting_ends_when_nothing_comes() -> None:
    with Sink() as sink:
        assert not sink.wait(lambda caught: len(caught) > 0, 0.01)
