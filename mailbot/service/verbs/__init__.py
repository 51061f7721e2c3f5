"""The verbs that members can type: a table of small files.

Each file has one `VERB`; a new verb is a new file and a line here. ``/help``, the table in docs/member.md and the help
of ``mailbot issue`` are made from this table.
"""

from collections.abc import Mapping

from mailbot.service.verbs import (
    agree,
    canned,
    claim,
    embargo,
    exploited,
    filed,
    fixed,
    help,
    lift,
    note,
    object,
    on,
    released,
    reply,
    status,
)
from mailbot.service.verbs.verb import Verb

VERBS: Mapping[str, Verb] = {
    module.VERB.name: module.VERB
    for module in (
        on,
        claim,
        reply,
        canned,
        note,
        embargo,
        lift,
        agree,
        object,
        fixed,
        released,
        exploited,
        filed,
        status,
        help,
    )
}
"""By name, in the order in which people are told of them."""

NAMES = frozenset(VERBS)
