"""Over which list a mail came, what is decided then, and what somebody who writes a List-Id himself gets of it."""

from typing import Any

import pytest

from mailbot.domain.issue import Role
from mailbot.mail.authenticity import Authentication
from mailbot.mail.author import Author
from mailbot.mail.parse import parse
from mailbot.service import audiences
from mailbot.service.handlers import HANDLERS, Case
from mailbot.service.lists import NO_LIST, Listed, beside_footer, look, without_dmarc
from mailbot.service.message import Message
from mailbot.service.router import look_up, route
from mailbot.service.store import Participant, ReporterKey
from tests.unit.service.cases import ALICE, BOB, NOW, RITA, TOKENS, FakeUnit, issue_view, message, settings, signed_by

INTAKE, PRIVATE = "reports.lists.example", "private@lists.example"
SETTINGS = settings(
    listener={"intake_lists": [INTAKE]}, relay={"to": "list", "list_address": PRIVATE, "list_key": "E" * 40}
)
OVER_GROUP = Listed(group=PRIVATE)
OWN_ID = TOKENS.message_id(7, 0)
BY_LIST = Authentication(spf="pass", spf_domain="lists.example", dmarc="pass", dmarc_domain="lists.example")
BY_OTHERS = Authentication(spf="pass", spf_domain="gmail.example", dmarc="pass", dmarc_domain="gmail.example")
REWRITTEN = ("From: Rosa via Reports <reports@lists.example>", "X-Original-From: rosa@gmail.example")


def listed(*fields: str, checks: Authentication = BY_LIST) -> Listed:
    return look(parse(("\r\n".join(fields) + "\r\n\r\nx").encode()), SETTINGS, checks)


def test_a_report_over_an_intake_list_is_of_whom_the_list_names() -> None:
    found = listed(f"List-Id: <{INTAKE}>", *REWRITTEN)
    assert (found.intake, found.group) == (INTAKE, "")
    assert found.author == Author("Rosa", "rosa@gmail.example")
    assert "nothing proves" in found.remarks[0]


def test_a_forged_list_id_names_nobody() -> None:
    """From somebody whose domain passed, in the name of another provider's user."""
    checks = Authentication(spf="pass", spf_domain="evil.example", dmarc="fail", dmarc_domain="lists.example")
    found = listed(f"List-Id: <{INTAKE}>", *REWRITTEN, checks=checks)
    assert (found.intake, found.author) == ("", Author("Rosa via Reports", ""))
    assert "saw no sign" in found.remarks[0]


def test_a_dmarc_pass_never_proves_an_author_whom_header_fields_name() -> None:
    """A user of the same provider as the victim writes the fields of a list: his mail passes for their domain."""
    found = listed(f"List-Id: <{INTAKE}>", *REWRITTEN, checks=BY_OTHERS)
    assert found.author is not None
    assert BY_OTHERS.dmarc_pass_for(found.author.address)
    assert not without_dmarc(BY_OTHERS, found).dmarc_pass_for(found.author.address)
    assert without_dmarc(BY_OTHERS, NO_LIST) == BY_OTHERS


def test_a_lists_own_address_is_never_the_author_however_the_mail_came() -> None:
    assert listed("From: Reports <reports@lists.example>").author == Author("Reports", "")
    assert listed("From: rosa@gmail.example") == NO_LIST


def test_addresses_of_ours_are_no_authors() -> None:
    found = listed(f"List-Id: <{INTAKE}>", REWRITTEN[0], "Reply-To: security+42@example.org, Rosa <rosa@gmail.example>")
    assert found.author == Author("Rosa", "rosa@gmail.example")


def test_a_list_counts_for_the_members_only_where_the_config_says_so() -> None:
    fields = "List-Id: <private.lists.example>", "From: a@x.example"
    assert listed(*fields).group == PRIVATE
    to_members = settings(relay={"list_address": PRIVATE})
    assert look(parse(("\r\n".join(fields) + "\r\n\r\n").encode()), to_members, BY_LIST) == NO_LIST


FOOTER = "_______________________________________________\r\nPrivate mailing list\r\nTo unsubscribe ...\r\n"


def mixed(*parts: str) -> bytes:
    body = "".join(f"--b\r\n{part}\r\n" for part in parts)
    return f"Content-Type: multipart/mixed; boundary=b\r\n\r\n{body}--b--\r\n".encode()


SIGNED = (
    "Content-Type: multipart/signed; boundary=s\r\n\r\n--s\r\nContent-Type: text/plain\r\n\r\nnote\r\n"
    "--s\r\nContent-Type: application/pgp-signature\r\n\r\nsig\r\n--s--"
)


@pytest.mark.parametrize(
    ("parts", "found"),
    [
        ((SIGNED, f"Content-Type: text/plain\r\n\r\n{FOOTER}"), True),
        ((SIGNED, f"Content-Type: text/plain\r\n\r\nAnd I say: close it.\r\n{FOOTER}"), False),
        ((SIGNED, "Content-Type: text/plain\r\n\r\nAnd I say: close it."), False),
        ((SIGNED, f"Content-Type: text/html\r\n\r\n<p>x</p>{FOOTER}"), False),
        ((SIGNED, f"Content-Type: text/plain\r\nContent-Disposition: attachment\r\n\r\n{FOOTER}"), False),
        ((SIGNED, SIGNED, f"Content-Type: text/plain\r\n\r\n{FOOTER}"), False),
        ((f"Content-Type: text/plain\r\n\r\n{FOOTER}", SIGNED), False),
        (("Content-Type: text/plain\r\n\r\nnote", f"Content-Type: text/plain\r\n\r\n{FOOTER}"), False),
    ],
)
def test_a_signature_beside_a_footer_covers_all_else(parts: tuple[str, ...], found: bool) -> None:
    structure = parse(mixed(*parts))
    assert (beside_footer(structure.root, structure.text, OVER_GROUP) is not None) is found
    assert beside_footer(structure.root, structure.text, NO_LIST) is None


KNOWN = FakeUnit(
    issues={42: issue_view()},
    references={(OWN_ID, PRIVATE): 42, ("<m1@x>", ALICE): 42},
    roles={(42, RITA): Role.REPORTER},
)  # fmt: skip


@pytest.mark.parametrize(
    ("mail", "name"),
    [
        (message(author=BOB, over=OVER_GROUP, references=(OWN_ID,), beside_footer=signed_by("bob")), "note"),
        (message(author=BOB, over=OVER_GROUP, references=(OWN_ID,)), "follow_up"),
        (message(author=BOB, over=OVER_GROUP, subject="Re: [private] [EX-42] new report"), "follow_up"),
        (message(author=BOB, over=OVER_GROUP, beside_footer=signed_by("bob")), "talk"),
        (message(author=BOB, over=OVER_GROUP), "talk"),
        (message(author=RITA, over=OVER_GROUP), "report"),
        (message(author=BOB, over=OVER_GROUP, beside_footer=signed_by("mallory"), references=(OWN_ID,)), "follow_up"),
        (message(author=ALICE, over=OVER_GROUP, message_id="<m1@x>", references=(OWN_ID,)), "copy"),
        # The same without the list: as ever.
        (message(author=RITA, references=(OWN_ID,)), "report"),
        # A list that is both has no talk of its own: it is where reports come in.
        (message(author=BOB, over=Listed(intake=INTAKE, group=PRIVATE)), "report"),
    ],
)
def test_what_comes_over_the_members_list_takes_its_route(mail: Message, name: str) -> None:
    assert route(mail, look_up(KNOWN, mail, SETTINGS, TOKENS)) == name


def decided(mail: Message) -> FakeUnit:
    unit = FakeUnit(issues={42: issue_view()}, references=dict(KNOWN.references), roles=dict(KNOWN.roles))
    facts = look_up(unit, mail, SETTINGS, TOKENS)
    HANDLERS[route(mail, facts)](Case(unit, mail, facts, SETTINGS, TOKENS, NOW))
    return unit


@pytest.mark.parametrize("changes", [{"beside_footer": signed_by("bob")}, {}])
def test_what_the_list_has_is_recorded_and_not_sent_there_again(changes: dict[str, Any]) -> None:
    unit = decided(message(author=BOB, over=OVER_GROUP, references=(OWN_ID,), **changes))
    assert unit.events == []
    assert [kind for _, kind, _ in unit.messages] == ["note" if changes else "follow-up"]
    assert unit.opened == []


def test_an_expert_who_is_not_on_the_list_gets_it_all_the_same() -> None:
    expert = Participant(Role.EXPERT, "eva@expert.example", "Eva", ReporterKey("F" * 40, "armor"))
    view = issue_view(participants=(expert,))
    unit = FakeUnit(issues={42: view}, references=dict(KNOWN.references))
    mail = message(author=BOB, over=OVER_GROUP, references=(OWN_ID,), beside_footer=signed_by("bob"))
    facts = look_up(unit, mail, SETTINGS, TOKENS)
    HANDLERS[route(mail, facts)](Case(unit, mail, facts, SETTINGS, TOKENS, NOW))
    ((event, _, params, _),) = unit.notices
    assert event == "note"
    assert [one.address for one in audiences.thread(SETTINGS, view, params)] == ["eva@expert.example"]


def test_an_unsigned_mail_that_only_names_the_list_is_relayed() -> None:
    """Else anybody could keep what he writes in a member's name from the members."""
    unit = decided(message(author=BOB, over=Listed(named=(PRIVATE,)), to="security+42@example.org"))
    assert unit.events == ["follow_up"]
