"""From a notice about members' commands to what its mail says, as in `letters`."""

from datetime import datetime

from mailbot.mail import command_letters
from mailbot.mail.letters import Letter, Missing
from mailbot.service import letters
from mailbot.service.letters import Writing, issue_card


def transcript(writing: Writing, _missing: tuple[Missing, ...]) -> command_letters.Transcript:
    params = writing.claim.params
    answers = tuple(command_letters.Answer(line, tuple(results), done) for line, results, done in params["answers"])
    return command_letters.Transcript(
        group=writing.group, now=writing.now,
        issue=_about(writing),
        summary=summary(answers, params.get("waits", 0)), answers=answers, remark=params["remark"],
    )  # fmt: skip


def summary(answers: tuple[command_letters.Answer, ...], waiting: int = 0) -> str:
    """``2 of 3 commands done, 1 error``, for the subject. `waiting` are those for which another member is asked."""
    total, done = len(answers), sum(answer.done for answer in answers)
    failed = total - done
    waits = f", {waiting} wait{'s' if waiting == 1 else ''} for another member" if waiting else ""
    errors = f", {failed} error{'s' if failed > 1 else ''}" if failed else ""
    return f"{done - waiting} of {total} command{'s' if total > 1 else ''} done{waits}{errors}"


def introduction(writing: Writing, missing: tuple[Missing, ...]) -> Letter:
    """The report once more, for an expert."""
    params = writing.claim.params
    return letters.unreadable(writing, missing) if params["unreadable"] else letters.report(writing, missing)


def changed(writing: Writing, missing: tuple[Missing, ...]) -> command_letters.Changed:
    return command_letters.Changed(
        group=writing.group, now=writing.now, issue=writing.id, card=issue_card(writing, missing),
        member=_writer(writing), changes=tuple(writing.claim.params["changes"]),
    )  # fmt: skip


def reply(writing: Writing, _missing: tuple[Missing, ...]) -> command_letters.Reply:
    return command_letters.Reply(
        group=writing.group, now=writing.now, issue=writing.id, text=writing.claim.params["text"]
    )


def answered(writing: Writing, missing: tuple[Missing, ...]) -> command_letters.Answered:
    params = writing.claim.params
    return command_letters.Answered(
        group=writing.group, now=writing.now, issue=writing.id, card=issue_card(writing, missing),
        member=_writer(writing), to=tuple(params["to"]), text=params["text"], waits=params["waits"],
    )  # fmt: skip


def unsent(writing: Writing, missing: tuple[Missing, ...], addresses: tuple[str, ...]) -> command_letters.Unsent:
    return command_letters.Unsent(
        group=writing.group, now=writing.now, issue=writing.id, card=issue_card(writing, missing),
        member=_writer(writing), addresses=addresses,
    )  # fmt: skip


def opinion(writing: Writing, missing: tuple[Missing, ...]) -> command_letters.Opinion:
    params = writing.claim.params
    return command_letters.Opinion(
        group=writing.group, now=writing.now, issue=writing.id, card=issue_card(writing, missing),
        member=_writer(writing), outcome=params["outcome"], missing=params["missing"], reason=params["reason"],
    )  # fmt: skip


def confirm(writing: Writing, _missing: tuple[Missing, ...]) -> command_letters.Confirm:
    params = writing.claim.params
    return command_letters.Confirm(
        group=writing.group, now=writing.now, issue=_about(writing), lines=tuple(params["lines"]),
        text=params["text"], token=params["token"], until=datetime.fromisoformat(params["until"]),
    )  # fmt: skip


def second(writing: Writing, _missing: tuple[Missing, ...]) -> command_letters.Second:
    params = writing.claim.params
    return command_letters.Second(
        group=writing.group, now=writing.now, issue=_about(writing),
        title=writing.issue.title if writing.issue is not None else "", member=_writer(writing),
        lines=tuple(params["lines"]), token=params["token"], until=datetime.fromisoformat(params["until"]),
    )  # fmt: skip


def _about(writing: Writing) -> str:
    """The issue as people see it, or what ids begin with."""
    return writing.id if writing.issue is not None else writing.settings.group.id_prefix


def _writer(writing: Writing) -> str:
    """Whose commands they were."""
    member = writing.settings.member_by_id(writing.claim.params["member"] or "")
    return member.name if member else "an operator"
