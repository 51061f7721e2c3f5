"""What follows from a CVSS vector."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailbot.domain.severity import SEVERITIES, rating


@pytest.mark.parametrize(
    ("vector", "score", "severity"),
    [
        ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", 9.8, "critical"),
        ("cvss:3.1/av:n/ac:l/pr:n/ui:n/s:u/c:n/i:n/a:n", 0.0, "none"),
        ("CVSS:3.1/AV:L/AC:H/PR:H/UI:R/S:U/C:L/I:N/A:N", 1.8, "low"),
        ("CVSS:3.1/A:H/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/E:U", 6.9, "medium"),
        ("CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N", 9.3, "critical"),
    ],
)
def test_severity_follows_from_the_vector(vector: str, score: float, severity: str) -> None:
    found = rating(vector)
    assert (found.score, found.severity) == (score, severity)
    assert rating(found.vector) == found


@pytest.mark.parametrize(
    "vector",
    [
        "",
        "9.8",
        "CVSS:3.1/AV:N",
        "CVSS:3.0/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H",
        "AV:N/AC:L/Au:N/C:P/I:P/A:P",
        "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:Q",
        "CVSS:3.1/" + "AV:N/" * 1000,
    ],
)
def test_what_is_no_vector_is_refused(vector: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        rating(vector)


@given(st.text(alphabet="CVSS:3.14/AVNLPHUIRSE", max_size=80))
def test_it_never_fails_otherwise(text: str) -> None:
    try:
        assert rating(f"CVSS:3.1/{text}").severity in SEVERITIES
    except ValueError:
        return
