"""Severity words, and what follows from a CVSS vector (https://www.first.org/cvss, versions 3.1 and 4.0)."""

from dataclasses import dataclass

from cvss import CVSS3, CVSS4, CVSSError

SEVERITIES = ("critical", "high", "medium", "low", "none")
"""The qualitative ratings of CVSS, the worst first."""
_LONGEST = 400
"""Characters of a vector: one of version 4.0 with every metric has about 250."""


@dataclass(frozen=True, slots=True)
class Rating:
    vector: str
    """In the order of the specification."""
    score: float
    severity: str


def rating(vector: str) -> Rating:
    """Rate a vector such as ``CVSS:3.1/AV:N/AC:L/...``. Raises `ValueError` that says what is wrong with it."""
    words = vector.strip().upper()
    kind = {"CVSS:3.1": CVSS3, "CVSS:4.0": CVSS4}.get(words.partition("/")[0])
    if kind is None or len(words) > _LONGEST:
        raise ValueError("it is no vector of CVSS 3.1 or 4.0")
    try:
        found = kind(words)
    except CVSSError as error:
        raise ValueError(str(error)) from error
    # The last score of version 3.1 counts all metrics that are given; version 4.0 has one.
    return Rating(found.clean_vector(), float(found.scores()[-1]), str(found.severities()[-1]).lower())
