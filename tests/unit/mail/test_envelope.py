"""What a mail's recipients mean, and the envelope on its way through the store."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mailbot.mail.envelope import Envelope, Strength, Target, strongest, target

TOKEN = "abcdefghijklmnopqrstuvwxyz"
LOCAL = "security"


@pytest.mark.parametrize(
    ("address", "meaning"),
    [
        ("security@example.org", Target(Strength.PLAIN)),
        ("security+42@example.org", Target(Strength.NUMBERED, 42)),
        ("security+999999999@example.org", Target(Strength.NUMBERED, 999_999_999)),
        (f"security+42.{TOKEN}@example.org", Target(Strength.KEYED, 42, TOKEN)),
        ("security+42.WRONG@example.org", Target(Strength.KEYED, 42, "wrong")),
        ("security+control@example.org", Target(Strength.CONTROL)),
        (f"security+confirm.{TOKEN}@example.org", Target(Strength.CONFIRM, None, TOKEN)),
        ("security+key@example.org", Target(Strength.KEY)),
        (f"security+bounce.1f-0-{TOKEN}@example.org", Target(Strength.BOUNCE, None, f"1f-0-{TOKEN}")),
        ("security+bounce.WRONG@example.org", Target(Strength.BOUNCE, None, "wrong")),
        # Case counts nowhere: some mail systems change it.
        ("SECURITY@EXAMPLE.ORG", Target(Strength.PLAIN)),
        (f"Security+42.{TOKEN.upper()}@Example.Org", Target(Strength.KEYED, 42, TOKEN)),
        ("security+Control@example.org", Target(Strength.CONTROL)),
        # A front system may rewrite the domain, quote the local part, or leave the domain out (RFC 5321 4.1.1.3).
        ("security+42@mail.internal", Target(Strength.NUMBERED, 42)),
        ('"security+42"@example.org', Target(Strength.NUMBERED, 42)),
        ("security", Target(Strength.PLAIN)),
    ],
)
def test_each_form_of_address_has_its_meaning(address: str, meaning: Target) -> None:
    assert target(address, LOCAL) == meaning


@pytest.mark.parametrize(
    "address",
    [
        "",
        "@",
        "@example.org",
        "+@example.org",
        "+42@example.org",
        "rita@out.example",
        "security.team@example.org",
        "xsecurity@example.org",
        "security@evil@example.org",
        "security+@example.org",
        "security++42@example.org",
        "security+42+42@example.org",
        "security+0@example.org",
        "security+042@example.org",
        "security+-1@example.org",
        "security+1e3@example.org",
        "security+1234567890@example.org",
        "security+42.@example.org",
        "security+42.a.b@example.org",
        f"security+42.{'a' * 65}@example.org",
        "security+.token@example.org",
        "security+unknown@example.org",
        "security+keys@example.org",
        "security+controls@example.org",
        "security+confirm@example.org",
        "security+confirm.@example.org",
        "security+bounce@example.org",
        "security+bounce.@example.org",
        "security+42 @example.org",
        "security+42\n@example.org",
        "security+42\0@example.org",
        "security+\u0664\u0662@example.org",  # Arabic-Indic digits
        "security+4\u0662@example.org",
        "security+42.t\u00f6ken@example.org",
        "s\u0435curity+42@example.org",  # a Cyrillic letter
        "security+../../42@example.org",
        "security%2B42@example.org",
    ],
)
def test_whatever_else_is_none_of_ours(address: str) -> None:
    assert target(address, LOCAL) is None


def test_the_public_address_may_be_written_in_any_case() -> None:
    assert target("psirt+7@example.org", "PSIRT") == Target(Strength.NUMBERED, 7)


IN_ORDER = [
    f"security+bounce.1f-0-{TOKEN}@example.org",
    "security@example.org",
    "security+key@example.org",
    "security+control@example.org",
    "security+42@example.org",
    f"security+confirm.{TOKEN}@example.org",
    f"security+42.{TOKEN}@example.org",
]
"""From weak to strong."""


@pytest.mark.parametrize("number", range(1, len(IN_ORDER)))
def test_of_several_addresses_the_strongest_counts(number: int) -> None:
    weaker, stronger = IN_ORDER[number - 1], IN_ORDER[number]
    expected = target(stronger, LOCAL)
    assert strongest((weaker, stronger), LOCAL) == strongest((stronger, weaker), LOCAL) == expected
    assert strongest((*IN_ORDER[: number + 1], "rita@out.example"), LOCAL) == expected


def test_of_equally_strong_ones_the_first_counts() -> None:
    assert strongest(("security+7@example.org", "security+9@example.org"), LOCAL).number == 7


def test_mail_that_an_alias_delivered_is_plain() -> None:
    assert strongest(("vulnerabilities@example.org",), LOCAL) == Target(Strength.PLAIN)
    assert strongest((), LOCAL) == Target(Strength.PLAIN)


NEARLY = st.lists(
    st.sampled_from(
        ["security", "+", "42", ".", "confirm", "bounce", "key", "control", "@", '"', "example.org", "A", "-"]
    )
    | st.text(max_size=3),
    max_size=9,
).map("".join)


@settings(deadline=None, max_examples=200)
@given(NEARLY)
@example("security+42.\u0130@example.org")
@example("security+\u00b2@example.org")
def test_no_address_is_too_odd_to_be_looked_at(address: str) -> None:
    found = target(address, LOCAL)
    if found is None:
        return
    assert address.lower().lstrip('"').startswith(LOCAL)
    assert found.number is None or 0 < found.number < 10**9
    assert found.token.isascii()
    assert (found.number is not None) == (found.strength in (Strength.NUMBERED, Strength.KEYED))
    assert bool(found.token) == (found.strength in (Strength.KEYED, Strength.CONFIRM, Strength.BOUNCE))


@settings(deadline=None)
@given(st.lists(NEARLY | st.sampled_from(IN_ORDER), max_size=5).map(tuple))
def test_the_strongest_is_one_of_them_and_none_is_stronger(addresses: tuple[str, ...]) -> None:
    known = [found for address in addresses if (found := target(address, LOCAL)) is not None]
    chosen = strongest(addresses, LOCAL)
    assert chosen in known or (not known and chosen == Target(Strength.PLAIN))
    assert all(found.strength <= chosen.strength for found in known)


# The envelope in the store


@given(
    st.text(max_size=40), st.lists(st.text(max_size=40), max_size=4).map(tuple),
    st.datetimes(timezones=st.just(UTC)), st.text(max_size=20),
)  # fmt: skip
def test_an_envelope_comes_back_from_its_bytes_as_it_was(
    reverse_path: str, forward_paths: tuple[str, ...], received_at: datetime, peer: str
) -> None:
    envelope = Envelope(reverse_path, forward_paths, received_at, peer)
    assert Envelope.from_bytes(envelope.to_bytes()) == envelope
    assert envelope.to_bytes().isascii()


def test_an_envelope_comes_back_in_utc() -> None:
    there = datetime(2026, 11, 24, 9, 0, tzinfo=timezone(timedelta(hours=5, minutes=45)))
    found = Envelope.from_bytes(Envelope("", ("security@example.org",), there).to_bytes())
    assert (found.received_at, found.received_at.tzinfo) == (there, UTC)
