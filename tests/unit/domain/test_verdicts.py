"""The tally of members' opinions."""

from mailbot.domain.verdicts import Verdict, tally

MEMBERS = ["alice", "bob", "carol", "dave"]


def test_the_tally_shows_each_verdict_and_who_has_not_answered() -> None:
    found = tally({"alice": "embargo", "bob": "embargo", "carol": "abstain"}, MEMBERS)
    assert found.words == ("embargo: 2 (alice, bob)", "abstain: 1 (carol)", "not answered yet: dave")
    assert found.leading is Verdict.EMBARGO
    assert "/embargo" in found.implies


def test_nothing_leads_while_two_are_level_or_all_abstain() -> None:
    assert tally({"alice": "public", "bob": "embargo"}, MEMBERS).leading is None
    assert tally({"alice": "abstain", "bob": "abstain"}, MEMBERS).implies == ""
    assert tally({}, MEMBERS).silent == tuple(MEMBERS)


def test_a_member_who_left_is_not_counted() -> None:
    assert tally({"eve": "public", "alice": "not-security"}, MEMBERS).words[0] == "not-security: 1 (alice)"
