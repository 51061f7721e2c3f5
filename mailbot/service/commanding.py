"""A member's mail that begins with commands: whether it may run, what each line does, and who is told.

One handler's worth of `handlers`, within the transaction that decides about the mail. A signed text is spent first, in
the same transaction as its effects: after a crash there are both or neither. What is refused as a whole changes
nothing, is kept and relayed to the members marked as not authenticated, and its writer is told why. Of a block that may
run each line succeeds or fails for itself.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from mailbot import maillog
from mailbot.config import Member
from mailbot.domain.issue import Disposition
from mailbot.mail.control import LINE, LINES, Block, Command, read
from mailbot.mail.envelope import Strength
from mailbot.mail.quoting import own_text
from mailbot.service import parking, trust
from mailbot.service.desk import Desk, Done, Refused
from mailbot.service.ports import Opened
from mailbot.service.verbs import NAMES, VERBS

if TYPE_CHECKING:
    from mailbot.service.handlers import Case, Outcome

FAILURES = 20
FAILURES_PERIOD = timedelta(hours=1)
"""So many transcripts of nothing but errors a member is sent in this time: somebody may be sending old mail again and
again in their name."""

_NOTHING_DONE = "Nothing of this mail was carried out."
_NOT_ON_TOP = (
    "Nothing was carried out: commands count only as the first lines of a mail, above your text and everything that is "
    "quoted. Your mail went to the members as a note."
)
_NOT_CONFIRMED = (
    "Nothing was confirmed: /confirm must be the first line of your reply. Your mail went to the members as a note."
)
_TO_NOBODY = "The text below the commands went to nobody: the mail is about no issue."


@dataclass(frozen=True, slots=True)
class Answer:
    """What the transcript says under one command."""

    line: str
    results: tuple[str, ...]
    done: bool
    """It went as it should, even if another member's word is still to come."""
    about: int | None = None
    """The issue that it tells of; its words are sealed with that issue's key and no other's."""
    waits: bool = False
    """For another member's ``/confirm``."""


@dataclass(frozen=True, slots=True)
class Errand:
    """One member's commands, from which mail they came, and what of it the others may be shown."""

    case: "Case"
    member: Member
    number: int | None
    """The issue that they are about."""
    message: str
    """What stands below them."""
    message_id: str
    relayed: Mapping[str, Any]
    opened: str = ""
    original: bool = False
    """The mail at hand goes along with a note."""
    proved: bool = False
    seconded: bool = False


def commands(case: "Case", relay: Callable[[str], "Outcome"]) -> "Outcome":
    """Carry out a member's command mail. `relay` passes a refused one on to the members, with the reason."""
    member, message = case.facts.member, case.message
    if member is None:
        raise ValueError("commands without an authenticated member")
    errand = Errand(
        case, member, case.facts.issue.number if case.facts.issue else None, message.block.message, message.message_id,
        message.relayed(), message.opened, original=True, proved=case.facts.proof is trust.Proof.SIGNATURE,
    )  # fmt: skip
    if why := refused(case, member):
        tell(errand, [Answer(line, (), done=False) for line in message.block.lines], remark=f"Refused: {why}.")
        if case.facts.issue is None:
            return case.finish(Disposition.MEMBER)
        return relay(f"its commands were not carried out: {why}")
    if (unknown := message.block.unknown) is not None:
        tell(errand, _not_understood(message.block, unknown))
    elif case.facts.proof is trust.Proof.DMARC and case.settings.commands.auth == "confirm":
        parking.park(case.unit, case.tokens, message, errand.number, member.id, message.block.commands)
    else:
        carry_out(errand, message.block.commands)
    return finish(case, member)


def carry_out(errand: Errand, lines: Sequence[Command]) -> None:
    """Run the lines one after the other, and tell everybody who is to know."""
    case = errand.case
    issue = case.unit.issue(errand.number) if errand.number is not None else None
    desk = Desk(
        case.unit, case.settings, case.now, errand.member, issue, errand.message, case.message.keys,
        proved=errand.proved, seconded=errand.seconded, opened=errand.opened, verbs=NAMES,
    )  # fmt: skip
    answers = [_run(desk, errand, command) for command in lines]
    maillog.step("ran-commands")
    # A text that was meant for somebody else, and did not go there, is for its writer to send again.
    desk.used_message |= any(VERBS[one.verb].message and one.verb != "note" for one in lines)
    lost = errand.number is None and not desk.used_message and own_text(errand.message)
    tell(errand, answers, remark=_TO_NOBODY if lost else "", secret=desk.secret)
    _pass_on(errand, desk)


def hint(case: "Case") -> None:
    """Tell the writer of a note in which commands stand below other words, or that was to confirm something, that
    nothing ran."""
    member, message = case.facts.member, case.message
    if member is None:
        return
    own = own_text(message.signed.text if message.signed is not None else message.text).split("\n")
    found, remark = [line.strip() for line in own if read(line, NAMES).commands], _NOT_ON_TOP
    if not found and message.target.strength is Strength.CONFIRM:
        found, remark = [own[0][:LINE] or "(no text)"], _NOT_CONFIRMED
    if found:
        number = case.facts.issue.number if case.facts.issue else None
        errand = Errand(case, member, number, "", message.message_id, {}, message.opened)
        tell(errand, [Answer(line, (), done=False) for line in found[:LINES]], remark=remark)


def refused(case: "Case", member: Member) -> str:
    """Why nothing of the mail may run, as half a sentence; "" if it may. Whatever it says, the text is spent now."""
    message, prefix = case.message, case.settings.group.id_prefix
    if message.signed is not None:
        signer, signed_at = message.signature.fingerprint, message.signature.signed_at or _UNDATED
        digest = message.signed.digest
    else:
        signer, signed_at, digest = f"dmarc: {member.id}", _UNDATED, message.text_digest
    if not case.unit.spend(signer, signed_at, digest, case.now):
        return "already processed: this very text came before, and each runs once"
    maillog.step("spent-signature")
    if message.signed is not None and (why := trust.out_of_time(message, case.settings)):
        return why
    if message.block.unknown is not None or not _about_an_issue(message.block.commands):
        return ""
    first = message.block.commands[0]
    said = trust.selected(message, prefix) if first.verb == "on" else trust.first_named(message, prefix)
    meant = case.facts.issue.number if case.facts.issue else None
    example = case.settings.issue_id(meant or 42)
    if said is None:
        named = (
            f'"{first.args}" is no issue of this group'
            if first.verb == "on"
            else "its text names no issue of this group"
        )
        proved = "signed " if message.signed is not None else ""
        to = "" if meant is not None else f" and send it to {case.settings.group.extended('42')}"
        return f"{named}; the {proved}text must say which one it is about: begin it with /on {example}{to}"
    if meant is None:
        return (
            f"there is no {case.settings.issue_id(said)}"
            if case.unit.issue(said) is None
            else (f"it was sent to no issue; send it to {case.settings.group.extended(str(said))}")
        )
    if said != meant:
        return (
            f"its text is about {case.settings.issue_id(said)}, but it was sent to {example}; if you mean {example}, "
            f"begin it with /on {example}"
        )
    return ""


_UNDATED = datetime(1970, 1, 1, tzinfo=UTC)


def _about_an_issue(lines: tuple[Command, ...]) -> bool:
    return any(VERBS[line.verb].needs_issue(line.args) or line.verb == "on" for line in lines)


def _not_understood(block: Block, unknown: Command) -> list[Answer]:
    near = f" Did you mean /{block.nearest}?" if block.nearest else ""
    answers = [Answer(line.line, ("not carried out",), done=False) for line in block.commands]
    why = f"error: not understood.{near} /help lists all commands."
    return [*answers, Answer(unknown.line, (why, _NOTHING_DONE), done=False)]


def _run(desk: Desk, errand: Errand, command: Command) -> Answer:
    desk.shown = None
    verb = VERBS[command.verb]
    try:
        if verb.second is not None and not desk.seconded and verb.second(desk, command.args):
            return _ask_others(desk, errand, command)
        done = verb.effect(desk, command.args)
    except Refused as error:
        return Answer(command.line, (f"error: {error.words()}",), done=False)
    if verb.tell and desk.issue is not None and done.changes:
        desk.changed.setdefault(desk.issue.number, []).extend(change.words() for change in done.changes)
    return Answer(command.line, _results(done), True, desk.shown)


def _ask_others(desk: Desk, errand: Errand, command: Command) -> Answer:
    number = desk.issue.number if desk.issue is not None else None
    case = errand.case
    if not errand.proved and case.settings.commands.auth == "dmarc":
        return Answer(command.line, ("error: it takes two members, and a signed mail of each",), done=False)
    asked = parking.ask_others(
        desk.unit, case.tokens, case.settings, case.message, number, errand.member.id, command
    )  # fmt: skip
    if not asked:
        return Answer(command.line, ("error: it takes two members, and there is no other",), done=False)
    waits = f"waits for the /confirm of another member; asked: {', '.join(asked)}"
    return Answer(command.line, (waits,), True, number, waits=True)


def _results(done: Done) -> tuple[str, ...]:
    return (*(change.words() for change in done.changes), *done.lines) or ("done",)


def tell(errand: Errand, answers: list[Answer], remark: str = "", *, secret: bool = False) -> None:
    """Queue the transcript. `secret`: it tells of an issue that came encrypted, so none of it may go out in clear."""
    case = errand.case
    if not any(answer.done for answer in answers) and not case.unit.may_refuse(
        errand.member.id, case.now, FAILURES_PERIOD, FAILURES
    ):
        return
    told_of = {answer.about for answer in answers} - {None}
    main = errand.number if errand.number is not None else told_of.pop() if len(told_of) == 1 else None
    apart: dict[int, list[Answer]] = {}
    here = []
    for answer in answers:
        if answer.about is None or answer.about == main:
            here.append(answer)
        else:
            apart.setdefault(answer.about, []).append(answer)
            elsewhere = f"answered in a mail of its own, about {case.settings.issue_id(answer.about)}"
            here.append(replace(answer, results=(elsewhere,)))
    for number, group in ((main, here), *apart.items()):
        params: dict[str, Any] = {
            "member": errand.member.id,
            "in_reply_to": errand.message_id,
            "opened": errand.opened or (Opened.DECRYPTED.value if secret else ""),
            "answers": [[answer.line, list(answer.results), answer.done] for answer in group],
            "waits": sum(answer.waits for answer in group),
            "remark": remark if number == main else "",
        }
        case.unit.notify("transcript", number, params, case.now)


def _pass_on(errand: Errand, desk: Desk) -> None:
    """What the other members are told: the message, unless a command took it, and what changed."""
    case, here, member = errand.case, errand.number, errand.member
    text = errand.message.strip("\n")
    if here is not None and not desk.used_message and own_text(text):
        params = {**errand.relayed, "text": text, "member": member.id, "changes": desk.changed.pop(here, [])}
        pieces = case.message.inside() if errand.original else b""
        case.unit.notify("note", here, params, case.now, original=errand.original, pieces=pieces)
        case.unit.audit(here, member.id, "note", case.now)
    for number, changes in desk.changed.items():
        params = {"member": member.id, "changes": changes, "opened": errand.opened}
        case.unit.notify("changed", number, params, case.now)


def finish(case: "Case", member: Member) -> "Outcome":
    """End the mail, in the issue if there is one."""
    if case.facts.issue is None:
        return case.finish(Disposition.MEMBER)
    message, number = case.message, case.facts.issue.number
    case.unit.add_message(
        number, "commands", message.envelope.received_at, message.author, message.message_id,
        encrypted=message.encrypted, signed_by=message.signature.fingerprint, member_id=member.id,
    )  # fmt: skip
    return case.finish(Disposition.MEMBER, number)
