"""Whose turn it is."""

from collections import Counter
from datetime import UTC, datetime, timedelta

import hypothesis.strategies as st
from hypothesis import given

from mailbot.domain.rotation import Away, away_at, next_member

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
ONCALL = ["alice", "bob", "carol"]


def test_who_never_had_a_turn_comes_first_in_the_order_of_the_config() -> None:
    assert next_member(ONCALL, (), (), {}) == "alice"
    assert next_member(ONCALL, (), (), {"alice": 1}) == "bob"
    assert next_member(ONCALL, (), ("bob",), {"alice": 1}) == "carol"


def test_then_whose_turn_is_longest_ago() -> None:
    last = {"alice": 2, "bob": 1, "carol": 3}
    assert next_member(ONCALL, (), (), last) == "bob"
    assert next_member(ONCALL, ("bob",), (), last) == "alice"


def test_a_round_is_over_when_all_who_are_there_were_asked() -> None:
    assert next_member(ONCALL, ("carol",), ("alice", "bob"), {}) is None
    assert next_member([], (), (), {}) is None


def test_away_is_from_the_beginning_to_before_the_end() -> None:
    period = [Away("alice", NOW, NOW + HOUR)]
    assert away_at(period, NOW - timedelta(seconds=1)) == frozenset()
    assert away_at(period, NOW) == {"alice"}
    assert away_at(period, NOW + HOUR) == frozenset()


@given(st.integers(1, 6), st.integers(1, 60))
def test_over_many_issues_everybody_has_as_many_turns_as_everybody_else(people: int, issues: int) -> None:
    oncall = [f"m{number}" for number in range(people)]
    last: dict[str, int] = {}
    turns: Counter[str] = Counter()
    for issue in range(issues):
        member = next_member(oncall, (), (), last)
        assert member is not None
        last[member] = issue
        turns[member] += 1
    assert max(turns.values()) - min(turns[member] for member in oncall) <= 1
