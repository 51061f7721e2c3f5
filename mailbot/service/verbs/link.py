"""``/link URL``: where more about the issue is. Nothing is ever fetched from there."""

import re

from mailbot.service.desk import Desk, Done, Refused, added_and_removed
from mailbot.service.verbs.verb import Verb

_URL = re.compile(r"https?://[!-~]{1,500}", re.IGNORECASE)
_MOST = 50
"""Links of one issue."""


def effect(desk: Desk, args: str) -> Done:
    added, removed = added_and_removed(args, bare=True)
    bad = [word for word in (*added, *removed) if not _URL.fullmatch(word)]
    if bad or not (added or removed):
        what = f'"{bad[0][:80]}" is no link' if bad else "it names no link"
        raise Refused(what, ["https://...", "-https://... to take it away"])
    before = desk.about.links
    after = tuple(dict.fromkeys((*(one for one in before if one not in removed), *added)))[:_MOST]
    if after == before:
        return Done(lines=("the links are so already",))
    return Done((desk.set("links", after, "link", ", ".join),))


VERB = Verb(
    name="link",
    arguments="URL",
    help="adds a link, to a fix for instance; with `-` before it takes it away",
    example="/link https://git.example.org/project/commit/1f2e3d",
    effect=effect,
)
