"""Only the trusted front's spam score counts: as real filters write it, and told apart from what honest and dishonest
others wrote before."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailbot.mail.parse import parse
from mailbot.mail.spam import spam_score

TRUSTED = ("mx.example.org",)
FRONT = "Received: from out.example (out.example [192.0.2.9]) by mx.example.org (Postfix) with ESMTPS id 4F1; Tue"
RESULTS = "Authentication-Results: mx.example.org; dkim=pass header.d=out.example; dmarc=pass header.from=out.example"
FOREIGN = "Received: from laptop (unknown [10.0.0.7]) by mail.out.example (Postfix) with ESMTPSA id 77A; Tue"
PERSON = ("From: rita@out.example", "Subject: Heap overflow", "Message-ID: <1@out.example>")


def score(*fields: str, trusted: tuple[str, ...] = TRUSTED) -> float | None:
    return spam_score(parse("\r\n".join([*fields, *PERSON, "", "text", ""]).encode()), trusted)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("X-Spam-Score: 14.2", 14.2),
        ("X-Spam-Score: 14.2 (++++++++++++++)", 14.2),
        ("X-Spam-Score: -1.5", -1.5),
        ("X-Spam-Status: Yes, score=15.3 required=5.0 tests=BAYES_99,URIBL_BLACK autolearn=no", 15.3),
        ("X-Spam-Status: No, hits=2.1 required=5.0", 2.1),
        ("X-Spamd-Result: default: True [18.50 / 15.00];\r\n\tBAYES_SPAM(5.10)[99.9%]", 18.5),
        ("X-Rspamd-Score: 7.2", 7.2),
        ("X-Spam-Level: ************", 12.0),
        ("X-Spamd-Bar: ++++++++++++++++", 16.0),
        ("X-Spam-Score: lots", None),
        ("X-Spam-Score: 1.2.3.4", None),
        ("X-Spam-Level: ****!", None),
        ("X-Spam-Flag: YES", None),
    ],
)
def test_scores_are_read_as_filters_write_them(field: str, value: float | None) -> None:
    assert score(field, RESULTS, FRONT) == value


def test_a_number_counts_more_than_stars_and_the_highest_number_most() -> None:
    assert score("X-Spam-Level: ****************", "X-Spam-Score: 3", "X-Spam-Status: No, score=4.5", RESULTS) == 4.5


def test_postfix_has_a_milters_results_below_its_own_received() -> None:
    assert score(FRONT, "X-Spam-Score: 11", RESULTS, FOREIGN) == 11
    assert score(FRONT, RESULTS, "X-Spam-Score: 99", FOREIGN) is None


def test_amavis_adds_its_score_above_the_hop_before_it() -> None:
    again = "Received: from localhost (localhost [127.0.0.1]) by mx.example.org (Postfix) with ESMTP id 8B2; Tue"
    amavis = "Received: from mx.example.org ([127.0.0.1]) by localhost (mx.example.org) (amavis, port 10024); Tue"
    assert score(again, "X-Spam-Score: 12.1", "X-Spam-Flag: YES", amavis, FRONT, RESULTS, FOREIGN) == 12.1
    assert score(again, "X-Spam-Score: 12.1", amavis, FRONT, FOREIGN) == 12.1


def test_a_filter_that_writes_at_the_end_is_known_by_the_host_that_it_names() -> None:
    rspamd = ("X-Spamd-Result: default: False [17.10 / 20.00]; X(0)", "X-Rspamd-Server: mx.example.org")
    assassin = (
        "X-Spam-Status: Yes, score=21.0 required=5.0",
        "X-Spam-Checker-Version: SpamAssassin 4.0.0 (2022-12-14) on MX.example.org",
    )
    assert score(FRONT, RESULTS, FOREIGN, *rspamd) == 17.1
    assert score(FRONT, RESULTS, FOREIGN, *assassin) == 21.0
    assert score(FRONT, RESULTS, FOREIGN, rspamd[0], "X-Rspamd-Server: mx.university.example") is None
    assert score(FRONT, RESULTS, FOREIGN, assassin[0]) is None


@pytest.mark.parametrize(
    "fields",
    [
        (FRONT, RESULTS, "X-Spam-Score: 99"),
        (RESULTS, "X-Spam-Score: 99"),
        (FRONT, "X-Spam-Score: 99"),
        (FRONT, FOREIGN, "X-Spam-Score: 99"),
        ("X-Spam-Score: 99",),
        ("X-Spam-Score: 99", "Authentication-Results: mx.university.example; dmarc=pass header.from=out.example"),
        ("X-Spam-Score: 99", FOREIGN),
    ],
)
def test_a_foreign_score_does_not_count(fields: tuple[str, ...]) -> None:
    assert score(*fields) is None


def test_a_forged_low_score_takes_nothing_from_the_fronts() -> None:
    assert score("X-Spam-Score: 30", RESULTS, FRONT, "X-Spam-Score: -10") == 30


def test_without_a_trusted_name_nothing_counts() -> None:
    assert score("X-Spam-Score: 30", RESULTS, FRONT, trusted=()) is None


@given(st.lists(st.tuples(st.sampled_from(["X-Spam-Score", "X-Spam-Status", "Received", "X-Spamd-Result"]), st.text())))
def test_it_never_raises(fields: list[tuple[str, str]]) -> None:
    lines = [f"{name}: {value}" for name, value in fields]
    found = spam_score(parse("\r\n".join([RESULTS, *lines, "", ""]).encode("utf-8", "replace")), TRUSTED)
    assert found is None or isinstance(found, float)
