"""Addresses and ids that prove themselves: keyed hashes (HMAC-SHA-256, RFC 2104) under the store's token key.

Everything here is a function of rows that are already committed: a step repeated after a crash gives the same bytes.
"""

import base64
import hashlib
import hmac
import re

_TOKEN_BYTES = 20  # 160 bits, 32 base32 characters without padding; 128 is what an address needs at least


class Tokens:
    """Makes and checks tokens. `domain` is the domain of the group's address."""

    def __init__(self, key: bytes, domain: str) -> None:
        self._key = key
        self._domain = domain

    def participant(self, issue: int, address: str) -> str:
        """The token in ``security+42.TOKEN@``, bound to issue and participant."""
        return self._mac("participant", str(issue), address.lower())

    def is_participant(self, token: str, issue: int, address: str) -> bool:
        return hmac.compare_digest(token.lower(), self.participant(issue, address))

    def bounce(self, notice: int, seq: int) -> str:
        """The token in ``security+bounce.TOKEN@``: names one outgoing mail, and proves that we wrote it."""
        return f"{notice}-{seq}-{self._mac('bounce', str(notice), str(seq))}"

    def bounced(self, token: str) -> tuple[int, int] | None:
        """The (notice, seq) that a bounce token names; None if it is not one of ours."""
        match = re.fullmatch(r"(\d{1,18})-(\d{1,9})-([a-z2-7]{32})", token.lower())
        if match is None:
            return None
        notice, seq = int(match[1]), int(match[2])
        return (notice, seq) if hmac.compare_digest(token.lower(), self.bounce(notice, seq)) else None

    def message_id(self, notice: int, seq: int) -> str:
        """The Message-ID of one outgoing mail, with angle brackets; tells nothing, and can be recognised as ours."""
        name = self._mac("message-id", str(notice), str(seq))
        return f"<{name}.{self._mac('own', name)}@{self._domain}>"

    def is_own(self, message_id: str) -> bool:
        """Whether a Message-ID (with angle brackets) is one that this bot made."""
        match = re.fullmatch(r"<([a-z2-7]{32})\.([a-z2-7]{32})@(.+)>", message_id)
        return match is not None and hmac.compare_digest(match[2], self._mac("own", match[1]))

    def boundary(self, notice: int, seq: int, name: str) -> str:
        """A MIME boundary that no sender can guess."""
        return self._mac("boundary", str(notice), str(seq), name)

    def _mac(self, *parts: str) -> str:
        digest = hmac.digest(self._key, "\0".join(parts).encode(), hashlib.sha256)
        return base64.b32encode(digest[:_TOKEN_BYTES]).decode().lower()
