"""``/show``: everything about an issue but its mails; of these the report's text. Answered only to who asks."""

from mailbot.mail.times import when
from mailbot.service.desk import Desk, Done
from mailbot.service.opinions import counted
from mailbot.service.store import IssueView
from mailbot.service.verbs import status
from mailbot.service.verbs.verb import Scope, Verb


def effect(desk: Desk, args: str) -> Done:
    issue = desk.find_or_about(args)
    lines = [*status.lines(desk, issue), *_fields(desk, issue)]
    here = desk.issue
    desk.select(issue)
    lines += counted(desk).words
    desk.issue = here
    desk.show(issue)
    texts = desk.unit.texts(issue.number).outside
    if texts:
        lines += ["", "The report:", "", *texts[-1].strip("\n").split("\n")]
    return Done(lines=tuple(lines))


def _fields(desk: Desk, issue: IssueView) -> list[str]:
    credit = "not said yet" if issue.credit is None else issue.credit or "anonymous"
    named = (
        ("reporter", f"{issue.reporter_name} <{issue.reporter}>".strip() if issue.reporter else "unknown"),
        ("came", "encrypted" if issue.encrypted else "in clear"),
        ("credit", credit),
        ("severity", issue.severity),
        ("cvss", issue.cvss),
        ("category", issue.category),
        ("tags", ", ".join(issue.tags)),
        ("cves", ", ".join(issue.cves)),
        ("links", ", ".join(issue.links)),
        ("duplicate of", desk.named(issue.duplicate_of)),
        ("duplicates", ", ".join(map(desk.name_of, desk.unit.duplicates_of(issue.number)))),
        ("outcome", issue.outcome),
        ("closed", when(issue.closed_at) if issue.closed_at else None),
        ("embargo until", when(issue.embargo_until) if issue.embargo_until else None),
        ("published", when(issue.published_at) if issue.published_at else None),
    )
    shown = [f"{name}: {value}" for name, value in named if value]
    return shown + [f"{one.role}: {one.address}" for one in issue.participants if one.role != "reporter"]


VERB = Verb(
    name="show",
    arguments="[EX-42]",
    help="everything about an issue, with the report's text; answered only to you",
    example="/show",
    effect=effect,
    scope=Scope.OTHER,
)
