"""What people are told: an ordered map from event to audience, letter and manner of sending.

`Composer.compose` is the fourth step of a mail's way: a notice becomes finished mails. It opens no transaction; gpg and
templates run here. Everything in it follows from committed rows, so that a repeat after a crash gives the same
Message-IDs.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from mailbot.config import Settings
from mailbot.mail.drill import Drill
from mailbot.mail.letters import Letter, Missing
from mailbot.mail.templates import Templates
from mailbot.service import audiences, clock_letters, command_letters, letters
from mailbot.service.enclosures import NO_ENCLOSURES, Enclosures
from mailbot.service.letters import Writing
from mailbot.service.ports import OpenPGP
from mailbot.service.posting import Manner, Poster
from mailbot.service.store import ClaimedNotice, Draft, Store
from mailbot.service.tokens import Tokens


@dataclass(frozen=True, slots=True)
class Notice:
    """A row of the table."""

    audience: audiences.Audience
    letter: Callable[[Writing, tuple[Missing, ...]], Letter]
    manner: Manner
    phrase: str = ""
    """What a member without a usable key is told has happened."""
    clear: Callable[[Writing, tuple[Missing, ...]], Letter] | None = None
    """The letter in which nothing is confidential, for members without a usable key, in place of the phrase."""


NOTICES: Mapping[str, Notice] = {
    "report": Notice(audiences.relay, letters.report, Manner.MEMBERS, "new report"),
    "unreadable": Notice(audiences.relay, letters.unreadable, Manner.MEMBERS, "new report"),
    "follow_up": Notice(audiences.thread, letters.follow_up, Manner.MEMBERS, "follow-up"),
    "note": Notice(audiences.thread, letters.note, Manner.MEMBERS, "internal note"),
    "changed": Notice(audiences.thread, command_letters.changed, Manner.MEMBERS, "something changed"),
    "answered": Notice(audiences.thread, command_letters.answered, Manner.MEMBERS, "answered"),
    "reply": Notice(audiences.participants, command_letters.reply, Manner.PARTICIPANTS),
    "opinion": Notice(audiences.relay, command_letters.opinion, Manner.MEMBERS, "your opinion is asked"),
    "confirm": Notice(audiences.commander, command_letters.confirm, Manner.MEMBERS, "please confirm"),
    "second": Notice(
        audiences.seconders, command_letters.second, Manner.MEMBERS, "a command waits for a second member"
    ),
    "introduction": Notice(audiences.introduced, command_letters.introduction, Manner.MEMBERS),
    "transcript": Notice(
        audiences.commander, command_letters.transcript, Manner.MEMBERS, "your commands were answered"
    ),
    "reminder": Notice(audiences.reminded, letters.reminder, Manner.MEMBERS, "nobody has answered yet"),
    "escalated": Notice(audiences.relay, letters.escalated, Manner.MEMBERS, "escalated, nobody has answered"),
    "undelivered_reporter": Notice(
        audiences.relay, letters.undelivered_reporter, Manner.MEMBERS, "a mail to the reporter came back"
    ),
    "acknowledgement": Notice(audiences.reporter, letters.acknowledgement, Manner.OUTSIDE),
    "acknowledgement_unreadable": Notice(audiences.reporter, letters.acknowledgement, Manner.OUTSIDE),
    "escalation_reporter": Notice(audiences.reporter, letters.escalation_reporter, Manner.OUTSIDE),
    "escalation": Notice(audiences.contacts, letters.escalation, Manner.OUTSIDE),
    "key": Notice(audiences.asker, letters.key, Manner.OUTSIDE),
    "held": Notice(audiences.relay, letters.held, Manner.MEMBERS, "Mail is held"),
    "new_key": Notice(audiences.relay, letters.new_key, Manner.MEMBERS, "The group has a new key"),
    "loop": Notice(audiences.ourselves, letters.loop, Manner.OUTSIDE),
    "trouble": Notice(audiences.operators, letters.trouble, Manner.OUTSIDE),
    "undelivered_member": Notice(audiences.operators, letters.undelivered_member, Manner.OUTSIDE),
    # Clocks and coordinators
    "appointed": Notice(audiences.member, clock_letters.appointed, Manner.MEMBERS, "you are asked to coordinate"),
    "hand_over": Notice(audiences.member, clock_letters.hand_over, Manner.MEMBERS, clear=clock_letters.hand_over_ids),
    "hand_over_lapsed": Notice(
        audiences.member, clock_letters.hand_over_lapsed, Manner.MEMBERS, "the hand-over came to nothing"
    ),
    "nobody_coordinates": Notice(
        audiences.relay, clock_letters.nobody_coordinates, Manner.MEMBERS, "nobody coordinates it"
    ),
    "silence": Notice(audiences.chosen, clock_letters.silence, Manner.MEMBERS, "the reporter is waiting"),
    "deadline": Notice(audiences.relay, clock_letters.deadline, Manner.MEMBERS, "a date of this issue"),
    "regulatory": Notice(audiences.relay, clock_letters.regulatory, Manner.MEMBERS, "a date of this issue"),
    "wait_over": Notice(audiences.chosen, clock_letters.wait_over, Manner.MEMBERS, "the wait is over"),
    "lift": Notice(audiences.others, clock_letters.lift, Manner.MEMBERS, "a proposal to decide on"),
    "digest": Notice(audiences.relay, clock_letters.digest, Manner.MEMBERS, clear=clock_letters.digest_ids),
    "embargo_reporter": Notice(audiences.reporter, clock_letters.embargo_reporter, Manner.OUTSIDE),
    "escalation_coordinator": Notice(audiences.contacts, clock_letters.escalation_coordinator, Manner.OUTSIDE),
    "regulatory_contact": Notice(audiences.contacts, clock_letters.regulatory_contact, Manner.OUTSIDE),
    "key_expiry": Notice(audiences.member, clock_letters.key_expiry, Manner.OUTSIDE),
    "key_expiry_operators": Notice(audiences.operators, clock_letters.key_expiry_operators, Manner.OUTSIDE),
    "member_key": Notice(audiences.group_and_operators, clock_letters.member_key, Manner.OUTSIDE),
    "announcement": Notice(audiences.contacts, clock_letters.announcement, Manner.OUTSIDE),
}


class Composer:
    """Turns notices into mails. Thread-safe."""

    def __init__(self, store: Store, openpgp: OpenPGP, templates: Templates) -> None:
        self._store = store
        self._openpgp = openpgp
        self._templates = templates

    def compose(self, claim: ClaimedNotice, settings: Settings) -> list[Draft]:
        """The finished mails of one notice; none if its audience is empty."""
        row = NOTICES[claim.event]
        with self._store.reading():
            issue = self._store.view(claim.issue) if claim.issue is not None else None
            recipients = row.audience(settings, issue, claim.params)
            if left_out := claim.params.get("left_out"):
                recipients = [one for one in recipients if one.address.lower() == left_out["recipient"].lower()]
            if not recipients:
                return []
            root = self._store.first_notice(claim.issue) if claim.issue is not None else None
            enclosed = Enclosures.load(self._store, claim)
        writing = Writing(
            claim, issue, settings, self._openpgp, enclosed.size, enclosed.attached, self._store.view, enclosed.digest
        )
        templates = Drill(self._templates) if issue is not None and issue.drill else self._templates
        poster = Poster(
            settings, Tokens(self._store.token_key, settings.group.domain), self._openpgp, templates, claim,
            root=root, issue_encrypted=issue is not None and issue.encrypted,
            relayed_as=issue.relayed_as if issue is not None else (),
        )  # fmt: skip
        if row.manner is Manner.OUTSIDE:
            return poster.outside(row.letter(writing, ()), recipients)
        if row.manner is Manner.PARTICIPANTS:
            return self._to_participants(row, poster, writing, recipients)
        clear = None if row.clear is None else row.clear(writing, ())
        return poster.members(
            lambda missing: row.letter(writing, missing), recipients, enclosed, row.phrase, clear=clear
        )

    @staticmethod
    def _to_participants(
        row: Notice, poster: Poster, writing: Writing, recipients: Sequence[audiences.Recipient]
    ) -> list[Draft]:
        """A member's answer; the members hear of those whom it could not be sent to."""
        drafts, unsent = poster.participants(row.letter(writing, ()), recipients)
        if unsent:
            addresses = tuple(one.address for one in unsent)
            drafts += poster.members(
                lambda missing: command_letters.unsent(writing, missing, addresses),
                audiences.relay(writing.settings, writing.issue, {}), NO_ENCLOSURES, "an answer could not be sent",
                first_seq=len(drafts),
            )  # fmt: skip
        return drafts
