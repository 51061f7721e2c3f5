"""What people outside the group get holds nothing of a report, and a protected subject is on no outside."""

from pathlib import Path

from tests.abuse.victim import Victim, to, victim
from tests.openpgp_keys import Lab
from tests.unit.service.test_hostile_confidentiality import encrypted
from tests.world import mail

SOON = """
[slo]
first_response_remind = "2s"
first_response_escalate = "4s"

[[slo.escalation]]
after = "0s"
to = ["escalation@example.org"]
"""


def test_a17_the_acknowledgement_quotes_nothing(abused: Victim) -> None:
    raw = mail("The qwzzxbody.\n", author="Qwzzxname <a17@out.example>", subject="Qwzzxsubject", message_id="<a17@x>")
    ack = to(abused.receive(raw, "a17@out.example"), "a17@out.example")
    assert "qwzzx" not in (ack.raw.decode() + ack.text).lower()
    assert str(ack.mail["To"]) == "a17@out.example"
    for name in ("X-Mailbot-Instance", "X-Mailbot-Issue", "List-Id", "List-Post"):
        assert name not in ack.mail


def test_a17_whatever_happens_outsiders_read_no_word_of_it(short_path: Path, lab: Lab) -> None:
    """Reminder, escalation, and mail that cannot be read; plain and encrypted."""
    with victim(short_path, lab, extra=SOON) as abused:
        inner = 'Content-Type: text/plain; hp="cipher"\r\nSubject: Qwzzxprotected\r\n\r\nThe qwzzxsecret.\r\n'
        armor = lab.people.encrypt(inner.encode(), [lab.group_key])
        mails = {
            "plain@out.example": mail("qwzzxbody\n", author="plain@out.example", subject="Qwzzxsubject"),
            "secret@out.example": encrypted(armor, subject="Qwzzxouter", author="Qwzzxname <secret@out.example>"),
            "broken@out.example": b"Subject: qwzzxbroken\r\nFrom: broken@out.example\r\n"
            + b"X: y\r\n" * 2000
            + b"\r\n",
        }
        for sender, raw in mails.items():
            abused.receive(raw, sender)
        abused.bot.wait(lambda: len(abused.sent()) == 3 * (4 + 3 + 5), "three whole lives")
        outside = [one for one in abused.sent() if one.member_id is None]
        assert {one.recipient for one in outside} == {*mails, "escalation@example.org"}
        assert len(outside) == 9
        for one in outside:
            assert b"qwzzx" not in one.raw.lower()
            assert "qwzzx" not in one.text.lower()
        assert any("Qwzzxprotected" in one.text for one in abused.sent() if one.member_id == "alice")


def test_a25b_a_protected_subject_is_in_no_clear_header_log_or_name(abused: Victim) -> None:
    subject = "Qwzzxtitle"
    inner = f'Content-Type: text/plain; hp="cipher"\r\nSubject: {subject}\r\nFrom: a25@out.example\r\n\r\nhello\r\n'
    armor = abused.lab.people.encrypt(inner.encode(), [abused.lab.group_key])
    sent = abused.receive(encrypted(armor, author="a25@out.example"), "a25@out.example")
    assert subject in to(sent, "alice@members.example").text
    for one in sent:
        assert subject.encode() not in one.raw
        assert subject not in str(list(one.mail.items()))
    assert subject.encode() not in abused.everything_stored()
    names = [path.name for path in abused.bot.installation.directory.rglob("*")]
    assert not any(subject in name for name in names)
