"""``/tag +a -b``: words by which issues are found again."""

import re

from mailbot.service.desk import Desk, Done, Refused, added_and_removed
from mailbot.service.verbs.verb import Verb

_TAG = re.compile(r"[a-z0-9][a-z0-9._-]{0,39}")
_MOST = 30
"""Tags of one issue: more tell nobody anything."""


def effect(desk: Desk, args: str) -> Done:
    added, removed = added_and_removed(args.lower())
    bad = [word for word in (*added, *removed) if not _TAG.fullmatch(word)]
    if bad or not (added or removed):
        what = f'"{bad[0]}" is no tag' if bad else "it names no tag"
        raise Refused(what, ["+word and -word, of a-z, 0-9, dot, dash and underscore"])
    before = desk.about.tags
    after = tuple(dict.fromkeys((*(tag for tag in before if tag not in removed), *added)))
    if len(after) > _MOST:
        raise Refused(f"an issue has at most {_MOST} tags")
    if after == before:
        return Done(lines=("the tags are so already",))
    return Done((desk.set("tags", after, "tag", ", ".join),))


VERB = Verb(
    name="tag",
    arguments="+WORD -WORD",
    help="adds and takes away tags",
    example="/tag +parser -needs-info",
    effect=effect,
)
