"""Who plays, and what each must receive."""

from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    REPORTER = "reporter"
    MEMBER = "member"
    CONTACT = "escalation contact"
    OPERATOR = "operator"


class Kind(StrEnum):
    ACKNOWLEDGEMENT = "acknowledgement"
    RELAY = "relay"
    REMINDER = "reminder"
    ESCALATION = "escalation"
    CLAIMED = "news of the claim"
    CLAIM = "transcript of the claim"
    ANSWER = "answer"
    ANSWERED = "transcript of the answer"


@dataclass(frozen=True, slots=True)
class Person:
    id: str
    name: str
    address: str
    role: Role
    has_key: bool = False

    @property
    def described(self) -> str:
        """Such as ``Alice Ahn, member, has an OpenPGP key``."""
        if self.role is Role.OPERATOR:
            return f"{self.name}, {self.role}"
        return f"{self.name}, {self.role}, {'has an OpenPGP key' if self.has_key else 'no OpenPGP key'}"


GROUP_NAME = "Example Security Group"
GROUP_ADDRESS = "security@example.org"
PREFIX = "EX"

RITA = Person("rita", "Rita Ray", "rita@reporters.example", Role.REPORTER)
OTTO = Person("otto", "Otto Orr", "otto@reporters.example", Role.REPORTER, has_key=True)
ALICE = Person("alice", "Alice Ahn", "alice@members.example", Role.MEMBER, has_key=True)
BOB = Person("bob", "Bob Brandt", "bob@members.example", Role.MEMBER, has_key=True)
CAROL = Person("carol", "Carol Cruz", "carol@members.example", Role.MEMBER)
ERIK = Person("erik", "Erik Ek", "escalation@example.org", Role.CONTACT)
OLGA = Person("olga", "Olga Oja", "operator@example.org", Role.OPERATOR)

CAST = (RITA, OTTO, ALICE, BOB, CAROL, ERIK, OLGA)
MEMBERS = (ALICE, BOB, CAROL)

ORDER: dict[Role, tuple[Kind, ...]] = {
    Role.REPORTER: (Kind.ACKNOWLEDGEMENT, Kind.ESCALATION, Kind.ANSWER),
    Role.MEMBER: (Kind.RELAY, Kind.REMINDER, Kind.ESCALATION, Kind.CLAIMED, Kind.ANSWER),
    Role.CONTACT: (Kind.ESCALATION,),
    Role.OPERATOR: (),
}
"""What a person in a role receives about one issue that is answered too late, first things first."""
ANSWERING = ALICE
"""The member who answers in the end, and gets the transcripts of her commands instead of news about them."""


def order(person: Person) -> tuple[Kind, ...]:
    kinds = ORDER[person.role]
    return (*kinds[:3], Kind.CLAIM, Kind.ANSWERED) if person == ANSWERING else kinds


@dataclass(frozen=True, slots=True)
class Expected:
    """One mail that somebody must receive."""

    person: Person
    issue: str
    kind: Kind

    def __str__(self) -> str:
        return f"{self.kind} of {self.issue} to {self.person.name} <{self.person.address}>"


def at_once(issue: str, reporter: Person) -> frozenset[Expected]:
    """What a report brings about by itself."""
    relays = {Expected(member, issue, Kind.RELAY) for member in MEMBERS}
    return frozenset(relays | {Expected(reporter, issue, Kind.ACKNOWLEDGEMENT)})


def reminded(issue: str) -> frozenset[Expected]:
    """What comes when the first time is up without an answer."""
    return frozenset(Expected(member, issue, Kind.REMINDER) for member in MEMBERS)


def escalated(issue: str, reporter: Person) -> frozenset[Expected]:
    """What comes when the second time is up."""
    return frozenset(Expected(person, issue, Kind.ESCALATION) for person in (*MEMBERS, ERIK, reporter))


def claimed(issue: str) -> frozenset[Expected]:
    """What comes when a member takes an issue."""
    others = {Expected(member, issue, Kind.CLAIMED) for member in MEMBERS if member != ANSWERING}
    return frozenset(others | {Expected(ANSWERING, issue, Kind.CLAIM)})


def answered(issue: str, reporter: Person) -> frozenset[Expected]:
    """What comes when that member answers the reporter."""
    others = {Expected(one, issue, Kind.ANSWER) for one in (*MEMBERS, reporter) if one != ANSWERING}
    return frozenset(others | {Expected(ANSWERING, issue, Kind.ANSWERED)})
