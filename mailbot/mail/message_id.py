"""Message-IDs as they stand in Message-ID, In-Reply-To and References."""

import re

IDS = 100
"""Of one field; the last ones count, which in References are the nearest. No mail client keeps longer chains."""

LENGTH = 998
"""Characters with the brackets: a line (RFC 5322 2.1.1)."""

_BRACKETED = re.compile(r"<([^<>\s]{1,996})>")
_BARE = re.compile(r"[^<>\s,;]{1,996}")


def message_ids(value: str) -> tuple[str, ...]:
    """The ids in a field's value, with their angle brackets, each once, at most the last `IDS`.

    Words around them are ignored. A value that is a single word without brackets is taken as an id that lost them.
    """
    found = [match[0] for match in _BRACKETED.finditer(value)]
    if not found and _BARE.fullmatch(value.strip()) and "@" in value:
        found = [f"<{value.strip()}>"]
    return tuple(dict.fromkeys(found[-IDS:]))
