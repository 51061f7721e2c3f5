"""The wall clock jumps by a year, and back: nothing is skipped, nothing happens twice, nobody waits for a year."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import time_machine

from mailbot import jobs
from mailbot.service.outgoing import Outcome, Result
from mailbot.service.store import MailKeys
from tests.openpgp_keys import Lab
from tests.world import World, mail, world

YEAR = timedelta(days=365)
DAY = timedelta(days=1)


@pytest.fixture
def bot(short_path: Path, lab: Lab) -> Iterator[World]:
    with world(short_path, lab) as made:
        yield made


def report(bot: World, name: str) -> list[str]:
    """A report by somebody; who got mail because of it."""
    raw = mail(author=f"{name}@out.example", message_id=f"<{name}@out.example>")
    return sorted(one.recipient for one in bot.receive(raw, f"{name}@out.example"))


def test_a48_ticks_go_on_whichever_way_the_clock_jumps() -> None:
    ticked = threading.Semaphore(0)
    stop = threading.Event()
    with time_machine.travel(datetime(2026, 11, 24, tzinfo=UTC)) as clock:
        scheduler = jobs.start((jobs.Tick("tick", 0.2, ticked.release),))
        keeper = threading.Thread(target=jobs.keep_ticking, args=(scheduler, stop))
        keeper.start()
        try:
            for jump in (YEAR, -YEAR, -YEAR, YEAR):
                clock.move_to(datetime.now(UTC) + jump)
                for _ in range(3):
                    assert ticked.acquire(timeout=20)
        finally:
            stop.set()
            keeper.join()
            scheduler.shutdown()


def test_a48_a_clock_that_jumped_ahead_fires_once_and_not_again_when_it_is_put_right(bot: World) -> None:
    report(bot, "before")
    ahead = bot.pass_time(YEAR)
    assert [one.kind for one in ahead if one.recipient == "alice@members.example"] == [
        "escalated", "appointed", "deadline",
    ]  # fmt: skip
    assert bot.pass_time(-YEAR) == []
    assert bot.pass_time(DAY) == []
    # Whoever was asked in the wrong year has their time from now on.
    assert [one.kind for one in bot.pass_time(DAY)] == ["nobody_coordinates"] * 3 + ["escalation_coordinator"]
    assert bot.pass_time(DAY) == []


def test_a48_a_date_comes_at_its_time_although_it_seemed_to_be_past(bot: World) -> None:
    report(bot, "before")
    assert "deadline" in {one.kind for one in bot.pass_time(YEAR)}
    assert _embargo(bot)["state"] == "missed"
    bot.pass_time(-YEAR)
    assert (_embargo(bot)["state"], _embargo(bot)["next_at"]) == ("running", "2027-02-08T09:00:00Z")
    bot.pass_time(70 * DAY)
    assert {one.kind for one in bot.pass_time(6 * DAY)} == {"deadline"}
    assert {one.kind for one in bot.pass_time(14 * DAY)} == {"deadline"}
    assert _embargo(bot)["state"] == "missed"
    assert {one.kind for one in bot.pass_time(DAY)} == {"deadline"}


def test_a48_a_date_is_not_told_twice_because_the_clock_was_behind_for_a_while(bot: World) -> None:
    report(bot, "before")
    assert "deadline" in {one.kind for one in bot.pass_time(77 * DAY)}
    assert bot.pass_time(-YEAR) == []
    assert [one.kind for one in bot.pass_time(YEAR) if one.kind == "deadline"] == []
    assert {one.kind for one in bot.pass_time(7 * DAY) if one.kind == "deadline"} == {"deadline"}


def _embargo(bot: World) -> dict[str, str]:
    (found,) = [clock for clock in bot.show(1)["clocks"] if clock["name"] == "embargo"]
    return dict(found)


def test_a48_a_clock_that_jumped_back_fires_late_rather_than_never(bot: World) -> None:
    report(bot, "before")
    assert bot.pass_time(-YEAR) == []
    fired = bot.pass_time(YEAR + DAY)
    assert {one.kind for one in fired} == {"reminder"}


def test_a48_reports_on_either_side_of_a_jump_are_acknowledged_and_reminded_of(bot: World) -> None:
    everybody = ["alice@members.example", "bob@members.example", "dave@members.example"]
    bot.now += YEAR
    assert report(bot, "ahead") == sorted([*everybody, "ahead@out.example"])
    bot.now -= YEAR
    assert report(bot, "after") == sorted([*everybody, "after@out.example"])
    assert sorted(one.recipient for one in bot.pass_time(DAY)) == everybody


def test_a48_what_waits_for_another_try_does_not_wait_for_a_year(bot: World) -> None:
    bot.now += YEAR
    bot.accept(mail(), "rita@out.example")
    bot.store.index_mails(lambda _envelope, _head: MailKeys("rita", ()))
    claim = bot.store.claim_mail(bot.now)
    assert claim is not None
    bot.store.mail_failed(claim, bot.now, timedelta(minutes=5))
    assert bot.store.claim_mail(bot.now) is None
    bot.now -= YEAR
    assert len(bot.settle()) == 4


def test_a48_a_deferred_mail_does_not_wait_for_a_year_either(bot: World) -> None:
    bot.smarthost_up = False
    bot.now += YEAR
    bot.receive(mail(), "rita@out.example")
    mails = bot.outbox.claim(100, 1 << 30, bot.now)
    later = bot.now + timedelta(minutes=5)
    bot.outbox.finish([Result(one, Outcome.DEFERRED, 1, 450, "later", later) for one in mails], bot.now)
    bot.now -= YEAR
    bot.smarthost_up = True
    assert len(bot.settle()) == len(mails) == 4


@pytest.mark.parametrize("jump", [YEAR, -YEAR])
def test_a48_a_jump_neither_frees_nor_keeps_what_is_being_worked_on(bot: World, jump: timedelta) -> None:
    bot.smarthost_up = False
    bot.receive(mail(), "rita@out.example")
    mails = bot.outbox.claim(100, 1 << 30, bot.now)
    bot.accept(mail(message_id="<2@out.example>"), "rita@out.example")
    bot.store.index_mails(lambda _envelope, _head: MailKeys("rita", ()))
    claim = bot.store.claim_mail(bot.now)
    assert claim is not None
    bot.now += jump
    assert bot.store.claim_mail(bot.now) is None
    assert bot.outbox.claim(100, 1 << 30, bot.now) == []
    bot.outbox.finish([Result(one, Outcome.SENT, 1, 250, "") for one in mails], bot.now)
    assert {row["state"] for row in bot.outgoing()} == {"sent"}
