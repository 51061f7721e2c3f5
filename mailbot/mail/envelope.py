"""What SMTP told us about one mail, apart from its bytes, and what its addresses at the bot mean."""

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import IntEnum


@dataclass(frozen=True, slots=True)
class Envelope:
    """`reverse_path` is "" for the null reverse-path; `forward_paths` are as the peer wrote them."""

    reverse_path: str
    forward_paths: tuple[str, ...]
    received_at: datetime
    peer: str = ""

    def to_bytes(self) -> bytes:
        return json.dumps(
            [self.reverse_path, self.forward_paths, self.received_at.isoformat(), self.peer], ensure_ascii=True
        ).encode()

    @classmethod
    def from_bytes(cls, data: bytes) -> "Envelope":
        reverse_path, forward_paths, received_at, peer = json.loads(data)
        return cls(reverse_path, tuple(forward_paths), datetime.fromisoformat(received_at).astimezone(UTC), peer)


class Strength(IntEnum):
    """Where one mail names several of our addresses, the strongest (highest) counts.

    The bounce address is the weakest: mail systems write to it alone, and a person's mail that names it among others
    must not go the way of bounces.
    """

    BOUNCE = 0
    PLAIN = 1
    KEY = 2
    CONTROL = 3
    NUMBERED = 4
    CONFIRM = 5
    KEYED = 6


@dataclass(frozen=True, slots=True)
class Target:
    """What one of the bot's addresses asks for: its kind, and the issue number and token that it carries."""

    strength: Strength
    number: int | None = None
    token: str = ""


# A token is base32 in either case: some mail systems change the case of local parts.
_EXTENSIONS = (
    (Strength.KEYED, re.compile(r"(?P<number>[1-9][0-9]{0,8})\.(?P<token>[a-z0-9]{1,64})")),
    (Strength.NUMBERED, re.compile(r"(?P<number>[1-9][0-9]{0,8})")),
    (Strength.CONTROL, re.compile(r"control")),
    (Strength.CONFIRM, re.compile(r"confirm\.(?P<token>[a-z0-9]{1,64})")),
    (Strength.KEY, re.compile(r"key")),
    (Strength.BOUNCE, re.compile(r"bounce\.(?P<token>[a-z0-9-]{1,64})")),
)


def target(address: str, local_part: str) -> Target | None:
    """What `address` means to the bot whose public address has `local_part`; None if it is none of ours.

    The domain is not looked at: which domains reach us is the front MTA's decision.
    """
    user = address.rsplit("@", 1)[0].strip('"').lower()
    base, plus, extension = user.partition("+")
    if base != local_part.lower():
        return None
    if not plus:
        return Target(Strength.PLAIN)
    for strength, pattern in _EXTENSIONS:
        if match := pattern.fullmatch(extension):
            found = match.groupdict()
            return Target(strength, int(found["number"]) if found.get("number") else None, found.get("token") or "")
    return None


def strongest(addresses: tuple[str, ...], local_part: str) -> Target:
    """The strongest meaning among a mail's recipients; plain if none is recognised (an alias delivered it to us)."""
    targets = [found for address in addresses if (found := target(address, local_part))]
    return max(targets, key=lambda found: found.strength, default=Target(Strength.PLAIN))
