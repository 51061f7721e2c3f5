"""Over which of the lists that the config names a mail came, and what follows from that.

An intake list (`listener.intake_lists`) is a public address at which the bot is a subscriber: what comes over it is a
report of the author whom the list names. The group's list (`relay.to = "list"`) stands for the members: what comes over
it, they have already.

Its header fields are anybody's to write. Where the trusted front's results speak against a list, the mail counts as any
other list's: kept, relayed, not answered. And whom a list names is never proved by the list's own DMARC result.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from mailbot.config import Group, Settings
from mailbot.mail import list_footer, mailing_list
from mailbot.mail.authenticity import Authentication
from mailbot.mail.author import Author, authors, mailboxes
from mailbot.mail.envelope import target
from mailbot.mail.structure import Part, Structure


@dataclass(frozen=True, slots=True)
class Listed:
    """`intake` and `group` name the list over which the mail came, "" for none."""

    intake: str = ""
    group: str = ""
    author: Author | None = None
    """Whom the list names in place of its own address, with the address "" if it names nobody; None where From
    stands."""
    named: tuple[str, ...] = ()
    """The lists that To or Cc name, so that a second copy comes or came over them."""
    service: bool = False
    """The group's list itself wrote it, by one of its service addresses: a rejection, a word to subscribers. Relayed to
    that list, it could be answered in the same way without end."""
    remarks: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return self.intake or self.group


NO_LIST = Listed()


def look(fields: Structure, settings: Settings, checks: Authentication) -> Listed:
    """Total on any header fields."""
    intake, group = settings.listener.intake_lists, group_list(settings)
    known = (*intake, *([group] if group else []))
    if not known:
        return NO_LIST
    found = mailing_list.passage(fields, known, not_authors=_ours(fields, settings.group))
    named = mailing_list.named(fields, known)
    service = by_the_list(fields, settings)
    if found is None:
        return Listed(named=named, author=_nobody(fields, known), service=service)
    written_by = (found.author or _from(fields)).address
    if not mailing_list.vouched_for(checks, found.name, written_by):
        remark = f"it says that it came over the list {found.name}, but the mail server in front saw no sign of that"
        return Listed(named=named, author=_nobody(fields, known), service=service, remarks=(remark,))
    remarks: tuple[str, ...] = ()
    if found.author is not None and found.name in intake:
        author = found.author.address
        says = f"it says that {author} wrote it, and nothing proves that" if author else "it does not say who wrote it"
        remarks = (f"it came over the list {found.name}, which put itself into From; {says}",)
    over_group = group if mailing_list.over(fields, [group]) else ""
    return Listed(found.name if found.name in intake else "", over_group, found.author, named, service, remarks)


def by_the_list(fields: Structure, settings: Settings) -> bool:
    """Whether From is a service address of the group's list."""
    group = group_list(settings)
    if not group:
        return False
    written_by = _from(fields).address
    return written_by.lower() != group.lower() and mailing_list.belongs_to(written_by, group)


def group_list(settings: Settings) -> str:
    """The address of the list that stands for the members, "" if none does."""
    return (settings.relay.list_address or "") if settings.relay.to == "list" else ""


def without_dmarc(checks: Authentication, listed: Listed) -> Authentication:
    """The front's results, so that the list's own DMARC result proves nobody's address: many have one at the same
    provider as the list, or as who pretends to be it."""
    return checks if listed.author is None else replace(checks, dmarc_domain="")


def marked(text: str, listed: Listed) -> str:
    return list_footer.marked(text, listed.name) if listed.name else text


def beside_footer(root: Part, text: str, listed: Listed) -> Part | None:
    """What the author sent, where a list put it beside a footer (Mailman's handlers/decorate.py); None if that is not
    what the mail looks like. `text` is that of the mail."""
    if not listed.name or root.content_type != "multipart/mixed" or len(root.children) != 2:
        return None
    sent, footer = root.children
    if footer.content_type != "text/plain" or footer.children or footer.disposition == "attachment":
        return None
    at = list_footer.start(text, listed.name)
    # Nothing but the footer may be in the second part, or somebody's words stand beside the signed ones.
    whole = at is not None and len(text[at:].strip().encode()) + 10 >= footer.size
    return sent if whole and sent.content_type == "multipart/signed" else None


def _ours(fields: Structure, group: Group) -> Iterable[str]:
    """Addresses of our own among those that a list might name."""
    boxes = (one for field in ("Reply-To", "Cc") for value in fields.header_all(field) for one in mailboxes(value))
    return [one.address for one in boxes if is_ours(one.address, group)]


def is_ours(address: str, group: Group) -> bool:
    """An address of the bot, whatever its extension: nobody is there who reads it."""
    return address.rpartition("@")[2].lower() == group.domain.lower() and target(address, group.local_part) is not None


def _from(fields: Structure) -> Author:
    found = authors(fields)
    return found[0] if len(found) == 1 else Author("", "")


def _nobody(fields: Structure, known: Iterable[str]) -> Author | None:
    """A list's own address is nobody's, however the mail came: an answer to it would go to all subscribers."""
    written_by = _from(fields)
    return (
        Author(written_by.name, "") if any(mailing_list.belongs_to(written_by.address, one) for one in known) else None
    )
