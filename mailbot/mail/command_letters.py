"""What our mails about members' commands say: values as in `mailbot.mail.letters`, one class per notice."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from mailbot.mail.letters import Card, Letter


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed(Letter):
    """To the members: what a member's commands changed."""

    notice: ClassVar[str] = "changed"
    issue: str
    card: Card
    member: str
    """Their name, or ``an operator``."""
    changes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """What a transcript says under one command line."""

    line: str
    results: tuple[str, ...]
    done: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Transcript(Letter):
    """To the member whose mail held commands: each line, and what came of it."""

    notice: ClassVar[str] = "transcript"
    issue: str
    """The issue, or what ids begin with (``EX``) if it is about none."""
    summary: str
    """``2 of 3 commands done, 1 error``."""
    answers: tuple[Answer, ...]
    remark: str = ""
    """What there is to say about the mail as a whole, as a sentence: why nothing ran, for instance."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply(Letter):
    """To the reporter and those in copy: what a member wrote, and nothing else."""

    notice: ClassVar[str] = "reply"
    issue: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered(Letter):
    """To the members: what was written to the reporter."""

    notice: ClassVar[str] = "answered"
    issue: str
    card: Card
    member: str
    to: tuple[str, ...]
    """The addresses, each with how it is protected, such as ``jane@research.example, encrypted``."""
    text: str
    waits: bool = False
    """The group now waits for their answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsent(Letter):
    """To the members: an answer could not be encrypted, and so it was not sent."""

    notice: ClassVar[str] = "unsent"
    issue: str
    card: Card
    member: str
    addresses: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Opinion(Letter):
    """To the other members: one of them would close the issue as no security issue, and more must agree."""

    notice: ClassVar[str] = "opinion"
    issue: str
    card: Card
    member: str
    outcome: str
    """``not-security`` or ``public-bug``."""
    missing: int
    """How many more must agree."""
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirm(Letter):
    """To a member whose commands came unsigned: are they theirs? Holds nothing but their own words."""

    notice: ClassVar[str] = "confirm"
    issue: str
    """The issue, or what ids begin with if it is about none."""
    lines: tuple[str, ...]
    text: str
    """What stands below them."""
    token: str
    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Second(Letter):
    """To the other members: a command waits for one of them."""

    notice: ClassVar[str] = "second"
    issue: str
    title: str
    """"" if it is about no issue."""
    member: str
    lines: tuple[str, ...]
    token: str
    until: datetime
