"""Mail of machines, lists and nobody, mail in loops: kept, and not answered."""

import smtplib

import pytest

from tests.abuse.victim import MEMBERS, Victim, recipients, to
from tests.world import mail

CASES = {
    "a18-replied": {"auto_submitted": "auto-replied"},
    "a18-generated": {"Auto_SUBMITTED": "Auto-Generated; x=y"},
    "a18-notified": {"auto_submitted": "auto-notified"},
    "a18-suppressed": {"x_auto_response_suppress": "DR, OOF, AutoReply"},
    "a18-tickets": {"x_loop": "tickets@help.example"},
    "a42-bulk": {"precedence": "bulk"},
    "a42-list-id": {"list_id": "Dev <dev.lists.example>"},
    "a42-list-post": {"list_post": "<mailto:dev@lists.example>"},
    "a42-precedence-list": {"PRECEDENCE": "LIST"},
}


@pytest.mark.parametrize("case", CASES)
def test_a18_a42_it_is_kept_and_not_acknowledged(abused: Victim, case: str) -> None:
    author = f"{case}@out.example"
    sent = abused.receive(mail(author=author, message_id=f"<{case}@x>", **CASES[case]), author)
    assert recipients(sent) == MEMBERS
    assert abused.dispositions()[-1] == "report"


def test_a18_auto_submitted_no_is_a_person(abused: Victim) -> None:
    raw = mail(author="person@out.example", message_id="<a18.no@x>", auto_submitted="no")
    assert "person@out.example" in recipients(abused.receive(raw, "person@out.example"))


def test_a19_mail_from_nobody_is_kept_and_answered_to_nobody(abused: Victim) -> None:
    sent = abused.receive(mail(author="a19@out.example", message_id="<a19@x>"), "")
    assert recipients(sent) == MEMBERS
    assert abused.dispositions()[-1] == "report"


def test_a19_no_mail_of_ours_bounces_at_us(abused: Victim) -> None:
    """Whatever is wrong with a mail, the bot sends no bounce: each of its mails has a sender that takes them."""
    sent = abused.receive(mail(author="a19b@out.example", message_id="<a19b@x>"), "a19b@out.example")
    assert all(one.sender.startswith("security+bounce.") for one in sent)


def test_a20_our_own_mail_makes_no_loop(abused: Victim) -> None:
    sent = abused.receive(mail(author="a20@out.example", message_id="<a20@x>"), "a20@out.example")
    for one in sent:
        assert abused.receive(one.raw, one.sender) == []
        # Members' copies are the same bytes, so that the second is also one that came twice.
        assert abused.dispositions()[-1] in ("own", "duplicate")
    assert "own" in abused.dispositions()
    # Through a list that calls itself the author, and an alias that changes the envelope.
    ack = to(sent, "a20@out.example")
    changed = b"List-Id: <x.y>\r\nSender: <list@lists.example>\r\n" + ack.raw
    assert abused.receive(changed, "list@lists.example") == []


@pytest.mark.parametrize("marked", [True, False])
def test_a39_two_systems_that_acknowledge_each_other_end_after_one(abused: Victim, marked: bool) -> None:
    """A ticket system answers our acknowledgement: to the From address, with its own subject, no reference to ours."""
    author = f"tickets{marked}@out.example"
    ack = to(abused.receive(mail(author=author, message_id=f"<a39.{marked}@x>"), author), author)
    answers = 0
    for number in range(5):
        header = {"auto_submitted": "auto-replied"} if marked else {}
        raw = mail("We have received your mail.\n", author=author, subject=f"[#{number}] received",
                   message_id=f"<a39.{marked}.{number}@x>", **header)  # fmt: skip
        answers += author in recipients(abused.receive(raw, author))
    assert answers == 0
    # The same to the reply address: a vacation reply or a follow-up, never acknowledged.
    keyed = str(ack.mail["Reply-To"].addresses[0].addr_spec)
    raw = mail("Received.\n", author=author, message_id=f"<a39.{marked}.k@x>", in_reply_to=str(ack.mail["Message-ID"]))
    assert author not in recipients(abused.receive(raw, author, keyed))


def test_a39_a_system_that_answers_from_a_new_address_each_time_ends_too(abused: Victim) -> None:
    """Nothing marks its mails but that they answer ours, so one exchange more cannot be told from a person's."""
    author, answered = "tickets+0@help.example", ""
    answers = 0
    for number in range(6):
        header = {"in_reply_to": answered} if answered else {}
        raw = mail(
            "Ticket opened.\n", author=author, subject=f"ticket {number}", message_id=f"<t{number}@help>", **header
        )
        sent = abused.receive(raw, author)
        mine = [one for one in sent if one.recipient == author]
        answers += len(mine)
        answered = str(mine[0].mail["Message-ID"]) if mine else answered
        author = f"tickets+{number + 1}@help.example"
    assert answers == 2


def test_a20_our_mail_under_another_message_id_ends_after_one_round(abused: Victim) -> None:
    """As some mail systems give what they pass on. Nothing but a keyed id makes a mail ours, so the first one that
    comes back is kept like anybody's; what we relay of it bears such an id where they leave it."""
    sent = abused.receive(mail(author="a20b@out.example", message_id="<a20b@x>"), "a20b@out.example")
    for fate in ("unreadable", "own"):  # it is encrypted to members, not to the group
        relay = to(sent, MEMBERS[0])
        changed = relay.raw.replace(b"Message-ID: ", b"Message-ID: <1@ses.example>\r\nX-Old: ", 1)
        sent = abused.receive(changed, "forwarder@members.example")
        assert abused.dispositions()[-1] == fate
        assert recipients(sent) == (MEMBERS if fate == "unreadable" else [])
    assert relay.mail["X-Mailbot-Loop"]


def test_a20_a_former_message_id_is_known(abused: Victim) -> None:
    relay = to(abused.receive(mail(author="a20c@out.example", message_id="<a20c@x>"), "a20c@out.example"), MEMBERS[0])
    own = str(relay.mail["Message-ID"]).encode()
    changed = relay.raw.replace(own, b"<2@ses.example>\r\nX-Google-Original-Message-ID: " + own, 1)
    assert abused.receive(changed, "forwarder@members.example") == []
    assert abused.dispositions()[-1] == "own"


def test_a19_a_vacation_reply_to_the_envelopes_sender_is_recorded_and_goes_to_nobody(abused: Victim) -> None:
    ack = to(
        abused.receive(mail(author="a19c@out.example", message_id="<a19c@x>"), "a19c@out.example"), "a19c@out.example"
    )
    raw = mail("Ich bin im Urlaub.\n", author="a19c@out.example", message_id="<a19d@x>", auto_submitted="auto-replied")
    assert abused.receive(raw, "", ack.sender) == []
    assert abused.dispositions()[-1] == "automatic"


def test_a41_who_is_named_in_reply_to_gets_nothing(abused: Victim) -> None:
    raw = mail(author="a41@out.example", message_id="<a41@x>", reply_to="victim@other.example", sender="s@y.example",
               return_receipt_to="victim@other.example", disposition_notification_to="victim@other.example",
               errors_to="victim@other.example", cc="victim@other.example")  # fmt: skip
    assert recipients(abused.receive(raw, "a41@out.example")) == sorted([*MEMBERS, "a41@out.example"])


def test_a43_mail_with_60_received_lines_is_refused_and_nobody_is_written_to(abused: Victim) -> None:
    before = len(abused.dispositions())
    raw = b"Received: from a by b; Tue, 24 Nov 2026 09:00:00 +0000\r\n" * 60 + mail(author="a43@out.example")
    with pytest.raises(smtplib.SMTPDataError, match="554"):
        abused.bot.send(raw, "a43@out.example")
    assert len(abused.dispositions()) == before
    abused.serves_the_next()
