"""What is held, what never is, and what a person's word does; on a whole bot in one process."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from mailbot.mail.authenticity import Authentication
from mailbot.service import held
from mailbot.service.daily import Daily
from mailbot.service.ports import Opened
from tests.openpgp_keys import Lab
from tests.unit.service.cases import ALICE, RITA, FakeUnit, message, settings, signed_by
from tests.world import HEALTHY, World, mail, world

SETTINGS = settings()
ALICE_MEMBER = SETTINGS.member_by_address(ALICE)
SPAMMY = "X-Spam-Score: 14.2\r\nAuthentication-Results: mx.example.org; dmarc=none header.from=out.example\r\n"


def why(reports: int = 0, *, member: bool = False, **changes: Any) -> str:
    return held.reason(FakeUnit(reports=reports), message(**changes), SETTINGS, ALICE_MEMBER if member else None)


# What is held


def test_a_score_over_the_limit_is_held_and_one_at_it_is_not() -> None:
    assert why(spam_score=10.1) == "spam score 10.1, over 10"
    assert why(spam_score=10.0) == ""
    assert why(spam_score=None) == ""


def test_the_report_after_the_last_that_one_sender_may_send_in_an_hour_is_held() -> None:
    assert why(19) == ""
    assert why(20) == "more than 20 reports in an hour from this sender"


@pytest.mark.parametrize(
    "changes",
    [
        {"subject": "Vulnerability in frobnicate"},
        {"subject": "VULNERABILITIES"},
        {"signature": signed_by("rita")},
        {"opened": Opened.DECRYPTED},
        {"opened": Opened.NO_KEY},
        {"opened": "partly"},
        {"released": True},
    ],
)
def test_signed_encrypted_or_named_reports_are_never_held(changes: dict[str, Any]) -> None:
    assert why(1000, spam_score=99.0, **changes) == ""


def test_the_word_in_the_text_is_no_bypass_because_spam_has_it_there() -> None:
    assert why(spam_score=99.0, text="vulnerability\n") != ""


def test_a_member_is_exempt_from_floods_unless_the_front_knows_that_it_is_forged() -> None:
    assert why(1000, member=True, author=ALICE) == ""
    failed = Authentication(dmarc="fail", dmarc_domain="members.example")
    assert why(1000, member=True, author=ALICE, checks=failed) != ""


def test_a_members_address_is_exempt_from_the_score_only_with_a_dmarc_pass() -> None:
    passed = Authentication(dmarc="pass", dmarc_domain="members.example")
    assert why(spam_score=99.0, member=True, author=ALICE, checks=passed) == ""
    assert why(spam_score=99.0, member=True, author=ALICE) != ""


# The whole way


@pytest.fixture
def bot(short_path: Path, lab: Lab) -> Iterator[World]:
    with world(short_path, lab) as made:
        yield made


def spam(number: int = 1, **how: Any) -> bytes:
    return SPAMMY.encode() + mail("Buy our audit.\n", subject="14 bugs", message_id=f"<{number}@out.example>", **how)


def list_held(bot: World) -> list[Any]:
    with bot.store.operate() as unit:
        return unit.held()


def test_held_mail_sends_nothing_opens_nothing_and_is_kept_whole(bot: World) -> None:
    assert bot.receive(spam(), RITA) == []
    assert bot.dispositions() == ["held"]
    assert bot.issues() == []
    (row,) = list_held(bot)
    assert (row.number, row.cause, row.subject) == (1, "spam score 14.2, over 10", "14 bugs")
    assert (row.author, row.author_name) == ("rita@out.example", "Rita Reporter")


def test_released_mail_is_an_ordinary_report_counted_from_when_it_came(bot: World) -> None:
    received = bot.now
    bot.receive(spam(), RITA)
    bot.now += timedelta(hours=5)
    with bot.store.operate() as unit:
        assert held.release(unit, 1, "alice", bot.now) is not None
    kinds = [one.kind for one in bot.settle()]
    assert kinds.count("acknowledgement") == 1
    assert kinds.count("report") == 3
    shown = bot.show(1)
    assert shown["opened_at"] == received.strftime("%Y-%m-%dT%H:%M:%SZ")
    clock = next(one for one in shown["clocks"] if one["name"] == "first_response")
    assert clock["due_at"] == (received + timedelta(hours=48)).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert bot.dispositions() == ["report"]
    assert list_held(bot) == []


def test_held_mail_that_comes_again_is_the_same_mail_and_still_released_once(bot: World) -> None:
    bot.receive(spam(), RITA)
    bot.receive(spam(), RITA)
    assert bot.dispositions() == ["held", "duplicate"]
    with bot.store.operate() as unit:
        assert held.release(unit, 2, "alice", bot.now) is None
        assert held.release(unit, 1, "alice", bot.now) is not None
    bot.settle()
    assert len(bot.issues()) == 1


def test_discarded_mail_ends_answers_nobody_and_can_still_be_released(bot: World) -> None:
    bot.receive(spam(), RITA)
    with bot.store.operate() as unit:
        assert held.discard(unit, 1, "bob", bot.now) is not None
        assert held.discard(unit, 1, "bob", bot.now) is None
    assert bot.settle() == []
    assert bot.dispositions() == ["discarded"]
    with bot.store.operate() as unit:
        assert held.release(unit, 1, "operator", bot.now) is not None
    bot.settle()
    assert bot.dispositions() == ["report"]


def test_a_word_about_a_mail_that_is_not_held_changes_nothing(bot: World) -> None:
    bot.receive(mail(), RITA)
    with bot.store.operate() as unit:
        assert held.release(unit, 1, "alice", bot.now) is None
        assert held.discard(unit, 1, "alice", bot.now) is None
        assert held.release(unit, 99, "alice", bot.now) is None
    bot.settle()
    assert bot.dispositions() == ["report"]


def test_every_word_is_audited_with_who_said_it(bot: World) -> None:
    bot.receive(spam(), RITA)
    with bot.store.operate() as unit:
        held.discard(unit, 1, "bob", bot.now)
        held.release(unit, 1, "alice", bot.now)
    with bot.store.database.read() as connection:
        rows = connection.exec_driver_sql("SELECT actor, action FROM audit ORDER BY seq").all()
    assert rows == [("bob", "discard"), ("alice", "release")]


def test_a_flood_is_held_from_the_limit_on_and_others_are_not(bot: World) -> None:
    bot.reload(lambda text: text + "\n[hold]\nper_sender = 3\n")
    for number in range(5):
        bot.receive(mail(f"Finding {number}\n", message_id=f"<{number}@out.example>"), RITA)
    bot.receive(mail(author="Sam <sam@out.example>", message_id="<sam@out.example>"), "sam@out.example")
    assert bot.dispositions() == ["report"] * 3 + ["held"] * 2 + ["report"]
    bot.now += timedelta(hours=1, seconds=1)
    bot.receive(mail("Later\n", message_id="<later@out.example>"), RITA)
    assert bot.dispositions()[-1] == "report"


def test_follow_ups_do_not_count_and_are_never_held(bot: World) -> None:
    bot.reload(lambda text: text + "\n[hold]\nper_sender = 1\n")
    sent = bot.receive(mail(), RITA)
    keyed = next(one.mail["Reply-To"].addresses[0].addr_spec for one in sent if one.kind == "acknowledgement")
    bot.receive(SPAMMY.encode() + mail("More\n", message_id="<2@out.example>"), RITA, keyed)
    assert bot.dispositions() == ["report", "follow-up"]


# The digest


def daily(bot: World) -> Daily:
    return Daily(bot.current, bot.store, lambda: bot.now, lambda: HEALTHY)


def test_the_digest_comes_once_a_day_to_every_member_while_something_is_held(bot: World) -> None:
    bot.receive(spam(), RITA)
    bot.receive(spam(2), RITA)
    daily(bot).say()
    first = bot.settle()
    assert [one.member_id for one in first] == ["alice", "bob", "dave"]
    daily(bot).say()
    assert bot.settle() == []
    bot.now += timedelta(days=1)
    daily(bot).say()
    assert len(bot.settle()) == 3
    with bot.store.operate() as unit:
        held.release(unit, 1, "alice", bot.now)
        held.discard(unit, 2, "alice", bot.now)
    bot.settle()
    bot.now += timedelta(days=1)
    daily(bot).say()
    assert bot.settle() == []


def test_the_digest_shows_each_mail_inside_the_encryption_and_nothing_outside(bot: World) -> None:
    bot.receive(spam(), RITA)
    daily(bot).say()
    alice, _, dave = bot.settle()
    assert alice.encrypted
    assert alice.subject == "Mail is held"
    assert alice.mail["Reply-To"].addresses[0].addr_spec == "security+control@example.org"
    for words in ("14 bugs", "Rita Reporter <rita@out.example>", "spam score 14.2, over 10", "/release 1"):
        assert words in alice.words
    assert "dave has no key and got only a notice without content of this." in alice.words
    assert not dave.encrypted
    assert "bugs" not in dave.raw.decode()
    assert "rita" not in dave.raw.decode().lower()
    assert dave.subject == "[EX] Mail is held"


def test_the_digest_waits_for_the_morning_of_the_group(bot: World) -> None:
    bot.reload(lambda text: text.replace("[group]", '[group]\ntimezone = "America/Los_Angeles"'))
    bot.receive(spam(), RITA)  # at nine in the morning in UTC, one at night there
    daily(bot).say()
    assert bot.settle() == []
    bot.now += timedelta(hours=8)
    daily(bot).say()
    assert len(bot.settle()) == 3


def test_what_lists_show_of_held_mail_is_sealed(bot: World) -> None:
    bot.receive(spam(), RITA)
    content = bot.store.database.path.read_bytes() + Path(f"{bot.store.database.path}-wal").read_bytes()
    assert b"14 bugs" not in content
    assert b"rita@out.example" not in content
