"""A composer over what a test says is in the store, with the twin of gpg; and what its mails hold."""

from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from mailbot.config import Settings
from mailbot.domain.clocks import Act, Clock, Firing
from mailbot.mail.templates import Templates, packaged_templates
from mailbot.service.notices import Composer
from mailbot.service.store import ClaimedNotice, Draft, IssueView
from tests.twins import FakeOpenPGP, fake_fingerprint, fake_key
from tests.unit.service.cases import NOW, RITA, TOKENS, issue_view, message, settings

ESCALATION = "escalation@example.org"
TITLE = "Quaggy overflow"
"""Words that stand in no template, so that each is found wherever it gets to."""
TEXT = "A zymurgic heap overflow.\n"
ORIGINAL = (
    b"From: Rita <rita@out.example>\r\nSubject: Quaggy overflow\r\nMessage-ID: <1@out.example>\r\n\r\n"
    b"A zymurgic heap overflow.\r\n"
)
CLOCK = Clock(
    1, 42, "first_response", "running", NOW, NOW + timedelta(hours=48), NOW + timedelta(hours=24),
    (
        Firing(NOW + timedelta(hours=24), Act.REMIND),
        Firing(NOW + timedelta(hours=48), Act.ESCALATE, 1, (ESCALATION,)),
    ),
    0,
)  # fmt: skip
TEMPLATES = Templates(packaged_templates())


@dataclass
class FakeStore:
    """The part of `service.store.Store` that composing reads."""

    issue: IssueView
    original: bytes
    token_key: bytes = b"k" * 32

    def view(self, number: int) -> IssueView | None:
        return self.issue if number == self.issue.number else None

    def reading(self) -> AbstractContextManager[None]:
        return nullcontext()

    def read_blob(self, blob_id: int, issue: int | None) -> bytes:
        return self.original

    def first_notice(self, number: int) -> int | None:
        return 1


def parameters(event: str, **changes: Any) -> dict[str, Any]:
    """The parameters of a notice as its handler or tick writes them."""
    relayed = dict(message(subject=TITLE, text=TEXT).relayed())
    ticked = {"due_at": CLOCK.due_at.isoformat(), "late": False, "silent": ["alice", "bob", "dave"]}
    answered = {"to": RITA, "in_reply_to": "<1@out.example>"}
    known: dict[str, dict[str, Any]] = {
        "report": {**relayed, "mentions": [], "unanswered": ""},
        "unreadable": {
            **relayed,
            "unreadable": "it has too many parts",
            "raw_only": True,
            "mentions": [],
            "unanswered": "",
        },
        "follow_up": {**relayed, "authenticated": "address", "why": "", "role": "reporter", "mentions": []},
        "note": {**relayed, "from": "alice@members.example", "member": "alice"},
        "changed": {"member": "alice", "changes": ["owner: nobody -> alice"]},
        "answered": {"member": "alice", "to": [f"{RITA}, encrypted"], "text": TEXT, "waits": False},
        "reply": {"member": "alice", "to": [[RITA, "<1@out.example>"], [CC, ""]], "text": "Thank you.\n"},
        "opinion": {"member": "alice", "outcome": "not-security", "missing": 1, "reason": TEXT},
        "confirm": {
            "member": "alice",
            "token": "1z" + "a" * 26,
            "lines": ["/claim"],
            "text": "Thanks.",
            "in_reply_to": "<7@members.example>",
            "until": CLOCK.due_at.isoformat(),
        },
        "second": {
            "member": "alice",
            "token": "1z" + "a" * 26,
            "lines": ["/publish"],
            "until": CLOCK.due_at.isoformat(),
        },
        "introduction": {**relayed, "mentions": [], "unanswered": "", "to": EXPERT},
        "transcript": {
            "member": "alice",
            "in_reply_to": "<7@members.example>",
            "opened": "",
            "remark": "",
            "answers": [["/status", [f"EX-42 {TITLE}"], True]],
        },
        "reminder": ticked,
        "escalated": {**ticked, "to": [ESCALATION]},
        "escalation": {**ticked, "to": [ESCALATION]},
        "escalation_reporter": {**ticked, "to": [ESCALATION]},
        "acknowledgement": answered,
        "acknowledgement_unreadable": answered,
        "key": answered,
        "undelivered_reporter": {"what": "acknowledgement", "address": RITA, "code": "5.1.1"},
        "undelivered_member": {"member": "bob", "address": "bob@members.example", "code": "5.1.1", "count": 2},
        "held": {
            "count": 1,
            "mails": [
                {
                    "number": 7, "received_at": NOW.isoformat(), "size": 1000, "cause": "spam score 14.2, over 10",
                    "from": "seller@out.example", "name": "Seller", "subject": "14 bugs",
                }
            ],
        },
        "loop": {},
        "new_key": {"old": "A" * 40, "new": "B" * 40, "armor": "-----BEGIN PGP PUBLIC KEY BLOCK-----"},
        "trouble": {"problems": [["1 mail is not sent", "mailbot queue list", True]]},
        **_about_clocks(),
    }  # fmt: skip
    return known[event] | changes


def _about_clocks() -> dict[str, dict[str, Any]]:
    """The same of notices about clocks and coordinators."""
    due, contacts = CLOCK.due_at.isoformat(), [ESCALATION]
    came = {"clock": "regulatory_24h", "due_at": due, "came": True, "to": contacts}
    key = {"member": "alice", "fingerprint": fake_fingerprint("alice"), "part": "key", "expires_at": due}
    nobody = {"to": contacts, "asked": ["alice"], "since": NOW.isoformat()}
    line = {"issue": 42, "what": "embargo", "at": due, "owner": "bob", "command": "/publish", "drill": False}
    part = {"heading": "Overdue", "lines": [line], "more": 2, "listing": "/list overdue"}
    about: dict[str, dict[str, Any]] = {
        "appointed": {"member": "alice", "until": due, "owner": "", "by": "", "waits": False},
        "hand_over": {"member": "alice", "issues": [42], "begins_at": NOW.isoformat(), "ends_at": due},
        "hand_over_lapsed": {"member": "alice", "asked": "dave"},
        "nobody_coordinates": nobody,
        "escalation_coordinator": nobody,
        "silence": {"members": ["bob"], "since": NOW.isoformat(), "due_at": due, "wide": False},
        "deadline": {"clock": "embargo", "due_at": due, "act": "overdue"},
        "regulatory": came,
        "regulatory_contact": came,
        "wait_over": {"members": ["bob"]},
        "lift": {"member": "alice", "reason": TEXT, "quorum": 3},
        "embargo_reporter": {"end": due, "lifted": False, "published": False},
        "key_expiry": key,
        "key_expiry_operators": key,
        "member_key": {"of": "alice", "fingerprint": fake_fingerprint("alice")},
        "digest": {"count": 1, "parts": [part]},
        "announcement": {
            "to": ["announce@example.org"], "title": "An overflow", "severity": "high", "cvss": "",
            "cves": ["CVE-2026-1234"], "links": [], "credit": "", "version": "",
        },
    }  # fmt: skip
    return {event: {**params, "late": False} for event, params in about.items()}


EXPERT, CC = "xenia@expert.example", "vera@vendor.example"
PERSONAL = ("transcript", "confirm", "appointed", "hand_over", "hand_over_lapsed", "key_expiry")
"""Those that answer one member, or ask one for something."""
PERHAPS_NO_ISSUE = ("transcript", "confirm", "second")
ABOUT_NO_ISSUE = (
    *("key", "undelivered_member", "hand_over", "key_expiry", "key_expiry_operators", "digest"),
    *("held", "loop", "member_key", "new_key", "trouble"),
)
WITH_ORIGINAL = ("report", "unreadable", "follow_up", "note", "introduction")


def notice(event: str, params: Mapping[str, Any] | None = None, **changes: Any) -> ClaimedNotice:
    values: dict[str, Any] = {
        "id": 17,
        "token": 1,
        "event": event,
        "issue": None if event in ABOUT_NO_ISSUE else 42,
        "created_at": NOW,
        "params": parameters(event) if params is None else params,
        "blob_id": 9 if event in WITH_ORIGINAL else None,
        "pieces_id": None,
        "failures": 0,
    }
    return ClaimedNotice(**(values | changes))


@dataclass
class Desk:
    """Composes; the keys of alice and bob are known and good unless a test says otherwise."""

    settings: Settings
    keys: Iterable[str] = (fake_key("alice"), fake_key("bob"))
    issue: IssueView = field(default_factory=lambda: issue_view(title=TITLE, clocks=(CLOCK,)))
    original: bytes = ORIGINAL
    openpgp: FakeOpenPGP = field(default_factory=lambda: FakeOpenPGP(now=NOW))

    def compose(self, claim: ClaimedNotice) -> list["Made"]:
        self.openpgp.load(1, list(self.keys))
        store: Any = FakeStore(self.issue, self.original)
        return [Made(draft) for draft in Composer(store, self.openpgp, TEMPLATES).compose(claim, self.settings)]


@dataclass(frozen=True)
class Made:
    """One finished mail."""

    draft: Draft

    @property
    def raw(self) -> bytes:
        return self.draft.headers + b"".join(self.draft.body)

    @property
    def mail(self) -> EmailMessage:
        made = message_from_bytes(self.raw, policy=policy.SMTP)
        assert isinstance(made, EmailMessage)
        return made

    @property
    def recipient(self) -> str:
        return self.draft.recipient

    @property
    def fingerprints(self) -> tuple[str, ...]:
        """Whose keys open it."""
        return FakeOpenPGP.look(b"".join(self.draft.body)).recipients

    @property
    def readable(self) -> bytes:
        """All that its recipient reads: the mail, or what is inside its encryption."""
        if not self.draft.encrypted:
            return self.raw
        return FakeOpenPGP.look(b"".join(self.draft.body)).text

    def holds(self, *words: str) -> bool:
        """Whether any of these words can be read on the outside."""
        # Transfer encodings would hide a word from us, and from nobody else.
        parts = [part.get_content() for part in self.mail.walk() if not part.is_multipart()]
        shown = self.raw.decode("latin-1") + "".join(
            part if isinstance(part, str) else part.decode("latin-1") if isinstance(part, bytes) else ""
            for part in parts
        )
        return any(word in shown for word in words)


def by_member(mails: list[Made]) -> dict[str, Made]:
    found = {str(one.draft.member_id): one for one in mails}
    assert len(found) == len(mails)
    return found


def desk(*, keyless: str = "notice", encrypt: str = "together", bob: str | None = fake_key("bob"), **more: Any) -> Desk:
    """Alice has a good key, bob the one that is given, dave none in the config."""
    keys = [fake_key("alice"), *([bob] if bob else [])]
    return Desk(settings(relay={"keyless": keyless, "encrypt": encrypt}), keys, **more)


def bounce_of(made: Made) -> tuple[int, int] | None:
    """The (notice, seq) that the envelope sender names."""
    return TOKENS.bounced(made.draft.sender.removeprefix("security+bounce.").removesuffix("@example.org"))
