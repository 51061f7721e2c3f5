"""What the demo showed: values only, the same for the printed page and for JSON."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from mailbot.demo.cast import CAST, PREFIX, Expected, Person, order
from mailbot.demo.desk import Shown
from mailbot.demo.sink import Caught

_ISSUE = re.compile(rb"(?m)^Subject: \[(%b-\d+)\]" % PREFIX.encode())


@dataclass(frozen=True, slots=True)
class Step:
    at: float
    """Seconds since the start."""
    text: str
    command: str = ""
    """What an operator types for it, if anything."""


@dataclass(frozen=True, slots=True)
class Received:
    person: Person
    expected: Expected | None
    """Which mail of the story it is; None for one that should not be there."""
    at: datetime
    after: float
    """Seconds since the report that it is about was accepted."""
    shown: Shown
    raw: bytes


@dataclass(frozen=True, slots=True)
class Check:
    what: str
    ok: bool


@dataclass
class Playbill:
    steps: list[Step] = field(default_factory=list)
    received: list[Received] = field(default_factory=list)
    """In order of arrival."""
    operator: dict[str, str] = field(default_factory=dict)
    """What the operator's commands printed."""
    checks: list[Check] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    """What should have happened and did not, in words."""
    seconds: float = 0.0

    @property
    def failures(self) -> list[str]:
        return self.missing + [f"not true: {check.what}" for check in self.checks if not check.ok]

    def of(self, person: Person) -> list[Received]:
        return [mail for mail in self.received if mail.person == person]

    def write_mails(self, folder: Path) -> None:
        """Every mail as a file that a mail program can open."""
        folder.mkdir(mode=0o700)
        for number, mail in enumerate(self.received, start=1):
            (folder / f"{number:02}-{mail.person.id}.eml").write_bytes(mail.raw)

    def to_json(self, kept: Path | None, log: Path | None) -> dict[str, Any]:
        return {
            "ok": not self.failures,
            "failures": self.failures,
            "seconds": round(self.seconds, 1),
            "scratch": None if kept is None else str(kept),
            "log": None if log is None else str(log),
            "steps": [
                {"at": round(step.at, 1), "text": step.text, "command": step.command or None} for step in self.steps
            ],
            "people": [
                {
                    "name": person.name, "address": person.address, "role": person.role, "has_key": person.has_key,
                    "mails": [_mail(mail) for mail in self.of(person)],
                }
                for person in CAST
            ],
            "operator": self.operator,
            "checks": [{"what": check.what, "ok": check.ok} for check in self.checks],
        }  # fmt: skip


def labelled(caught: Sequence[Caught]) -> list[tuple[Caught, Expected | None]]:
    """Which mail of the story each one is: somebody's first about an issue, their second and so on; None for others."""
    people = {person.address: person for person in CAST}
    counted: Counter[tuple[str, str]] = Counter()
    found: list[tuple[Caught, Expected | None]] = []
    for mail in caught:
        match, person = _ISSUE.search(mail.raw), people.get(mail.recipient)
        if match is None or person is None:
            found.append((mail, None))
            continue
        issue = match[1].decode()
        kinds, number = order(person), counted[person.id, issue]
        counted[person.id, issue] += 1
        found.append((mail, Expected(person, issue, kinds[number]) if number < len(kinds) else None))
    return found


def _mail(mail: Received) -> dict[str, Any]:
    shown = mail.shown
    return {
        "kind": mail.expected.kind if mail.expected else None,
        "issue": mail.expected.issue if mail.expected else None,
        "at": mail.at.isoformat(timespec="milliseconds"),
        "after_seconds": round(mail.after, 2),
        "from": shown.sender,
        "subject": shown.subject,
        "outer_subject": shown.outer_subject,
        "encrypted": shown.encrypted,
        "signature": shown.signature,
        "attachments": list(shown.attachments),
        "text": shown.text,
    }
