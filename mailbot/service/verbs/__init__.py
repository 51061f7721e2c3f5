"""The verbs that members can type: a table of small files.

Each file has one `VERB`; a new verb is a new file and a line here. ``/help``, the table in docs/member.md and the help
of ``mailbot issue`` are made from this table.
"""

from collections.abc import Mapping

from mailbot.service.verbs import (
    ask,
    assign,
    away,
    canned,
    category,
    cc,
    claim,
    close,
    confirm,
    credit,
    cve,
    cvss,
    decline,
    drill,
    duplicate,
    expert,
    help,
    history,
    key,
    link,
    list,
    note,
    on,
    oncall,
    reopen,
    reply,
    resume,
    severity,
    show,
    status,
    tag,
    title,
    unclaim,
    verdict,
    wait,
    whoami,
)
from mailbot.service.verbs.verb import Verb

VERBS: Mapping[str, Verb] = {
    module.VERB.name: module.VERB
    for module in (
        on,
        claim,
        unclaim,
        decline,
        assign,
        reply,
        ask,
        canned,
        note,
        title,
        severity,
        cvss,
        tag,
        credit,
        category,
        verdict,
        duplicate,
        cc,
        expert,
        cve,
        link,
        close,
        reopen,
        wait,
        resume,
        status,
        show,
        history,
        list,
        away,
        oncall,
        drill,
        key,
        confirm,
        whoami,
        help,
    )
}
"""By name, in the order in which people are told of them."""

NAMES = frozenset(VERBS)
