"""Every dialect is read for what it says, no bounce opens an issue, and no report is taken for one."""

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from mailbot.mail.bounce import Action
from mailbot.mail.envelope import Strength, Target
from mailbot.mail.parse import parse
from mailbot.service.returned import look
from mailbot.service.tokens import Tokens
from mailbot.storage.tables import outbox
from tests.bounces.dialects import DIALECTS, Dialect
from tests.bounces.making import LATER, REASONS, Bounce, Returned, head, plain
from tests.bounces.reports import reports
from tests.openpgp_keys import Lab
from tests.parser_twin import InProcessParser
from tests.world import Sent, World, mail, world

ROSA = "rosa@university.example"
OURS = "From: x\nSubject: [EX-1] received\nMessage-ID: <own@example.org>\n\nWe have received your report.\n"


def all_of(dialect: Dialect, returned: Returned) -> Iterator[Bounce]:
    for reason in REASONS:
        yield from dialect(returned, reason)


@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda dialect: dialect.__name__)
def test_each_dialect_is_known_by_its_shape_and_read_for_what_it_says(dialect: Dialect) -> None:
    for bounce in all_of(dialect, Returned(ROSA, "security+bounce.1@example.org", OURS)):
        raw = bounce.wire()
        found = look(raw, parse(raw), bounce.reverse_path, Target(Strength.PLAIN), InProcessParser())
        assert (found.is_bounce, found.action) == (True, bounce.action), bounce.raw
        if found.code and found.action is Action.FAILED:
            assert found.code != LATER.status


@pytest.mark.parametrize(
    ("author", "fields", "action"),
    [
        ("noreply@remote.example", (), Action.FAILED),
        ("rosa@university.example", ("Auto-Submitted: auto-replied",), Action.UNKNOWN),
    ],
)
def test_what_has_no_shape_is_read_at_the_keyed_address_only(
    author: str, fields: tuple[str, ...], action: Action
) -> None:
    raw = Bounce(head(author, "x", "Problem", *fields) + plain("550 5.1.1 no such user"), action).wire()
    for target, found in ((Target(Strength.BOUNCE), action), (Target(Strength.PLAIN), Action.UNKNOWN)):
        assert look(raw, parse(raw), "", target, InProcessParser()).action is found
    assert look(raw, parse(raw), "rosa@x.example", Target(Strength.BOUNCE), InProcessParser()).action is Action.UNKNOWN


@pytest.fixture(scope="module")
def bounced(short_root: Path, lab: Lab) -> Iterator[World]:
    config = '\n[ack]\nper_sender = "0s"\nper_hour = 10000\n\n[hold]\nper_sender = 10000\n'
    with world(short_root, lab, extra=config, more_members="") as made:
        yield made


def acknowledgement(to: World) -> Sent:
    """That of a new report."""
    raw = mail(author=ROSA, message_id=f"<{len(to.sent)}@university.example>")
    return next(one for one in to.receive(raw, ROSA) if one.recipient == ROSA)


def as_returned(sent: Sent) -> Returned:
    return Returned(sent.recipient, sent.sender, sent.raw.decode().replace("\r\n", "\n"))


def state(of: World, sent: Sent) -> str:
    token = sent.sender.partition("bounce.")[2].partition("@")[0]
    named = Tokens(of.store.token_key, "example.org").bounced(token)
    assert named is not None
    with of.store.database.read() as connection:
        where = outbox.c.notice_id == named[0], outbox.c.seq == named[1]
        return str(connection.scalar(select(outbox.c.state).where(*where)))


def test_of_hundreds_of_bounces_none_opens_an_issue(bounced: World) -> None:
    """To the keyed address they mark the mail that failed; to the public one, where some systems write to, those do
    that bring a copy of it."""
    counted: Counter[str] = Counter()
    for dialect in DIALECTS:
        sent = acknowledgement(bounced)
        issues = len(bounced.issues())
        # Those first that must not mark it.
        made = sorted(all_of(dialect, as_returned(sent)), key=lambda one: one.action is Action.FAILED)
        for number, bounce in enumerate(made):
            for address in ("security@example.org", sent.sender)[number % 3 > 0 :]:
                before = state(bounced, sent)
                told = bounced.receive(bounce.wire(), bounce.reverse_path, address)
                assert bounced.dispositions()[-1] == "bounce"
                after = state(bounced, sent)
                if address == sent.sender and bounce.action is Action.FAILED:
                    assert after == "bounced", bounce.raw
                if bounce.action is not Action.FAILED:
                    assert after == before == "sent", bounce.raw
                assert bool(told) == (before != after)
                counted[dialect.__name__] += 1
        assert len(bounced.issues()) == issues
    assert counted.total() >= 500
    assert min(counted.values()) >= 4


def test_of_fifty_reports_with_a_bounces_words_none_is_swallowed(bounced: World) -> None:
    made = list(reports(as_returned(acknowledgement(bounced))))
    assert len(made) >= 50
    for report in made:
        before = len(bounced.issues())
        sent = bounced.receive(report.wire(), report.reverse_path)
        assert bounced.dispositions()[-1] == "report", report.raw
        assert len(bounced.issues()) == before + 1
        author = re.search(r"<?([^<>\s]+@[^<>\s]+)>?$", report.raw.partition("From: ")[2].partition("\n")[0])
        assert author is not None
        assert {one.recipient for one in sent} == {"alice@members.example", "bob@members.example", author[1]}


def test_a_report_with_a_bounces_words_is_a_follow_up_by_the_keyed_address_too(bounced: World) -> None:
    sent = acknowledgement(bounced)
    keyed = str(sent.mail["Reply-To"].addresses[0].addr_spec)
    for report in list(reports(as_returned(sent)))[::7]:
        raw = re.sub(rb"(?m)^From: .*\r$", b"From: rosa@university.example\r", report.wire(), count=1)
        assert bounced.receive(raw, ROSA, keyed)
        assert bounced.dispositions()[-1] == "follow-up"
