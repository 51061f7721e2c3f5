"""``/close OUTCOME``: the issue is over; its clocks stop. That a report is none is said by several members."""

from mailbot.domain.clock_kinds import label
from mailbot.domain.issue import Outcome
from mailbot.mail.control import plain
from mailbot.service import closing
from mailbot.service.desk import Change, Desk, Done, Refused
from mailbot.service.opinions import NEEDED_FOR, counted, give, tally_lines
from mailbot.service.verbs.verb import Verb


def effect(desk: Desk, args: str) -> Done:
    issue = desk.open_issue
    word, _, text = args.strip().partition(" ")
    word, text = plain(word).lower(), text.strip()
    if word not in list(Outcome):
        raise Refused(f'"{word}" is no outcome' if word else "it names no outcome", [one.value for one in Outcome])
    outcome = Outcome(word)
    if outcome is Outcome.DUPLICATE and issue.duplicate_of is None:
        raise Refused("it is no duplicate of anything yet", [f"/duplicate {desk.name_of(41)} above it"])
    changes: list[Change] = []
    verdict = NEEDED_FOR.get(outcome)
    quorum = desk.settings.verdicts.close_quorum
    if verdict is not None and desk.member is not None:
        changes.append(give(desk, verdict, text))
        agreed = counted(desk).count(verdict)
        if agreed < quorum:
            params = {"member": desk.member.id, "outcome": outcome.value, "reason": text, "missing": quorum - agreed}
            params["opened"] = desk.opened
            desk.unit.notify("opinion", issue.number, params, desk.now)
            missing = f"not closed: {agreed} of {quorum} members agree so far; the others are asked"
            return Done(tuple(changes), (missing, *tally_lines(desk)))
    stopped = [label(clock.name) for clock in issue.clocks if clock.live]
    closing.close(desk.unit, issue.number, outcome, desk.actor, desk.now)
    desk.refresh()
    changes += [Change("status", issue.status, f"closed ({outcome.value})"), *desk.reason(text)]
    return Done(tuple(changes), (f"clocks stopped: {', '.join(stopped)}",) if stopped else ())


VERB = Verb(
    name="close",
    arguments="OUTCOME [reason]",
    help="over, as fixed, not-security, public-bug, duplicate, invalid or spam; the 2nd and 3rd need several members",
    example="/close fixed",
    effect=effect,
    tell=True,
)
