"""``/verdict WORD``: the member's opinion on whether it is a security issue. It changes nothing else."""

from mailbot.domain.verdicts import Verdict
from mailbot.mail.control import plain
from mailbot.service.desk import Desk, Done, Refused
from mailbot.service.opinions import give, tally_lines
from mailbot.service.verbs.verb import Verb


def effect(desk: Desk, args: str) -> Done:
    word, _, reason = args.strip().partition(" ")
    word = plain(word).lower()
    if word not in list(Verdict):
        raise Refused(f'"{word}" is no verdict' if word else "it names no verdict", [one.value for one in Verdict])
    desk.refuse_closed()
    change = give(desk, Verdict(word), reason.strip())
    return Done((change,), tally_lines(desk))


VERB = Verb(
    name="verdict",
    arguments="not-security, embargo, public or abstain, then [reason]",
    help="your opinion on what it is; the tally and who has not answered are shown",
    example="/verdict embargo it can be reached over the network",
    effect=effect,
    tell=True,
)
