"""How much a mail looks like spam, as the trusted front's filter says.

Anybody can write a spam score, and honest mail systems on the way do: only the group's own front counts. What it added
is known in two ways. It stands on top, no lower than the topmost Authentication-Results of a trusted name (RFC 8601 5;
nothing of the sender's can be above that), or, where there is none, above the topmost Received field by such a name.
Or it names its host: filters that add their fields at the end of the header (rspamd and spamass-milter under Postfix)
say in a field beside them where they ran, and that is a trusted name. Whoever forges such a name gets only their own
mail held; a low score that is forged changes nothing, because the highest one counts.
"""

import re
from collections.abc import Iterable

from mailbot.mail.authenticity import authserv_id
from mailbot.mail.structure import Structure

VALUE = 2_000
"""Characters of a field that are read; rspamd lists every rule that matched, behind the score."""

_NUMBER = r"([-+]?\d{1,6}(?:\.\d{1,6})?)"
_SCORES = {
    # amavis, Exim ("5.1 (+++++)"), rspamd
    "x-spam-score": re.compile(rf"\s*{_NUMBER}(?![\d.])"),
    "x-rspamd-score": re.compile(rf"\s*{_NUMBER}(?![\d.])"),
    # SpamAssassin: "Yes, score=15.3 required=5.0 tests=..."; "hits=" until version 3
    "x-spam-status": re.compile(rf"[^=]{{0,40}}\b(?:score|hits)={_NUMBER}(?![\d.])", re.IGNORECASE),
    # rspamd: "default: True [18.50 / 15.00]; ..."
    "x-spamd-result": re.compile(rf"[^\[\]]{{0,60}}\[{_NUMBER} /"),
}
_STARS = {"x-spam-level": "*", "x-spamd-bar": "+"}
"""Fields that say the score as so many marks; coarser, so they count only where no number stands."""

_HOSTS = {
    # "SpamAssassin 4.0.0 (2022-12-14) on mx.example.org"
    "x-spam-checker-version": re.compile(r".{0,100}? on (\S{1,253})\s*$"),
    "x-rspamd-server": re.compile(r"\s*(\S{1,253})\s*$"),
}
_FAMILIES = {
    "x-spam-checker-version": ("x-spam-status", "x-spam-score", "x-spam-level"),
    "x-rspamd-server": ("x-spamd-result", "x-rspamd-score", "x-spam-score", "x-spam-status", "x-spamd-bar"),
}
"""Which fields the filter adds that names its host so."""

_RECEIVED_BY = re.compile(r"\bby\s+([A-Za-z0-9._-]{1,253})")


def spam_score(structure: Structure, trusted_authserv_ids: Iterable[str]) -> float | None:
    """The highest score that the trusted front gave, on its filter's own scale; None if it gave none. Never raises."""
    trusted = frozenset(name.lower() for name in trusted_authserv_ids)
    if not trusted:
        return None
    counted = [(name.lower(), value[:VALUE]) for name, value in structure.headers[: _front(structure, trusted)]]
    for name, value in structure.headers:
        pattern = _HOSTS.get(name.lower())
        match = pattern.match(value[:VALUE]) if pattern is not None else None
        if match is not None and match[1].lower() in trusted:
            family = _FAMILIES[name.lower()]
            counted += [(one.lower(), text[:VALUE]) for one, text in structure.headers if one.lower() in family]
    numbers = [float(match[1]) for name, text in counted if name in _SCORES and (match := _SCORES[name].match(text))]
    if numbers:
        return max(numbers)
    stars = [len(text.strip()) for name, text in counted if name in _STARS and set(text.strip()) <= {_STARS[name]}]
    return float(max(stars)) if stars else None


def _front(structure: Structure, trusted: frozenset[str]) -> int:
    """How many header fields, from the top, only the trusted front can have added."""
    end = 0
    results = False
    for position, (name, value) in enumerate(structure.headers):
        match name.lower():
            case "authentication-results":
                if authserv_id(value) in trusted:
                    end, results = position + 1, True
                elif results:
                    break
            case "received":
                by = _RECEIVED_BY.search(value[:VALUE])
                if by is None or by[1].lower() not in trusted:
                    if end:
                        break
                elif results:
                    break
                else:
                    # What stands above it came later. Its results may still follow: Postfix has a milter's below.
                    end = position
    return end
