"""When a mail, and when the smarthost, is tried again."""

from datetime import UTC, datetime, timedelta

import pytest

from mailbot.smtp.backoff import FIRST_PAUSE, LONGEST_PAUSE, STEPS, Outage, retry_at

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
FAR = NOW + timedelta(days=5)


def test_each_attempt_waits_longer_up_to_four_hours() -> None:
    assert STEPS[-1] == timedelta(hours=4)
    for attempts in range(1, 20):
        step = STEPS[min(attempts, len(STEPS)) - 1]
        for mail_id in range(1, 50):
            at = retry_at(mail_id, attempts, NOW, FAR)
            assert at is not None
            assert 0.8 * step <= at - NOW <= step


def test_mails_that_failed_together_come_back_spread_out_and_each_at_the_same_time_again() -> None:
    times = {retry_at(mail_id, 3, NOW, FAR) for mail_id in range(100)}
    assert len(times) > 90
    assert retry_at(7, 3, NOW, FAR) == retry_at(7, 3, NOW, FAR)


def test_the_last_try_is_at_the_deadline_and_then_the_mail_is_given_up() -> None:
    deadline = NOW + timedelta(minutes=10)
    assert retry_at(1, 6, NOW, deadline) == deadline
    assert retry_at(1, 7, deadline, deadline) is None


def test_a_mail_whose_time_was_over_before_its_first_try_still_gets_three() -> None:
    deadline = NOW - timedelta(days=1)
    assert [retry_at(1, attempts, NOW, deadline) is None for attempts in (1, 2, 3)] == [False, False, True]


def test_the_pauses_of_an_outage_double_and_stay_below_a_minute() -> None:
    outage, at, pauses = Outage(), 100.0, []
    for _ in range(40):
        pause = outage.failed(at, at + 0.1)
        assert pause is not None
        assert outage.remaining(at + 0.1) == pytest.approx(pause)
        pauses.append(pause)
        at += 0.1 + pause
    assert pauses[:7] == [1, 2, 4, 8, 16, 32, LONGEST_PAUSE]
    assert set(pauses[6:]) == {LONGEST_PAUSE}
    assert LONGEST_PAUSE < 60


def test_attempts_that_ran_side_by_side_tell_of_one_outage() -> None:
    outage = Outage()
    assert outage.failed(1.0, 2.0) == FIRST_PAUSE
    assert outage.failed(1.5, 2.5) is None
    assert outage.failed(3.0, 3.5) == 2 * FIRST_PAUSE


def test_an_answer_ends_the_outage_and_the_next_one_begins_small() -> None:
    outage = Outage()
    outage.failed(1.0, 1.0)
    outage.failed(5.0, 5.0)
    assert outage.doubtful is True
    outage.answered()
    assert (outage.doubtful, outage.remaining(5.0) < 0) == (False, True)
    assert outage.failed(9.0, 9.0) == FIRST_PAUSE
