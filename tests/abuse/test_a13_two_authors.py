"""A From field with two addresses, and two From fields: nobody is the author, nobody of them is written to."""

import pytest

from tests.abuse.victim import MEMBERS, Victim, recipients
from tests.world import mail


@pytest.mark.parametrize(
    ("number", "author"),
    [
        (1, "Vic <vic1@out.example>, Tim <tim1@out.example>"),
        (2, "alice@members.example, tim2@out.example"),
        (3, "Vic <vic3@out.example>\nFrom: Tim <tim3@out.example>"),
        (4, '"alice@members.example" <vic4@out.example> <tim4@out.example>'),
    ],
)
def test_a13_the_envelope_sender_is_answered_and_none_of_the_authors(abused: Victim, number: int, author: str) -> None:
    sender = f"sender{number}@out.example"
    sent = abused.receive(mail(author=author, message_id=f"<a13.{number}@x>"), sender)
    assert recipients(sent) == sorted([*MEMBERS, sender])
    assert abused.dispositions()[-1] == "report"


def test_a13_two_authors_of_whom_one_is_a_member_are_no_members_mail(abused: Victim) -> None:
    abused.receive(mail(author="r@out.example", message_id="<a13.r@x>"), "r@out.example")
    (number,) = abused.query("SELECT max(id) FROM issue")[0]
    raw = mail(author="Alice <alice@members.example>, m@evil.example", message_id="<a13.m@x>")
    abused.receive(raw, "m@evil.example", f"security+{number}@example.org")
    assert abused.dispositions()[-1] == "report"
