"""Addresses and ids that prove themselves."""

import re
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailbot.mail.envelope import Strength, Target, target
from mailbot.service.tokens import Tokens

TOKENS = Tokens(b"k" * 32, "example.org")
OTHER_KEY = Tokens(b"l" * 32, "example.org")
RITA = "rita@out.example"


# The address of a participant


def test_a_participants_token_is_good_for_that_issue_and_that_address_only() -> None:
    token = TOKENS.participant(42, RITA)
    assert TOKENS.is_participant(token, 42, RITA)
    assert not TOKENS.is_participant(token, 43, RITA)
    assert not TOKENS.is_participant(token, 4, RITA)
    assert not TOKENS.is_participant(token, 42, "mallory@out.example")
    assert not OTHER_KEY.is_participant(token, 42, RITA)


def test_number_and_address_are_not_simply_put_together() -> None:
    assert TOKENS.participant(4, "2@x.example") != TOKENS.participant(42, "@x.example")


def test_case_counts_neither_in_the_token_nor_in_the_address() -> None:
    token = TOKENS.participant(42, "Rita@Out.Example")
    assert token == TOKENS.participant(42, RITA)
    assert TOKENS.is_participant(token.upper(), 42, RITA.upper())


def test_a_token_has_128_bits_in_letters_that_mail_systems_leave_alone() -> None:
    assert re.fullmatch(r"[a-z2-7]{26}", TOKENS.participant(42, RITA))


@given(st.text(max_size=30) | st.from_regex(r"[a-z2-7]{26}", fullmatch=True))
def test_no_forged_token_is_taken(token: str) -> None:
    assert not TOKENS.is_participant(token, 42, RITA)
    assert TOKENS.bounced(token) is None
    assert not TOKENS.is_own(token)


@pytest.mark.parametrize("change", [lambda token: token[:-1], lambda token: token + "a", lambda token: " " + token])
def test_a_token_counts_only_whole(change: Callable[[str], str]) -> None:
    assert not TOKENS.is_participant(change(TOKENS.participant(42, RITA)), 42, RITA)


def test_what_one_kind_of_token_proves_no_other_takes() -> None:
    participant = TOKENS.participant(7, "1")
    bounce = TOKENS.bounce(7, 1).rsplit("-", 1)[1]
    own = TOKENS.message_id(7, 1)[1:27]
    assert len({participant, bounce, own}) == 3
    assert TOKENS.bounced(f"7-1-{participant}") is None


# The address for bounces


@given(st.integers(1, 10**15), st.integers(0, 10**8))
def test_a_bounce_token_names_its_mail_in_either_case(notice: int, seq: int) -> None:
    token = TOKENS.bounce(notice, seq)
    assert TOKENS.bounced(token) == (notice, seq)
    assert TOKENS.bounced(token.upper()) == (notice, seq)
    assert OTHER_KEY.bounced(token) is None


def test_a_bounce_token_cannot_be_made_to_name_another_mail() -> None:
    notice, seq, proof = TOKENS.bounce(17, 2).split("-")
    for forged in (f"{notice}-3-{proof}", f"12-{seq}-{proof}", f"0{notice}-{seq}-{proof}", f"{notice}-0{seq}-{proof}"):
        assert TOKENS.bounced(forged) is None
    assert TOKENS.bounced(f"{notice}-{seq}-{proof}") == (17, 2)


@given(st.integers(1, 999_999_999), st.integers(1, 10**9), st.integers(0, 10**4))
def test_every_token_comes_back_from_its_address(number: int, notice: int, seq: int) -> None:
    keyed = target(f"security+{number}.{TOKENS.participant(number, RITA)}@example.org", "security")
    assert keyed == Target(Strength.KEYED, number, TOKENS.participant(number, RITA))
    bounce = target(f"security+bounce.{TOKENS.bounce(notice, seq)}@example.org", "security")
    assert bounce is not None
    assert TOKENS.bounced(bounce.token) == (notice, seq)


# Message-IDs


def test_our_message_ids_are_known_by_themselves() -> None:
    message_id = TOKENS.message_id(17, 0)
    assert re.fullmatch(r"<[^<>@\s]+@example\.org>", message_id)
    assert TOKENS.is_own(message_id)
    assert not OTHER_KEY.is_own(message_id)


@pytest.mark.parametrize(
    "forged",
    [
        "",
        "<>",
        "<a@b>",
        f"<{'a' * 26}.{'b' * 26}@example.org>",
        f"<{'a' * 26}@example.org>",
        TOKENS.message_id(17, 0).strip("<>"),
        TOKENS.message_id(17, 0) + " ",
        f"<{TOKENS.message_id(17, 0)[28:54]}.{TOKENS.message_id(17, 0)[28:54]}@example.org>",
        f"<{TOKENS.message_id(17, 0)[1:28]}{TOKENS.message_id(18, 0)[28:]}",
    ],
)
def test_no_other_message_id_is_taken_for_ours(forged: str) -> None:
    assert not TOKENS.is_own(forged)


@given(st.integers(1, 10**9), st.integers(0, 1000))
def test_a_message_id_says_nothing_and_is_the_same_each_time(notice: int, seq: int) -> None:
    again = Tokens(b"k" * 32, "example.org")
    assert again.message_id(notice, seq) == TOKENS.message_id(notice, seq)
    assert again.bounce(notice, seq) == TOKENS.bounce(notice, seq)
    assert again.seed(notice, seq) == TOKENS.seed(notice, seq)
    assert TOKENS.message_id(notice, seq) != TOKENS.message_id(notice, seq + 1)
    assert TOKENS.message_id(notice, seq) != TOKENS.message_id(notice + 1, seq)


def test_seeds_are_32_bytes_and_differ_from_mail_to_mail() -> None:
    seeds = {TOKENS.seed(notice, seq) for notice in range(1, 20) for seq in range(20)}
    assert len(seeds) == 19 * 20
    assert {len(seed) for seed in seeds} == {32}
