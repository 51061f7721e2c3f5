"""The tests' smarthost can be used by tests without a loop, and by any client."""

import smtplib

import pytest

from tests.smarthost import FakeSmarthost, in_thread


def test_the_standard_library_delivers_to_it_and_is_refused_as_told() -> None:
    with in_thread(FakeSmarthost()) as smarthost:
        smarthost.on("RCPT", "550 5.1.1 no", matching="nobody@")
        with smtplib.SMTP("127.0.0.1", smarthost.port) as client:
            client.sendmail("a@example.org", ["bob@example.net"], b"Subject: x\r\n\r\n.\r\nhello\r\n")
            with pytest.raises(smtplib.SMTPRecipientsRefused):
                client.sendmail("a@example.org", ["nobody@example.net"], b"\r\n")
        (mail,) = smarthost.taken()
    assert (mail.sender, mail.recipient) == ("a@example.org", "bob@example.net")
    assert mail.content == b"Subject: x\r\n\r\n.\r\nhello\r\n"
    assert mail.wire == b"Subject: x\r\n\r\n..\r\nhello\r\n"
