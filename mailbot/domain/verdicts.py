"""Members' opinions on whether a report is a security issue: the tally, and what it implies. It changes nothing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    NOT_SECURITY = "not-security"
    EMBARGO = "embargo"
    PUBLIC = "public"
    ABSTAIN = "abstain"


_IMPLIES = {
    Verdict.NOT_SECURITY: "no security issue: /close not-security",
    Verdict.EMBARGO: "a security issue under embargo: /embargo DATE sets its end",
    Verdict.PUBLIC: "handled in public: /embargo none, then /publish or /close public-bug",
}


@dataclass(frozen=True, slots=True)
class Tally:
    """`members` of each verdict, in the order of the words above; `silent` have not answered yet."""

    members: Mapping[Verdict, tuple[str, ...]]
    silent: tuple[str, ...]

    def count(self, verdict: Verdict) -> int:
        return len(self.members.get(verdict, ()))

    @property
    def leading(self) -> Verdict | None:
        """The verdict with most voices, abstentions apart; None if there is none or two are level."""
        ranked = sorted(
            (verdict for verdict in self.members if verdict is not Verdict.ABSTAIN), key=self.count, reverse=True
        )
        if not ranked or (len(ranked) > 1 and self.count(ranked[0]) == self.count(ranked[1])):
            return None
        return ranked[0]

    @property
    def implies(self) -> str:
        """What the group's state means, with the command that would carry it out; "" while nothing leads."""
        return _IMPLIES[self.leading] if self.leading is not None else ""

    @property
    def words(self) -> tuple[str, ...]:
        """As people read it, one line for each verdict and one for those who have not answered."""
        lines = [f"{verdict.value}: {len(who)} ({', '.join(who)})" for verdict, who in self.members.items()]
        if self.silent:
            lines.append(f"not answered yet: {', '.join(self.silent)}")
        return tuple(lines)


def tally(verdicts: Mapping[str, str], members: Sequence[str]) -> Tally:
    """Count each member's last verdict. Of those who are no members any more none counts."""
    found: dict[Verdict, tuple[str, ...]] = {}
    for verdict in Verdict:
        if who := tuple(member for member in members if verdicts.get(member) == verdict):
            found[verdict] = who
    return Tally(found, tuple(member for member in members if member not in verdicts))
