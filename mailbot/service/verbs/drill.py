"""``/drill [text]``: a fake report, to practise on. Marked everywhere, and never counted. You play the reporter."""

from mailbot.domain.issue import Role, title_from
from mailbot.service import clockwork
from mailbot.service.desk import Desk, Done, Refused
from mailbot.service.store import NewIssue
from mailbot.service.verbs.verb import Scope, Verb

_TEXT = "This is a drill: a made-up report to practise on."


def effect(desk: Desk, args: str) -> Done:
    if desk.member is None:
        raise Refused("only a member can play the reporter")
    member, title = desk.member, title_from(f"DRILL: {args.strip() or 'please treat it as if it were real'}")
    number = desk.unit.open_issue(
        NewIssue(
            title=title, reporter=member.email, reporter_name=member.name, encrypted=False, opened_at=desk.now,
            answerable=False, drill=True,
        )
    )  # fmt: skip
    desk.unit.add_participant(number, Role.REPORTER, member.email, member.name)
    desk.unit.audit(number, desk.actor, "opened", desk.now, new={"title": title, "drill": True})
    clockwork.opened(desk, number, desk.now)
    params = {
        "from": member.email, "from_name": member.name, "subject": title, "text": f"{_TEXT}\n\n{args.strip()}\n",
        "html_only": False, "attachments": [], "opened": "", "key_ids": [], "symmetric": False, "verdict": "unsigned",
        "signed_by": "", "key_id": "", "signer": "", "checks": ["", "", "", ""], "pieces": [], "unreadable": "",
        "raw_only": False, "defects": [f"this is a drill by {member.id}: nothing of it is real"],
        "received_at": desk.now.isoformat(), "mentions": [], "unanswered": "it is a drill",
    }  # fmt: skip
    desk.unit.notify("report", number, params, desk.now)
    return Done(lines=(f"opened {desk.name_of(number)}: {title}", "what the members reply to it goes to you"))


VERB = Verb(
    name="drill",
    arguments="[text]",
    help="opens a made-up report to practise on, marked everywhere and never counted; you play the reporter",
    example="/drill a heap overflow in the PNG reader",
    effect=effect,
    scope=Scope.GROUP,
)
