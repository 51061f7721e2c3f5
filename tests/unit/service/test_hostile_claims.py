"""Whatever goes wrong around one mail or notice, it is tried again, and it holds up nothing but itself."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select, update

from mailbot.errors import MailFailed, TemporaryError
from mailbot.openpgp.process import GpgUnusable
from mailbot.service import handlers, router
from mailbot.service.store import ClaimedMail
from mailbot.storage.database import StoreUnavailable
from mailbot.storage.leases import LEASE_SECONDS
from mailbot.storage.tables import blob, inbox, issue, notice, outbox
from tests.openpgp_keys import Lab
from tests.world import World, mail, world


@pytest.fixture
def bot(short_path: Path, lab: Lab) -> Iterator[World]:
    with world(short_path, lab) as made:
        yield made


@pytest.fixture
def lease_clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """The boot clock of the leases; the call moves it."""
    seconds = [1000.0]
    monkeypatch.setattr("mailbot.storage.claims.boot_seconds", lambda: seconds[0])
    return lambda more: seconds.__setitem__(0, seconds[0] + more)


def fail_once(monkeypatch: pytest.MonkeyPatch, owner: Any, name: str, error: Exception) -> None:
    """Make the next call of a method raise."""
    usual, left = getattr(owner, name), [error]

    def call(*args: Any, **kwargs: Any) -> Any:
        if left:
            raise left.pop()
        return usual(*args, **kwargs)

    monkeypatch.setattr(owner, name, call)


def relays(bot: World) -> list[str]:
    return [str(one.member_id) for one in bot.sent if one.member_id and b"EX-1" in one.raw]


def _is_done(bot: World) -> bool:
    return {"alice", "bob", "dave"} <= {*relays(bot)} and "rita@out.example" in [one.recipient for one in bot.sent]


def test_a_keyring_that_cannot_be_loaded_delays_a_mail_and_counts_no_failure(
    bot: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    for error in (GpgUnusable("no gpg"), MailFailed("gpg took too long for the keys")):
        fail_once(monkeypatch, bot.gpg, "load", error)
    bot.accept(mail(), "rita@out.example")
    bot.settle()
    assert bot.dispositions() == ["new"]
    bot.now += timedelta(minutes=1)
    bot.settle()
    bot.now += timedelta(minutes=1)
    bot.settle()
    assert _is_done(bot)
    with bot.store.database.read() as connection:
        assert connection.scalar(select(func.max(inbox.c.failures))) == 0


def test_a_keyring_that_cannot_be_loaded_delays_a_notice(bot: World, monkeypatch: pytest.MonkeyPatch) -> None:
    bot.accept(mail(), "rita@out.example")
    bot.decide_only()
    fail_once(monkeypatch, bot.gpg, "load", GpgUnusable("no gpg"))
    bot.settle()
    bot.now += timedelta(minutes=1)
    bot.settle()
    assert _is_done(bot)


@pytest.mark.parametrize("give_back", ["release_mail", "mail_failed"])
def test_a_mail_that_could_not_even_be_given_back_is_free_when_its_lease_is_over(
    bot: World, monkeypatch: pytest.MonkeyPatch, lease_clock: Callable[[float], None], give_back: str
) -> None:
    cause = TemporaryError("x") if give_back == "release_mail" else MailFailed("x")
    fail_once(monkeypatch, bot.parser, "parse", cause)
    fail_once(monkeypatch, bot.store, give_back, StoreUnavailable("the disk is full"))
    bot.accept(mail(), "rita@out.example")
    with pytest.raises(StoreUnavailable):
        bot.settle()
    # The process lives on and renews what it works on; it no longer works on this.
    for _ in range(int(LEASE_SECONDS / 5) + 1):
        bot.store.renew()
        lease_clock(5.0)
    bot.settle()
    assert _is_done(bot)


def test_a_notice_that_could_not_even_be_given_back_is_free_when_its_lease_is_over(
    bot: World, monkeypatch: pytest.MonkeyPatch, lease_clock: Callable[[float], None]
) -> None:
    bot.accept(mail(), "rita@out.example")
    fail_once(monkeypatch, bot.composer, "compose", TemporaryError("x"))
    fail_once(monkeypatch, bot.store, "notice_failed", StoreUnavailable("the disk is full"))
    with pytest.raises(StoreUnavailable):
        bot.settle()
    for _ in range(int(LEASE_SECONDS / 5) + 1):
        bot.store.renew()
        lease_clock(5.0)
    bot.settle()
    assert _is_done(bot)


def test_a_mail_in_hand_keeps_its_lease(bot: World, lease_clock: Callable[[float], None]) -> None:
    bot.accept(mail(), "rita@out.example")
    bot.store.index_mails(lambda envelope, head: _keys(bot, envelope, head))
    claim = bot.store.claim_mail(bot.now)
    assert isinstance(claim, ClaimedMail)
    with bot.store.holding(claim):
        for _ in range(20):
            lease_clock(5.0)
            bot.store.renew()
        assert bot.store.claim_mail(bot.now) is None
    lease_clock(LEASE_SECONDS + 1)
    assert bot.store.claim_mail(bot.now) is not None


def _keys(bot: World, envelope: Any, head: bytes) -> Any:
    from mailbot.service import understanding

    return understanding.keys(envelope, head, bot.current().group)


def test_a_notice_that_fails_for_days_is_still_tried(bot: World, monkeypatch: pytest.MonkeyPatch) -> None:
    bot.accept(mail(), "rita@out.example")
    bot.decide_only()
    with bot.store.database.write() as connection:
        connection.execute(update(notice).values(failures=5000))
    fail_once(monkeypatch, bot.composer, "compose", ValueError("a bug"))
    bot.settle()
    bot.now += timedelta(minutes=15)
    bot.settle()
    assert _is_done(bot)


@pytest.mark.parametrize("table", [inbox, notice, outbox], ids=["mail", "notice", "outgoing"])
def test_a_row_that_cannot_be_unsealed_holds_up_no_other(bot: World, table: Any) -> None:
    bot.accept(mail(message_id="<broken@out.example>"), "rita@out.example")
    if table is notice:
        bot.decide_only()
    elif table is outbox:
        bot.pipeline.run_once()
    with bot.store.database.write() as connection:
        if table is inbox:
            connection.execute(update(blob).values(wrapped_key=b"x" * 104))
        else:
            connection.execute(update(table).values(sealed=b"x" * 60))
    bot.accept(mail(author="Sam <sam@out.example>", message_id="<2@out.example>"), "sam@out.example")
    bot.settle()
    recipients = [one.recipient for one in bot.sent]
    assert sorted(recipients) == [
        "alice@members.example", "bob@members.example", "dave@members.example", "sam@out.example",
    ]  # fmt: skip
    with bot.store.database.read() as connection:
        stuck = connection.scalar(select(func.count()).select_from(table).where(table.c.failures > 0))
    assert stuck
    assert stuck >= 1


def test_a_mail_that_cannot_be_unsealed_does_not_block_the_same_senders_next(bot: World) -> None:
    bot.accept(mail(message_id="<broken@out.example>"), "rita@out.example")
    bot.store.index_mails(lambda envelope, head: _keys(bot, envelope, head))
    with bot.store.database.write() as connection:
        connection.execute(update(blob).values(wrapped_key=b"x" * 104))
    bot.accept(mail(message_id="<2@out.example>"), "rita@out.example")
    bot.settle()
    assert bot.dispositions() == ["new", "report"]


def test_a_mail_whose_handler_always_fails_is_quarantined_with_nothing_read_from_it(
    bot: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Quarantine must not go through the very step that failed."""

    def fails(*_: Any) -> Any:
        raise ValueError("a bug that this mail brings out")

    monkeypatch.setattr(router, "look_up", fails)
    bot.accept(mail(), "rita@out.example")
    for _ in range(6):
        bot.settle()
        bot.now += timedelta(minutes=1)
    assert [one.member_id for one in bot.sent if one.member_id] == ["alice", "bob", "dave"]
    assert "could not be read" in bot.sent[0].words
    with bot.store.database.read() as connection:
        row = connection.execute(select(inbox.c.state, inbox.c.disposition)).one()
    assert tuple(row) == ("quarantined", "unreadable")


def test_a_mail_that_cannot_even_be_quarantined_is_tried_less_and_less_often(
    bot: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries = []

    def fails(*_: Any) -> Any:
        tries.append(bot.now)
        raise ValueError("a bug")

    monkeypatch.setitem(handlers.HANDLERS, "report", fails)
    bot.accept(mail(), "rita@out.example")
    for _ in range(60):
        for _ in range(20):
            if not bot.pipeline.run_once():
                break
        bot.now += timedelta(minutes=1)
    assert 5 < len(tries) < 25


def test_an_issue_whose_content_is_gone_does_not_swallow_a_follow_up(bot: World) -> None:
    """The issue's key was destroyed, and somebody writes on it again."""
    (ack,) = [one for one in bot.receive(mail(), "rita@out.example") if one.recipient == "rita@out.example"]
    keyed = str(ack.mail["Reply-To"].addresses[0].addr_spec)
    with bot.store.database.write() as connection:
        connection.execute(update(issue).values(wrapped_key=None))
    bot.accept(mail("More.\n", message_id="<2@out.example>"), "rita@out.example", keyed)
    for _ in range(6):
        bot.settle()
        bot.now += timedelta(minutes=1)
    assert "unreadable" in bot.dispositions()
    assert [one.member_id for one in bot.sent[-3:]] == ["alice", "bob", "dave"]


def test_one_clock_that_cannot_fire_holds_up_no_other(bot: World, monkeypatch: pytest.MonkeyPatch) -> None:
    bot.receive(mail(), "rita@out.example")
    bot.receive(mail(author="Sam <sam@out.example>", message_id="<2@out.example>"), "sam@out.example")
    with bot.store.database.write() as connection:
        connection.execute(update(issue).where(issue.c.id == 1).values(wrapped_key=None))
    sent = bot.pass_time(timedelta(hours=24))
    assert {str(one.mail["X-Mailbot-Issue"]) for one in sent} == {"EX-2"}
    assert len(sent) == 3
