"""What counts as wrong, and what an operator hears of it, and when."""

from collections.abc import Iterator
from dataclasses import fields, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from mailbot.metrics import exposition, report
from mailbot.service.daily import Daily
from mailbot.service.health import Vitals, problems
from mailbot.storage import vitals
from tests.openpgp_keys import Lab
from tests.unit.service.cases import RITA
from tests.world import HEALTHY, World, mail, world

GRAVE = [
    ({"unhandled": 2, "unhandled_age": 400}, "2 mails are accepted and not handled, the oldest for 7 min"),
    ({"unwritten": 1, "unwritten_age": 400}, "mail about 1 events is not written"),
    ({"scheduler_lag": 90}, "a clock should have fired 2 min ago"),
    ({"unsent": 1, "unsent_age": 86_400}, "1 mail is not sent, the oldest for 24 h"),
    ({"free_bytes": 1_000_000}, "the disk of the database has 1 MB left"),
    ({"group_key_days": -1.0}, "the group's key has ended"),
]
NOT_GRAVE = [
    ({"group_key_days": 5.2}, "the group's key ends in 5 days"),
    ({"members_key_days": 5.2}, "a member's key ends in 5 days"),
    ({"quarantined": 1}, "1 mail is quarantined"),
    ({"undelivered": 3}, "3 mails are not delivered"),
]
FINE: list[dict[str, Any]] = [
    {}, {"unhandled": 5, "unhandled_age": 299}, {"unsent": 9, "unsent_age": 3500}, {"scheduler_lag": 59}, {"held": 40},
    {"group_key_days": 8.0, "members_key_days": 8.0},
]  # fmt: skip


@pytest.mark.parametrize(("changes", "words"), GRAVE + NOT_GRAVE)
def test_each_trouble_is_said_with_its_mend(changes: dict[str, Any], words: str) -> None:
    (problem,) = problems(replace(HEALTHY, **changes))
    assert problem.what.startswith(words)
    assert problem.mend
    assert problem.grave is ((changes, words) in GRAVE)


@pytest.mark.parametrize("changes", FINE)
def test_what_is_usual_is_no_trouble(changes: dict[str, Any]) -> None:
    assert list(problems(replace(HEALTHY, **changes))) == []


def test_health_fails_only_on_what_is_grave() -> None:
    assert report(replace(HEALTHY, quarantined=1))["healthy"] is True
    assert report(replace(HEALTHY, scheduler_lag=100))["healthy"] is False


def test_every_vital_sign_is_a_metric_and_none_has_a_label() -> None:
    full = replace(HEALTHY, group_key_days=40.5, members_key_days=3.0)
    text = exposition(full)
    values = [line for line in text.splitlines() if not line.startswith("#")]
    assert len(values) == len(fields(Vitals)) + 1
    assert "{" not in text
    assert "mailbot_group_key_expires_days 40.5" in values
    assert "mailbot_healthy 1" in values
    assert len(report(full)) == len(fields(Vitals)) + 2


def test_a_key_that_never_ends_has_no_metric() -> None:
    assert "key_expires" not in exposition(HEALTHY)


# On a whole bot


@pytest.fixture
def bot(short_path: Path, lab: Lab) -> Iterator[World]:
    with world(short_path, lab) as made:
        yield made


def test_the_numbers_follow_a_mails_way(bot: World) -> None:
    bot.smarthost_up = False
    bot.accept(mail(), RITA)
    later = bot.now + timedelta(seconds=90)
    waiting = vitals.read(bot.store.database, later)
    assert (waiting.unhandled, waiting.unhandled_age, waiting.unsent) == (1, 90.0, 0)
    bot.settle()
    waiting = vitals.read(bot.store.database, later)
    assert (waiting.unhandled, waiting.unhandled_age, waiting.unwritten) == (0, 0.0, 0)
    assert (waiting.unsent, waiting.unsent_age, waiting.open_issues) == (4, 90.0, 1)
    assert vitals.read(bot.store.database, bot.now + timedelta(hours=25)).scheduler_lag == 3600.0
    bot.smarthost_up = True
    bot.settle()
    assert vitals.read(bot.store.database, later).unsent == 0


def trouble(bot: World, daily: Daily) -> list[str]:
    """What the operators hear at this moment."""
    daily.say()
    return [one.words for one in bot.settle() if one.kind == "trouble"]


def test_operators_hear_of_what_can_wait_once_in_the_morning(bot: World) -> None:
    state = replace(HEALTHY, quarantined=1)
    daily = Daily(bot.current, bot.store, lambda: bot.now, lambda: state)
    heard = []
    for _ in range(30):  # from nine in the morning on, each hour
        heard.append(len(trouble(bot, daily)))
        bot.now += timedelta(hours=1)
    assert [hour for hour, count in enumerate(heard) if count] == [0, 23]
    assert {one.recipient for one in bot.sent} == {"ops@example.org"}
    assert not bot.sent[0].encrypted


def test_operators_hear_of_what_is_grave_at_any_hour_once_it_lasts(bot: World) -> None:
    state = [HEALTHY]
    daily = Daily(bot.current, bot.store, lambda: bot.now, lambda: state[0])
    bot.now += timedelta(hours=12)
    assert trouble(bot, daily) == []
    state[0] = replace(HEALTHY, unsent=1, unsent_age=90_000)
    bot.now += timedelta(minutes=5)
    assert trouble(bot, daily) == []
    bot.now += timedelta(minutes=5)
    (said,) = trouble(bot, daily)
    assert "Now: 1 mail is not sent, the oldest for 25 h. Mend:" in said
    bot.now += timedelta(minutes=5)
    assert trouble(bot, daily) == []
    bot.now += timedelta(days=1)
    assert len(trouble(bot, daily)) == 1
    state[0] = HEALTHY
    bot.now += timedelta(days=1)
    assert trouble(bot, daily) == []


def test_what_is_late_for_a_moment_after_a_start_alarms_nobody(bot: World) -> None:
    state = [replace(HEALTHY, scheduler_lag=40_000, unsent=3, unsent_age=40_000)]
    daily = Daily(bot.current, bot.store, lambda: bot.now, lambda: state[0])
    assert trouble(bot, daily) == []
    state[0] = HEALTHY
    bot.now += timedelta(minutes=5)
    assert trouble(bot, daily) == []


def test_another_scheduler_on_the_same_day_says_nothing_again(bot: World) -> None:
    for _ in range(2):
        Daily(bot.current, bot.store, lambda: bot.now, lambda: replace(HEALTHY, quarantined=1)).say()
    assert len(bot.settle()) == 1
