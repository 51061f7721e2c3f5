"""``/claim``: become the coordinator. Whoever comes second is told who has it."""

from mailbot.domain.clocks import FIRST_RESPONSE
from mailbot.mail.control import plain
from mailbot.service import clockwork
from mailbot.service.desk import Change, Desk, Done, Refused
from mailbot.service.verbs.verb import Verb


def effect(desk: Desk, args: str) -> Done:
    issue, word = desk.open_issue, plain(args).lower()
    if desk.member is None:
        raise Refused("only a member can coordinate; /assign appoints one")
    if word not in ("", "force"):
        raise Refused(f'"{word}" is not understood', ["/claim", "/claim force"])
    if issue.owner == desk.member.id:
        return Done(lines=("it is yours already",))
    # Whoever was asked to take it over needs no force.
    if issue.owner is not None and word != "force" and issue.appointed != desk.member.id:
        raise Refused(f"{issue.owner} has it; /claim force takes it over")
    lines = clockwork.claimed(desk, issue.number, desk.member.id)
    if issue.reporter and any(clock.name == FIRST_RESPONSE and clock.live for clock in issue.clocks):
        lines = (*lines, "the reporter waits for a first answer: /reply or /ask, and the text below it")
    desk.unit.audit(issue.number, desk.actor, "claim", desk.now, old=issue.owner, new=desk.member.id)
    desk.refresh()
    return Done((Change("owner", issue.owner, desk.member.id),), lines)


VERB = Verb(
    name="claim",
    arguments="[force]",
    help="you become the coordinator; with `force` also if somebody else is",
    example="/claim",
    effect=effect,
    tell=True,
)
