"""What the rings around one mail and one notice do with a failure: whose it is, and when it is tried again."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from mailbot.errors import MailFailed, TemporaryError
from mailbot.service import pipeline
from mailbot.storage.tables import clock, inbox, notice
from tests.openpgp_keys import Lab
from tests.world import World, mail, world

OWN = [MailFailed("hung"), ValueError("a bug"), MemoryError()]
NOT_OWN = [TemporaryError("gpg is missing"), OSError(28, "no space left")]


@pytest.fixture
def bot(short_path: Path, lab: Lab) -> Iterator[World]:
    with world(short_path, lab) as made:
        yield made


def raising(error: Exception) -> Callable[..., Any]:
    def call(*_arguments: object) -> Any:
        raise error

    return call


def column(bot: World, what: Any) -> Any:
    """A column of the one row of its table."""
    with bot.store.database.read() as connection:
        return connection.execute(select(what)).scalar_one()


def try_again(bot: World) -> timedelta:
    """Go to the time of the next try and do all work there is then. Returns how long that was."""
    before = bot.now
    bot.now = max(bot.now, column(bot, inbox.c.not_before))
    bot.settle()
    return bot.now - before


@pytest.mark.parametrize("error", NOT_OWN, ids=repr)
def test_what_is_not_the_mails_fault_never_quarantines_it(bot: World, error: Exception) -> None:
    usual = bot.parser.parse
    bot.parser.parse = raising(error)  # type: ignore[method-assign]
    bot.receive(mail(), "rita@out.example")
    for _ in range(5):
        assert try_again(bot) == pipeline.RETRY_AFTER_TROUBLE
    bot.parser.parse = usual  # type: ignore[method-assign]
    try_again(bot)
    assert (bot.dispositions(), len(bot.sent)) == (["report"], 4)
    assert column(bot, inbox.c.failures) == 0


@pytest.mark.parametrize("error", OWN, ids=repr)
def test_a_mail_that_fails_by_itself_three_times_is_relayed_raw_at_once(bot: World, error: Exception) -> None:
    bot.parser.parse = raising(error)  # type: ignore[method-assign]
    bot.receive(mail(), "rita@out.example")
    assert bot.sent == []
    assert try_again(bot) == pipeline.RETRY_AFTER_FAILURE
    assert bot.sent == []
    assert try_again(bot) == pipeline.RETRY_AFTER_FAILURE
    assert bot.dispositions() == ["unreadable"]
    assert column(bot, inbox.c.state) == "quarantined"
    assert len(bot.sent) == 4


def test_where_even_giving_up_fails_it_is_tried_more_and_more_seldom(
    bot: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(bot.pipeline, "_decide", raising(ValueError("a bug")))
        bot.receive(mail(), "rita@out.example")
        pauses = [try_again(bot) for _ in range(60)]
    assert pauses[3:] == sorted(pauses[3:])
    assert pauses[-1] == pipeline.LONGEST_RETRY
    try_again(bot)
    assert {one.member_id for one in bot.sent} == {"alice", "bob", "dave"}


def test_gpg_that_hangs_on_the_members_keys_counts_for_no_mail(bot: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bot.gpg, "load", raising(MailFailed("gpg did not finish within 30 seconds")))
    bot.receive(mail(), "rita@out.example")
    for _ in range(5):
        try_again(bot)
    assert column(bot, inbox.c.failures) == 0
    assert column(bot, inbox.c.claim_owner) is None


def test_a_notice_is_never_given_up(bot: World, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(bot.composer, "compose", raising(MailFailed("hung")))
        bot.receive(mail(), "rita@out.example")
        for _ in range(60):
            bot.now += pipeline.LONGEST_RETRY
            bot.settle()
        with bot.store.database.read() as connection:
            rows = connection.execute(select(notice.c.failures, notice.c.not_before, notice.c.claim_owner)).all()
        assert [(row.failures, row.claim_owner) for row in rows] == [(61, None)] * 2
        assert {row.not_before - bot.now for row in rows} == {pipeline.LONGEST_RETRY}
    bot.now += pipeline.LONGEST_RETRY
    assert len(bot.settle()) == 4


def test_what_could_not_even_be_given_back_is_free_after_its_lease(bot: World, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(bot.parser, "parse", raising(TemporaryError("the database is gone")))
        patch.setattr(bot.store, "release_mail", raising(TemporaryError("the database is gone")))
        bot.accept(mail(), "rita@out.example")
        with pytest.raises(TemporaryError):
            bot.pipeline.run_once()
    assert bot.settle() == []
    with bot.store.database.write() as connection:
        connection.execute(update(inbox).values(claim_until=0.0))
    bot.store.renew()
    assert len(bot.settle()) == 4


def test_a_clock_that_cannot_fire_stops_no_other_and_is_tried_again(
    bot: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    bot.receive(mail(), "rita@out.example")
    bot.receive(mail(author="tom@out.example", message_id="<2@out.example>"), "tom@out.example")
    usual = bot.ticks._fire
    with monkeypatch.context() as patch:
        patch.setattr(bot.ticks, "_fire", lambda due: usual(due) if due.issue == 2 else raising(ValueError("a bug"))())
        sent = bot.pass_time(timedelta(days=1))
        assert {one.mail["X-Mailbot-Issue"] for one in sent} == {"EX-2"}
    sent = bot.pass_time(timedelta(0))
    assert {one.mail["X-Mailbot-Issue"] for one in sent} == {"EX-1"}
    with bot.store.database.read() as connection:
        fired: list[datetime] = list(connection.scalars(select(clock.c.fired).where(clock.c.name == "first_response")))
    assert fired == [1, 1]
