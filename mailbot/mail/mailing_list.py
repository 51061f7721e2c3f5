"""Mail that came over a mailing list that the operator named: which list, who wrote it, and whether that is likely.

Lists rewrite From where the author's domain has a DMARC policy, and each puts the author somewhere else. Everything
here is header fields that anybody can write: a List-Id makes no mail trustworthy, and an author found this way is as
good as a From field is, never as good as one that DMARC passed for.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from mailbot.mail.authenticity import Authentication
from mailbot.mail.author import Author, authors, mailboxes
from mailbot.mail.structure import Structure

_LIST_ID = re.compile(r"<\s*([^<>\s]+)\s*>\s*$")
_MAILTO = re.compile(r"<?mailto:([^>?\s]+)", re.IGNORECASE)
# "Rosa via Security", and Google's "'Rosa' via Security".
_VIA = re.compile(r"^(?P<name>.*?)\s+(?:via|über|par|przez)\s+\S.*$", re.IGNORECASE | re.DOTALL)
_OWN_SUFFIXES = ("-bounces", "-owner", "-request", "-admin", "-noreply", "-join", "-leave", "-confirm")


@dataclass(frozen=True, slots=True)
class Passage:
    """`name` is the list as it is configured. `author` is whom the list names where it rewrote From, with the address
    "" if it names nobody; None where From stands as its author wrote it."""

    name: str
    author: Author | None


def passage(structure: Structure, lists: Iterable[str], not_authors: Iterable[str] = ()) -> Passage | None:
    """How a mail came over one of `lists` (posting addresses or List-Ids); None if it did not. An address of
    `not_authors`, such as our own, is never taken for the author."""
    name = over(structure, lists)
    if name is None:
        return None
    found = authors(structure)
    if len(found) != 1:
        return Passage(name, None)
    whole = belongs_to(found[0].address, name)
    # Some lists rewrite From to an address that nothing ties to them but its host, or the name before it.
    said = structure.header("X-Original-From") and f".{_normal(name)}".endswith(f".{_host(found[0].address)}")
    if not whole and not said and not _VIA.match(found[0].name):
        return Passage(name, None)
    others = {one.lower() for one in not_authors}

    def candidates(field: str) -> list[Author]:
        boxes = [one for value in structure.header_all(field) for one in mailboxes(value)]
        return [one for one in boxes if not belongs_to(one.address, name) and one.address.lower() not in others]

    shown = _before_via(found[0].name)
    answers = candidates("Reply-To")
    # Where answers go to the list, Mailman puts the author into Cc, and Reply-To is what that one wrote there himself
    # (handlers/dmarc.py). So whoever bears From's name comes first; if several do, none of them is believed.
    namesakes = _distinct(one for one in (*answers, *candidates("Cc")) if _is_meant(one, shown))
    for boxes in (candidates("X-Original-From"), namesakes or answers, candidates("X-Original-Sender")):
        if len(boxes) == 1 and boxes[0].address:
            return Passage(name, Author(shown or boxes[0].name, boxes[0].address))
    return Passage(name, Author(shown, "") if whole else None)


def over(structure: Structure, lists: Iterable[str]) -> str | None:
    """Which of `lists` the mail came over, if any: compared with List-Post's address and List-Id (where a dot stands
    for ``@``), without case. A list replaces these fields (RFC 2919 3): where one stands twice, nobody knows which list
    wrote it."""
    wanted = {_normal(name): name for name in lists}
    if not wanted or any(len(structure.header_all(field)) > 1 for field in ("List-Id", "List-Post")):
        return None
    for value in structure.header_all("List-Post"):
        for address in _MAILTO.findall(value):
            if found := wanted.get(_normal(address)):
                return found
    for value in structure.header_all("List-Id"):
        match = _LIST_ID.search(value)
        if found := wanted.get(_normal(match[1] if match else value.strip())):
            return found
    for value in structure.header_all("X-Mailing-List"):
        for mailbox in mailboxes(value):
            if found := wanted.get(_normal(mailbox.address)):
                return found
    return None


def belongs_to(address: str, name: str) -> bool:
    """Whether `address` is one of the list's own: that for posting, one of its service addresses, or one that it made
    of a subscriber's (``rosa=university.example@lists.example``)."""
    local, at, domain = address.lower().rpartition("@")
    normal = _normal(name)
    if not at or not normal.endswith(f".{domain}"):
        return False
    bare = local.partition("+")[0]
    for suffix in _OWN_SUFFIXES:
        bare = bare.removesuffix(suffix)
    return f"{bare}.{domain}" == normal or "=" in local


def named(structure: Structure, lists: Iterable[str]) -> tuple[str, ...]:
    """Those of `lists` that To or Cc name: they got their own copy."""
    values = (value for field in ("To", "Cc") for value in structure.header_all(field))
    found = {_normal(one.address) for value in values for one in mailboxes(value) if one.address}
    return tuple(name for name in lists if _normal(name) in found)


def vouched_for(checks: Authentication, name: str, author: str) -> bool:
    """Whether the trusted front's results agree with a mail of this list: the list's own domain passed, or the
    author's, as it does where list and front are one machine. True if nothing was checked at all."""
    if checks == Authentication():
        return True
    passed = {domain for result, domain in checks.dkim if result == "pass"}
    passed |= {checks.spf_domain} if checks.spf == "pass" else set()
    passed |= {checks.dmarc_domain} if checks.dmarc == "pass" else set()
    behind = f".{_normal(name)}", f".{author.rpartition('@')[2].lower()}"
    return any("." in domain and any(one.endswith(f".{domain}") for one in behind) for domain in passed)


def _host(address: str) -> str:
    return address.rpartition("@")[2].lower()


def _normal(name: str) -> str:
    return name.lower().replace("@", ".")


def _distinct(found: Iterable[Author]) -> list[Author]:
    return list({one.address.lower(): one for one in found}.values())


def _is_meant(one: Author, shown: str) -> bool:
    """Whether From's name, before "via", means this one; Mailman writes ``rosa---`` for rosa@... without a name."""
    return bool(one.address and shown) and shown in (
        one.name, one.address, f"{one.address.rpartition('@')[0]}---", one.address.rpartition("@")[0],
    )  # fmt: skip


def _before_via(name: str) -> str:
    match = _VIA.match(name)
    return (match["name"] if match else "").strip().strip("'\"").strip()
