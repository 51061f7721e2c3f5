"""The header fields of our mails, by whom they go to. Everything in them follows from committed rows, and nothing that
is confidential or that a stranger chose stands in them."""

from dataclasses import dataclass

from mailbot.config import Settings
from mailbot.mail import fields
from mailbot.service.audiences import Recipient
from mailbot.service.store import ClaimedNotice
from mailbot.service.tokens import Tokens

# Mail to people who take no part in the issue: their answers are a stranger's.
_TO_NO_PARTICIPANT = ("escalation", "escalation_coordinator", "regulatory_contact", "announcement")


@dataclass(frozen=True, slots=True)
class Heads:
    """The headers of one notice's mails."""

    settings: Settings
    tokens: Tokens
    claim: ClaimedNotice
    root: int | None
    """The notice that opened the issue for members: their mails thread under its Message-ID."""
    relayed_as: tuple[str, ...]
    """Under which Message-IDs the report went through other mailbots, which know their own by them."""

    def internal(self, subject: str, number: int, through: str | None) -> list[fields.Field]:
        """Header fields of mail to members: like a mailing list's, and the same for every copy.

        Through a list that exists already they are that list's: it adds its own, and takes only mail that names it.
        """
        group = self.settings.group
        about = group.extended("control" if self.claim.issue is None else str(self.claim.issue))
        answered = fields.message_ids([self.claim.params.get("in_reply_to", "")])
        # What answers one member goes to that one, whoever else stands for the group.
        asker = self.settings.member_by_id(self.claim.params["member"]) if answered else None
        found = [
            ("From", fields.address_field(group.name, about)),
            ("To", asker.email if asker else through or fields.address_field(group.name, about)),
            ("Reply-To", fields.address_field(group.name, self._answers_to(about))),
            ("Subject", subject),
            ("Date", fields.date_field(self.claim.created_at)),
            ("Message-ID", self.message_id(number)),
            ("Auto-Submitted", "auto-replied" if "in_reply_to" in self.claim.params else "auto-generated"),
            ("X-Mailbot-Instance", group.id_prefix),
        ]
        if through is None:
            found += [("List-Id", f"<members.{group.local_part}.{group.domain}>"), ("List-Post", f"<mailto:{about}>")]
        if self.claim.issue is not None:
            found.append(("X-Mailbot-Issue", self.settings.issue_id(self.claim.issue)))
        if self.relayed_as:
            # Ours stands here too: whoever gave the last one a new Message-ID will do so with this one.
            loop = fields.message_ids([self.message_id(number), *self.relayed_as])
            found.append(("X-Mailbot-Loop", loop))
        root = ""
        if self.root is not None and self.root != self.claim.id:
            root = self.tokens.message_id(self.root, number)
        if answered or root:
            found += [("In-Reply-To", answered or root), ("References", f"{root} {answered}".strip())]
        return found

    def outside(self, subject: str, recipient: Recipient, number: int) -> list[fields.Field]:
        group, issue = self.settings.group, self.claim.issue
        answers = fields.message_ids([recipient.answers or self.claim.params.get("in_reply_to", "")])
        found = [
            ("From", fields.address_field(group.name, group.address)),
            # Without a name: whoever writes to us under another's address would choose what that one reads there.
            ("To", fields.address_field("", recipient.address)),
            ("Subject", subject),
            ("Date", fields.date_field(self.claim.created_at)),
            ("Message-ID", self.message_id(number)),
        ]
        if not recipient.by_hand:
            automatic = "auto-replied" if "in_reply_to" in self.claim.params else "auto-generated"
            found.append(("Auto-Submitted", automatic))
        if issue is not None and self.claim.event not in _TO_NO_PARTICIPANT:
            keyed = group.extended(f"{issue}.{self.tokens.participant(issue, recipient.address)}")
            found.insert(2, ("Reply-To", fields.address_field(group.name, keyed)))
        if answers:
            found += [("In-Reply-To", answers), ("References", answers)]
        return found

    def message_id(self, number: int) -> str:
        return self.tokens.message_id(self.claim.id, number)

    def _answers_to(self, about: str) -> str:
        """Where a member's answer goes: the issue, or where the token is that the mail has."""
        token = self.claim.params.get("token")
        return self.settings.group.extended(f"confirm.{token}") if token else about
