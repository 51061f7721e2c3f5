"""No header, address or reference that a stranger can write makes a mail vanish, or the bot do what it should not."""

import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select

from mailbot.mail.envelope import Envelope
from mailbot.service import understanding
from mailbot.service.router import MENTIONS, subject_numbers
from mailbot.storage.tables import inbox_hash
from tests.openpgp_keys import Lab
from tests.world import Sent, World, mail, world

GROUP = "security@example.org"


@pytest.fixture
def bot(short_path: Path, lab: Lab) -> Iterator[World]:
    with world(short_path, lab) as made:
        yield made


def report(bot: World) -> Sent:
    """Rita's report; her acknowledgement."""
    return next(one for one in bot.receive(mail(), "rita@out.example") if one.recipient == "rita@out.example")


def keyed(ack: Sent) -> str:
    return str(ack.mail["Reply-To"].addresses[0].addr_spec)


def members(sent: list[Sent]) -> list[str | None]:
    return [one.member_id for one in sent if one.member_id]


# What makes a mail vanish


@pytest.mark.parametrize("bounce", ["security+bounce.wrong@example.org", "VERP"])
def test_a_report_that_also_names_a_bounce_address_is_a_report(bot: World, bounce: str) -> None:
    ack = report(bot)
    address = ack.sender if bounce == "VERP" else bounce
    sent = bot.receive(mail(author="Sam <sam@out.example>", message_id="<2@x>"), "sam@out.example", GROUP, address)
    assert members(sent) == ["alice", "bob", "dave"]
    assert bot.dispositions() == ["report", "report"]


def test_mail_to_a_wrong_bounce_address_alone_does_nothing(bot: World) -> None:
    assert bot.receive(mail(), "rita@out.example", "security+bounce.wrong@example.org") == []
    assert bot.dispositions() == ["bounce"]


@pytest.mark.parametrize(
    "header",
    [{"precedence": "bulk"}, {"precedence": "junk"}, {"auto_submitted": "auto-generated"}, {"list_id": "<dev.x.org>"}],
    ids=lambda header: next(iter(header.values())),
)
def test_a_follow_up_by_a_program_is_relayed(bot: World, header: dict[str, str]) -> None:
    """A vendor's ticket system marks what its people write as bulk."""
    ack = report(bot)
    raw = mail("The fix is in 4.2.\n", message_id="<2@out.example>", subject="Re: x", **header)
    sent = bot.receive(raw, "rita@out.example", keyed(ack))
    assert members(sent) == ["alice", "bob", "dave"]
    assert len(sent) == 3
    assert bot.dispositions() == ["report", "follow-up"]


@pytest.mark.parametrize(
    ("sender", "header"),
    [
        ("rita@out.example", {"auto_submitted": "auto-replied"}),
        ("rita@out.example", {"x_autoreply": "yes"}),
        ("rita@out.example", {"precedence": "auto_reply"}),
        ("", {"auto_submitted": "auto-generated"}),
        ("", {"precedence": "bulk"}),
    ],
)
def test_a_vacation_reply_is_recorded_and_not_relayed(bot: World, sender: str, header: dict[str, str]) -> None:
    ack = report(bot)
    raw = mail("I am away.\n", message_id="<2@out.example>", subject="Re: x", **header)
    assert bot.receive(raw, sender, keyed(ack)) == []
    assert bot.dispositions() == ["report", "automatic"]


def test_a_null_sender_alone_does_not_make_a_vacation_reply(bot: World) -> None:
    """Web forms send so."""
    ack = report(bot)
    sent = bot.receive(mail("More.\n", message_id="<2@out.example>"), "", keyed(ack))
    assert members(sent) == ["alice", "bob", "dave"]


# References


def test_a_strangers_message_id_binds_nobody(bot: World) -> None:
    """Somebody who is no participant writes on an issue; who then answers that mail of theirs is not on the issue."""
    report(bot)
    bot.receive(
        mail(author="M <m@evil.example>", message_id="<public@list.example>", in_reply_to="<1@out.example>"),
        "m@evil.example",
    )
    assert bot.dispositions() == ["report", "follow-up"]
    bot.receive(
        mail(author="V <v@out.example>", message_id="<v@out.example>", in_reply_to="<public@list.example>"),
        "v@out.example",
    )
    assert bot.dispositions() == ["report", "follow-up", "report"]


def test_a_participants_message_id_threads_whoever_answers_it(bot: World) -> None:
    report(bot)
    bot.receive(mail(author="C <c@out.example>", message_id="<2@x>", in_reply_to="<1@out.example>"), "c@out.example")
    assert bot.dispositions() == ["report", "follow-up"]


def test_a_copied_message_id_steals_no_follow_up(bot: World) -> None:
    """An attacker opens issues under the Message-ID of another's report; that one's follow-ups stay where they were."""
    for number in range(8):
        author = f"m{number}@evil.example"
        bot.receive(mail(author=author, message_id="<1@out.example>", subject=f"{number}"), author)
    bot.receive(mail(subject="The real one"), "rita@out.example")
    for number in range(8, 16):
        author = f"m{number}@evil.example"
        bot.receive(mail(author=author, message_id="<1@out.example>", subject=f"{number}"), author)
    (issue,) = [one for one in bot.issues() if one["title"] == "The real one"]
    sent = bot.receive(mail("More.\n", message_id="<2@out.example>", in_reply_to="<1@out.example>"), "rita@out.example")
    assert {str(one.mail["X-Mailbot-Issue"]) for one in sent} == {issue["id"]}


# Where mail goes that nobody asked for


@pytest.mark.parametrize("header", [{"auto_submitted": "auto-generated"}, {"precedence": "bulk"}, {"list_id": "<a.b>"}])
def test_who_was_not_to_be_answered_hears_of_no_escalation(bot: World, header: dict[str, str]) -> None:
    bot.receive(mail(**header), "rita@out.example")
    sent = bot.pass_time(timedelta(hours=48))
    assert members([one for one in sent if one.kind == "escalated"]) == ["alice", "bob", "dave"]
    assert [one.recipient for one in sent if not one.member_id] == ["escalation@example.org"]


def test_a_null_sender_hears_of_no_escalation(bot: World) -> None:
    bot.receive(mail(), "")
    sent = bot.pass_time(timedelta(hours=48))
    assert [one.recipient for one in sent if not one.member_id] == ["escalation@example.org"]


def test_a40_escalations_of_a_flood_stay_within_the_cap_of_answers(bot: World) -> None:
    bot.reload(lambda text: text.replace("[operators]", "[ack]\nper_hour = 3\n\n[operators]"))
    for number in range(8):
        author = f"r{number}@out.example"
        bot.receive(mail(author=author, message_id=f"<{number}@out.example>"), author)
    assert len([one for one in bot.sent if not one.member_id]) == 3
    sent = bot.pass_time(timedelta(hours=48))
    assert len([one for one in sent if one.recipient.endswith("@out.example")]) == 3
    assert len([one for one in sent if one.member_id == "alice" and one.kind == "escalated"]) == 8


def test_a_reporter_who_got_no_acknowledgement_because_of_the_cap_hears_of_the_escalation(bot: World) -> None:
    """The second report within an hour."""
    bot.receive(mail(), "rita@out.example")
    assert len(bot.receive(mail(message_id="<2@out.example>", subject="Another"), "rita@out.example")) == 3
    sent = bot.pass_time(timedelta(hours=48))
    assert [one.recipient for one in sent].count("rita@out.example") == 2


@pytest.mark.parametrize("extension", ["", "+key", "+1", "+control", "+bounce.x"])
def test_a20_nothing_is_answered_to_an_address_of_the_bots_own(bot: World, extension: str) -> None:
    own = f"security{extension}@example.org"
    sent = bot.receive(mail(author=f"Us <{own}>"), own)
    assert [one.recipient for one in sent if not one.member_id] == []
    assert [one.recipient for one in bot.receive(mail(author=own, message_id="<k@x>"), own, "security+key@example.org")
            if not one.member_id] == []  # fmt: skip


def test_a17_nothing_that_the_reporter_chose_is_in_the_acknowledgement_but_their_address(bot: World) -> None:
    """A display name is a way to write to others in the group's name, under its signature."""
    sent = bot.receive(mail(author='"Buy at evil dot example" <victim@out.example>'), "m@evil.example")
    (ack,) = [one for one in sent if one.recipient == "victim@out.example"]
    assert b"Buy" not in ack.raw
    assert str(ack.mail["To"]) == "victim@out.example"


# What one mail costs


def test_a_subject_of_thousands_of_ids_holds_the_write_lock_no_longer_than_any_other(bot: World) -> None:
    report(bot)
    for tags in ("[EX-1] " * 8000, "".join(f"[EX-{number}]\r\n " for number in range(2, 8000))):
        bot.accept(mail(author="m@evil.example", message_id=f"<{tags[:12]}@x>", subject=tags), "m@evil.example")
        started = time.monotonic()
        assert bot.pipeline.run_once()
        assert time.monotonic() - started < 1.0


def test_only_the_first_ids_of_a_subject_count_each_once() -> None:
    assert subject_numbers("Re: [EX-7] [ex-7] [EX-9]", "EX") == (7, 9)
    assert len(subject_numbers("".join(f"[EX-{number}]" for number in range(1, 5000)), "EX")) == MENTIONS


def test_thousands_of_references_cost_no_thousands_of_rows(bot: World) -> None:
    fields = "".join("References: " + " ".join(f"<{row}.{n}@x>" for n in range(90)) + "\r\n" for row in range(80))
    bot.accept(f"From: m@evil.example\r\n{fields}\r\nhi\r\n".encode(), "m@evil.example")
    bot.store.index_mails(lambda envelope, head: understanding.keys(envelope, head, bot.current().group))
    with bot.store.database.read() as connection:
        rows = connection.scalar(select(func.count()).select_from(inbox_hash))
    assert rows is not None
    assert 1 < rows <= 300


def test_a_mail_shares_its_nearest_references(bot: World) -> None:
    chain = " ".join(f"<{n}@x>" for n in range(90))
    head = f"From: a@b.example\r\nMessage-ID: <me@x>\r\nIn-Reply-To: <89@x>\r\nReferences: {chain}\r\n\r\n".encode()
    keys = understanding.keys(Envelope("a@b.example", (GROUP,), bot.now), head, bot.current().group)
    assert {"<me@x>", "<89@x>", "<88@x>", "<0@x>"} <= set(keys.shared)
