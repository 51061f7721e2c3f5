"""One letter of each kind with made-up values: for ``mailbot template preview NAME`` and for the tests' golden files.

The values are hostile where outsiders choose them, so that a preview shows what a template does with them.
"""

from datetime import UTC, datetime, timedelta

from mailbot.mail.clock_samples import CLOCK_LETTERS
from mailbot.mail.command_samples import COMMAND_LETTERS
from mailbot.mail.letters import (
    Acknowledgement,
    AcknowledgementUnreadable,
    Arrival,
    Attachment,
    Card,
    Clock,
    Command,
    Escalated,
    Escalation,
    EscalationReporter,
    FollowUp,
    Held,
    HeldMail,
    Key,
    Keyless,
    Letter,
    Loop,
    Missing,
    NewKey,
    Note,
    Person,
    Problem,
    Reminder,
    Report,
    Trouble,
    UndeliveredMember,
    UndeliveredReporter,
    Unreadable,
)

_GROUP = "Example Security Response Group"
_OPENED = datetime(2026, 11, 26, 14, 47, tzinfo=UTC)
_REMIND = _OPENED + timedelta(hours=24)
_ESCALATE = _OPENED + timedelta(hours=48)
_CONTACTS = ("escalation@example.org",)
_FINGERPRINT = "5F2A91C0E3B84D7796AC10D2F4EE83B7C6519A0D"
_HASH = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"

_CARD = Card(
    title="Heap overflow in the PNG reader, {{7*7}} and ${HOME} included",
    author=Person("Jane Roe", "jane@research.example"),
    arrival=Arrival(
        opened="decrypted",
        signature="no-key",
        signer="3C1F0A9977E2B14D",
        authserv_id="mx.example.org",
        dkim="pass",
        spf="pass",
        dmarc="pass",
    ),
    clocks=(Clock("first_response", _ESCALATE), Clock("coordinator", _ESCALATE)),
    mentions=("EX-17",),
    missing=(Missing("bob", "expired", "notice"),),
    warnings=("the mail has two Subject fields",),
    commands=(
        Command("/claim", "you take it and coordinate"),
        Command("/reply", "its text goes to the reporter, any other to members"),
        Command("/help", "all commands; they go on top of a signed reply"),
    ),
    attachments=(
        Attachment("poc.png", "image/png", 12_345, _HASH),
        Attachment("notes \u202etxt.exe\nFrom: nobody", "application/octet-stream", 873, _HASH[::-1]),
    ),
)

_TEXT = """\
Hello,

reading a crafted PNG overflows the heap: {{ 7 * 7 }} ${IFS}.

From the second chunk on, the length is never checked.

-- 
Jane
"""  # noqa: W291 - a signature separator ends in a space.

_ACKNOWLEDGEMENT = Acknowledgement(
    group=_GROUP,
    now=_OPENED,
    issue="EX-42",
    answer_by=_REMIND,
    escalate_at=_ESCALATE,
    contacts=_CONTACTS,
    fingerprint=_FINGERPRINT,
    key_address="security+key@example.org",
)

_LETTERS: tuple[Letter, ...] = (
    _ACKNOWLEDGEMENT,
    AcknowledgementUnreadable(
        group=_GROUP,
        now=_OPENED,
        issue="EX-42",
        answer_by=_REMIND,
        escalate_at=_ESCALATE,
        contacts=_CONTACTS,
        fingerprint=_FINGERPRINT,
        key_address="security+key@example.org",
    ),
    Report(group=_GROUP, now=_OPENED, issue="EX-42", card=_CARD, text=_TEXT),
    FollowUp(
        group=_GROUP,
        now=_OPENED + timedelta(hours=30),
        issue="EX-42",
        card=Card(
            title="Heap overflow in the PNG reader",
            author=Person("", "jane@research.example"),
            arrival=Arrival(authserv_id="mx.example.org", dkim="none", spf="softfail", dmarc="fail"),
            owner="alice",
            clocks=(Clock("word to the reporter", _OPENED + timedelta(days=6)),),
            commands=(Command("/reply", "its text goes to the reporter, any other to members"),),
        ),
        text="One more thing: version 2.1 is affected too.\n",
        role="reporter",
        reason="it did not come to the reporter's own reply address, and DMARC did not pass",
        from_html=True,
    ),
    Note(
        group=_GROUP,
        now=_OPENED + timedelta(hours=3),
        issue="EX-42",
        card=Card(
            title="Heap overflow in the PNG reader",
            author=Person("Alice Example", "alice@members.example"),
            arrival=Arrival(opened="decrypted", signature="good", signer="Alice Example (5F2A91C0E3B84D77)"),
            owner="alice",
            clocks=(Clock("first_response", _ESCALATE),),
            commands=(Command("/reply", "its text goes to the reporter, any other to members"),),
        ),
        text="I can reproduce it. The fix is two lines; I will have a patch tonight.\n",
    ),
    Unreadable(
        group=_GROUP,
        now=_OPENED,
        issue="EX-43",
        card=Card(
            title="(could not be read)",
            author=Person("", "mallory@attacker.example"),
            clocks=(Clock("first_response", _ESCALATE),),
            commands=(Command("/claim", "you take it and coordinate"),),
        ),
        reason="it has more than 200 parts",
        size=24_500_000,
        attached=1_000_000,
    ),
    Keyless(
        group=_GROUP,
        now=_OPENED,
        issue="EX-42",
        event="new report",
        reason="expired",
        fingerprint="A0B1C2D3E4F5061728394A5B6C7D8E9FA0B1C2D3",
        operators=("ops@example.org",),
    ),
    Reminder(
        group=_GROUP,
        now=_REMIND,
        late=True,
        issue="EX-42",
        card=Card(
            title="Heap overflow in the PNG reader",
            author=Person("Jane Roe", "jane@research.example"),
            clocks=(Clock("first_response", _ESCALATE), Clock("coordinator", _ESCALATE)),
            commands=(Command("/reply", "its text goes to the reporter, any other to members"),),
        ),
        opened_at=_OPENED,
        escalate_at=_ESCALATE,
    ),
    Escalation(group=_GROUP, now=_ESCALATE, issue="EX-42", opened_at=_OPENED, due=_ESCALATE),
    Escalated(
        group=_GROUP,
        now=_ESCALATE,
        issue="EX-42",
        card=Card(
            title="Heap overflow in the PNG reader",
            author=Person("Jane Roe", "jane@research.example"),
            clocks=(Clock("first_response", _ESCALATE),),
            commands=(Command("/reply", "its text goes to the reporter, any other to members"),),
        ),
        opened_at=_OPENED,
        due=_ESCALATE,
        contacts=_CONTACTS,
    ),
    EscalationReporter(
        group=_GROUP, now=_ESCALATE, issue="EX-42", opened_at=_OPENED, due=_ESCALATE, contacts=_CONTACTS
    ),
    Key(
        group=_GROUP,
        now=_OPENED,
        address="security@example.org",
        fingerprint=_FINGERPRINT,
        answer_within="24 h",
        escalate_within="48 h",
        embargo="90 days",
    ),
    UndeliveredReporter(
        group=_GROUP,
        now=_OPENED + timedelta(minutes=4),
        issue="EX-42",
        card=Card(
            title="Heap overflow in the PNG reader",
            author=Person("Jane Roe", "jane@research.example"),
            clocks=(Clock("first_response", _ESCALATE),),
        ),
        what="acknowledgement",
        address="jane@research.example",
        code="5.1.1",
    ),
    Held(
        group=_GROUP,
        now=_OPENED,
        count=3,
        control="security+control@example.org",
        mails=(
            HeldMail(
                107,
                _OPENED - timedelta(hours=5),
                12_340,
                "spam score 14.2, over 10",
                Person("Best Audits", "sales@audits.example"),
                "Your website has 14 critical bugs",
            ),
            HeldMail(
                112,
                _OPENED - timedelta(hours=1),
                4_100,
                "more than 20 reports in an hour from this sender",
                Person("", "scanner@research.example"),
                "Finding 21 of 400",
            ),
        ),
        missing=(Missing("dave", "none", "notice"),),
    ),
    Loop(group=_GROUP, now=_OPENED),
    NewKey(
        group=_GROUP,
        now=_OPENED,
        old=_FINGERPRINT,
        new="89ABCDEF0123456789ABCDEF0123456789ABCDEF",
        armor="-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nmDMEZ...\n-----END PGP PUBLIC KEY BLOCK-----\n",
        missing=(Missing("dave", "none", "notice"),),
    ),
    Trouble(
        group=_GROUP,
        now=_OPENED,
        problems=(
            Problem(
                "3 mails are not sent, the oldest for 26 h",
                "mailbot queue list shows the smarthost's answers; mailbot check tries it",
                True,
            ),
            Problem(
                "a member's key ends in 5 days", "mailbot member list shows which; ask for a refreshed copy", False
            ),
        ),
    ),
    UndeliveredMember(group=_GROUP, now=_OPENED, member="bob", address="bob@members.example", code="5.2.2", count=3),
)

SAMPLES: dict[str, Letter] = {letter.notice: letter for letter in (*_LETTERS, *COMMAND_LETTERS, *CLOCK_LETTERS)}
"""A letter for every notice, by its name."""
