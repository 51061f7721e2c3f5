"""Names for what differs from run to run, so that golden files can be compared and still tell who is who.

The first Message-ID that the bot makes in a story is ``<mid-1@example.org>`` wherever it turns up, the second
``<mid-2@example.org>``, and so on; likewise ``reply-1`` (the token of a keyed reply address), ``bounce-1`` (of a bounce
address) and ``=_boundary-1``. Keys are named after whose they are. A mail of a story uses the same names.
"""

import re
from collections.abc import Mapping

from tests.openpgp_keys import Lab

_RANDOM = re.compile(
    r"(?<=<)(?P<mid>[a-z2-7]{26}\.[a-z2-7]{26})(?=@)"
    r"|(?<=\.)(?P<reply>[a-z2-7]{26})(?=@)"
    r"|(?<![0-9a-z])(?P<confirm>[0-9a-f]{1,6}z[a-z2-7]{26})(?![0-9a-z])"
    r"|(?<=\+bounce\.)(?P<bounce>[0-9a-f]+-[0-9a-f]+-[a-z2-7]{16})(?=@)"
    r"|(?<==_)(?P<boundary>[0-9a-f]{32})"
)
_ARMORED = re.compile(r"-----BEGIN (PGP [A-Z ]+)-----.+?-----END \1-----", re.DOTALL)
_NAMED = re.compile(r"\b(?:mid|reply|bounce|boundary|confirm)-\d+\b")


def key_ids(lab: Lab) -> dict[str, str]:
    """Whose each key id is, of keys and sub-keys."""
    return {
        key_id: owner
        for home in (lab.people, lab.group)
        for owner in home.fingerprints
        for key_id in home.key_ids(owner).values()
    }


class Placeholders:
    """What stands for what in one story."""

    def __init__(self, lab: Lab, key_ids: Mapping[str, str]) -> None:
        self._names: dict[str, str] = {}
        self._values: dict[str, str] = {}
        self._counts: dict[str, int] = {}
        self._fixed: dict[str, str] = {}
        for home in (lab.people, lab.group):
            for owner, fingerprint in home.fingerprints.items():
                groups = [fingerprint[at : at + 4] for at in range(0, 40, 4)]
                self._fixed[fingerprint] = f"{{fingerprint of {owner}}}"
                self._fixed[" ".join(groups[:5]) + "  " + " ".join(groups[5:])] = f"{{fingerprint of {owner}}}"
        self._fixed.update({key_id: f"{{key id of {owner}}}" for key_id, owner in key_ids.items()})

    def fix(self, value: str, name: str) -> None:
        """Always write `name` for this value."""
        self._fixed[value] = name

    def hide(self, text: str) -> str:
        """The text with names instead of random values."""
        text = _RANDOM.sub(self._name, _ARMORED.sub(r"{\1}", text))
        # The longest first: a key id is also the end of a fingerprint.
        for value in sorted(self._fixed, key=len, reverse=True):
            text = text.replace(value, self._fixed[value])
        return text

    def fill_in(self, text: str) -> str:
        """The opposite, for mail that names what the bot made before."""
        return _NAMED.sub(lambda found: self._values[found[0]], text)

    def _name(self, found: re.Match[str]) -> str:
        value, kind = found[0], str(found.lastgroup)
        if value not in self._names:
            self._counts[kind] = self._counts.get(kind, 0) + 1
            self._names[value] = f"{kind}-{self._counts[kind]}"
            self._values[self._names[value]] = value
        return self._names[value]
