"""Over which list a mail came, and who wrote it: what lists really do with From, and what forgers could do."""

import pytest

from mailbot.mail.authenticity import Authentication
from mailbot.mail.author import Author
from mailbot.mail.mailing_list import Passage, belongs_to, named, over, passage, vouched_for
from mailbot.mail.parse import parse
from mailbot.mail.structure import Structure

POSTING, ID = "security@lists.example.org", "security.lists.example.org"
LIST_ID = f"List-Id: Security reports <{ID}>"
MUNGED = f'From: "Rosa Reporter via Security" <{POSTING}>'


def mail(*fields: str) -> Structure:
    return parse(("\r\n".join(fields) + "\r\n\r\nx").encode())


@pytest.mark.parametrize("configured", [POSTING, ID, POSTING.upper()])
@pytest.mark.parametrize(
    ("fields", "author"),
    [
        # Nothing rewritten: From stands, whatever else is there.
        (("From: Rosa <rosa@university.example>",), None),
        (("From: Rosa <rosa@university.example>", "Reply-To: victim@other.example"), None),
        (("From: Rosa <rosa@university.example>", "X-Original-From: victim@other.example"), None),
        (("From: Rosa <rosa@lists.example.org>", "Reply-To: victim@other.example"), None),
        # Rewritten to an address that is not obviously the list's.
        (
            ("From: Rosa via Security <noreply@elsewhere.example>", "Reply-To: rosa@x.example"),
            Author("Rosa", "rosa@x.example"),
        ),
        (
            ("From: Rosa <members@lists.example.org>", "X-Original-From: rosa@x.example"),
            Author("", "rosa@x.example"),
        ),
        (("From: Rosa via Security <noreply@elsewhere.example>",), None),
        # Google Groups.
        (
            (f"From: \"'Rosa Reporter' via Security\" <{POSTING}>", "X-Original-From: Rosa <rosa@university.example>"),
            Author("Rosa Reporter", "rosa@university.example"),
        ),
        (
            (MUNGED, "X-Original-From: rosa@university.example", "Reply-To: other@university.example"),
            Author("Rosa Reporter", "rosa@university.example"),
        ),
        # Mailman: answers to the author, to the list.
        ((MUNGED, "Reply-To: Rosa Reporter <r@x.example>"), Author("Rosa Reporter", "r@x.example")),
        ((MUNGED, f"Reply-To: {POSTING}", "Cc: Rosa Reporter <r@x.example>"), Author("Rosa Reporter", "r@x.example")),
        ((MUNGED, f"Reply-To: Rosa <r@x.example>, {POSTING}"), Author("Rosa Reporter", "r@x.example")),
        ((f"From: rosa--- via Security <{POSTING}>", "Reply-To: rosa@x.example"), Author("rosa---", "rosa@x.example")),
        # The author's own Reply-To is nobody who wrote (Mailman keeps it, and puts the author behind it or into Cc).
        (
            (MUNGED, "Reply-To: victim@other.example, Rosa Reporter <r@x.example>"),
            Author("Rosa Reporter", "r@x.example"),
        ),
        (
            (MUNGED, f"Reply-To: victim@other.example, {POSTING}", "Cc: Rosa Reporter <r@x.example>"),
            Author("Rosa Reporter", "r@x.example"),
        ),
        (
            (MUNGED, "Reply-To: Rosa Reporter <victim@other.example>, Rosa Reporter <r@x.example>"),
            Author("Rosa Reporter", ""),
        ),
        ((MUNGED, "Reply-To: a@x.example, b@x.example"), Author("Rosa Reporter", "")),
        # Nobody is named, or only the list and we ourselves.
        ((MUNGED,), Author("Rosa Reporter", "")),
        ((MUNGED, f"Reply-To: {POSTING}, ours@example.org"), Author("Rosa Reporter", "")),
        ((f"From: {POSTING}", f"X-Original-From: {POSTING}"), Author("", "")),
        ((MUNGED, "X-Original-Sender: rosa@university.example"), Author("Rosa Reporter", "rosa@university.example")),
        # groups.io makes an address of the author's.
        (
            ("From: rosa <rosa=x.example@lists.example.org>", "Reply-To: rosa@x.example"),
            Author("", "rosa@x.example"),
        ),
    ],
)
def test_the_author_whom_a_list_rewrote(configured: str, fields: tuple[str, ...], author: Author | None) -> None:
    found = passage(mail(LIST_ID, *fields), [configured], not_authors=["ours@example.org"])
    assert found is not None
    assert found.name == configured
    assert (found.author is None) == (author is None)
    if author is not None and found.author is not None:
        assert found.author.address == author.address
        assert not author.name or found.author.name == author.name


@pytest.mark.parametrize(
    "fields",
    [
        ("From: a@x.example",),
        ("List-Id: <other.lists.example.org>", MUNGED),
        # Whoever writes the field too has the list's own beside it.
        (LIST_ID, LIST_ID, MUNGED),
        (LIST_ID, "List-Id: <dev.elsewhere.example>", MUNGED),
        (f"List-Post: <mailto:{POSTING}>", "List-Post: <mailto:x@y.example>", MUNGED),
        (f"List-Id: {ID}.evil.example", MUNGED),
    ],
)
def test_what_did_not_come_over_the_list(fields: tuple[str, ...]) -> None:
    assert passage(mail(*fields), [ID]) is None
    assert passage(mail(*fields), []) is None


def test_a_passage_says_which_list() -> None:
    assert passage(mail(LIST_ID, "From: a@x.example"), ["other.example", ID]) == Passage(ID, None)
    assert over(mail(f"List-Post: <mailto:{POSTING}>"), [ID]) == ID


@pytest.mark.parametrize(
    ("address", "own"),
    [
        (POSTING, True),
        ("Security-Bounces@lists.example.org", True),
        ("security+bncBCX5@lists.example.org", True),
        ("security-bounces+rosa=x.example@lists.example.org", True),
        ("rosa=x.example@lists.example.org", True),
        ("rosa@lists.example.org", False),
        ("security@example.org", False),
        ("security@lists.example.org.evil.example", False),
        ("", False),
    ],
)
def test_an_address_of_the_lists_own(address: str, own: bool) -> None:
    assert belongs_to(address, POSTING) is own
    assert belongs_to(address, ID) is own


def test_lists_that_a_mail_names_get_their_own_copy() -> None:
    both = mail("To: x@y.example", f"Cc: Security <{POSTING}>, a@b.example")
    assert named(both, ["other@x.example", ID]) == (ID,)
    assert named(mail(f"Bcc: {POSTING}"), [ID]) == ()
    assert named(both, []) == ()


@pytest.mark.parametrize(
    ("checks", "vouched"),
    [
        (Authentication(), True),  # nobody looked
        (Authentication(dkim=(("pass", "lists.example.org"),)), True),
        (Authentication(dkim=(("fail", "university.example"), ("pass", "example.org"))), True),
        (Authentication(spf="pass", spf_domain="lists.example.org"), True),
        (Authentication(dmarc="pass", dmarc_domain="lists.example.org"), True),
        # List and front are one machine: what is written down is the first hop's, about the author.
        (Authentication(spf="pass", spf_domain="university.example"), True),
        (Authentication(spf="none"), False),
        (Authentication(dkim=(("fail", "lists.example.org"),)), False),
        (Authentication(spf="pass", spf_domain="evil.example", dkim=(("pass", "evil.example"),)), False),
        (Authentication(spf="pass", spf_domain="notlists.example.org.evil.example"), False),
        (Authentication(dkim=(("pass", "org"),)), False),
    ],
)
def test_the_fronts_results_must_agree_with_the_list(checks: Authentication, vouched: bool) -> None:
    assert vouched_for(checks, POSTING, "rosa@university.example") is vouched
    assert vouched_for(checks, ID, "rosa@university.example") is vouched
