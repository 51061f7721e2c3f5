"""``/cve CVE-...``: the CVE ids of the issue."""

import re

from mailbot.service.desk import Desk, Done, Refused, added_and_removed
from mailbot.service.verbs.verb import Verb

# https://www.cve.org/: the year, and four or more digits.
_CVE = re.compile(r"CVE-(?:1999|2\d{3})-\d{4,19}")
_MOST = 50
"""Ids of one issue."""


def effect(desk: Desk, args: str) -> Done:
    added, removed = added_and_removed(args.upper(), bare=True)
    bad = [word for word in (*added, *removed) if not _CVE.fullmatch(word)]
    if bad or not (added or removed):
        what = f'"{bad[0]}" is no CVE id' if bad else "it names no CVE id"
        raise Refused(what, ["CVE-2026-12345", "-CVE-2026-12345 to take it away"])
    before = desk.about.cves
    after = tuple(dict.fromkeys((*(one for one in before if one not in removed), *added)))[:_MOST]
    if after == before:
        return Done(lines=("the CVE ids are so already",))
    return Done((desk.set("cves", after, "cve", ", ".join),))


VERB = Verb(
    name="cve",
    arguments="CVE-2026-12345",
    help="adds a CVE id; with `-` before it takes it away",
    example="/cve CVE-2026-12345",
    effect=effect,
    tell=True,
)
