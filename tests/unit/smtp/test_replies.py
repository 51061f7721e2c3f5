"""What reply codes mean for the mail."""

import pytest

from mailbot.service.outgoing import Outcome
from mailbot.smtp.replies import Stage, about_size, explained, judge, quoted


@pytest.mark.parametrize("code", [500, 501, 541, 550, 551, 552, 553, 554, 555, 556, 571])
def test_a_permanent_reply_about_the_mail_or_its_recipient_fails_it(code: int) -> None:
    assert judge(code) is Outcome.FAILED


@pytest.mark.parametrize("code", [450, 451, 452, 454, 455, 499])
def test_a_temporary_reply_defers_the_mail(code: int) -> None:
    assert judge(code) is Outcome.DEFERRED


@pytest.mark.parametrize("code", [421, 530, 534, 535, 538])
def test_a_reply_about_the_session_is_the_smarthosts_trouble(code: int) -> None:
    assert judge(code) is Outcome.POSTPONED


@pytest.mark.parametrize("code", [200, 250, 354, 503])
def test_a_reply_that_makes_no_sense_here_is_temporary(code: int) -> None:
    assert judge(code) is Outcome.DEFERRED


def test_what_the_operator_reads_is_one_short_line_whatever_the_smarthost_sent() -> None:
    text = quoted(Stage.RCPT, 550, "no\nsuch\x1b[31m user\u202e " + "x" * 5000)
    assert text.startswith("RCPT TO: 550 no such [31m user xxx")
    assert text.isprintable()
    assert len(text) <= 500
    assert explained(Stage.CONTENT, TimeoutError()) == "end of the mail: no answer in time"
    assert explained(Stage.CONNECT, OSError()) == "connect: OSError"
    assert explained(Stage.CONNECT, OSError(111, "Connect call failed")) == "connect: Connection refused"
    assert explained(Stage.CONNECT, OSError("no such host")) == "connect: no such host"


@pytest.mark.parametrize(
    ("stage", "code", "text", "about"),
    [
        (Stage.MAIL, 552, "5.3.4 Message size exceeds fixed limit", True),
        (Stage.MAIL, 552, "message too big", True),
        (Stage.CONTENT, 552, "5.3.4 Error: message file too big", True),
        (Stage.RCPT, 550, "5.2.3 RESOLVER.RST.RecipSizeLimit; message too large for this recipient", True),
        (Stage.CONTENT, 552, "storage allocation exceeded", False),
        (Stage.MAIL, 552, "5.2.2 mailbox full", False),
        (Stage.MAIL, 452, "4.3.4 not now", False),
        (Stage.RCPT, 550, "5.1.1 no such user", False),
        (Stage.RCPT, 450, "it said 5.3.4 before", False),
    ],
)
def test_a_refusal_for_the_size_is_known_from_others(stage: Stage, code: int, text: str, about: bool) -> None:
    assert about_size(stage, code, text) is about
