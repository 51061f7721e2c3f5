"""Addresses and ids that prove themselves: keyed hashes (HMAC-SHA-256, RFC 2104) under the store's token key.

Everything here is a function of rows that are already committed: a step repeated after a crash gives the same bytes.
"""

import base64
import hashlib
import hmac
import re

_TOKEN_BYTES = 16  # 128 bits, 26 base32 characters: a local part has room for 64 (RFC 5321 4.5.3.1.1)

_BOUNCE_CHARACTERS = 16
"""80 bits: a forged one could at most mark one mail as bounced, and the local part has to stay short."""

SHARED_IDS = 3
"""Message-IDs of one notice that several of its mails share; the others have one each (see `posting`)."""


class Tokens:
    """Makes and checks tokens. `domain` is the domain of the group's address."""

    def __init__(self, key: bytes, domain: str) -> None:
        self._key = key
        self._domain = domain

    def participant(self, issue: int, address: str) -> str:
        """The token in ``security+42.TOKEN@``, bound to issue and participant."""
        return self._mac("participant", str(issue), address.lower())

    def is_participant(self, token: str, issue: int, address: str) -> bool:
        return token.isascii() and hmac.compare_digest(token.lower(), self.participant(issue, address))

    def confirm(self, parked: int) -> str:
        """The token in ``security+confirm.TOKEN@``: proves that its sender read the mail that asked for it."""
        return f"{parked:x}z{self._mac('confirm', str(parked))}"

    def confirmed(self, token: str) -> int | None:
        """The parked commands that a token is for; None if it is not one of ours."""
        match = re.fullmatch(r"([0-9a-f]{1,15})z[a-z2-7]{26}", token.lower())
        if match is None:
            return None
        parked = int(match[1], 16)
        return parked if hmac.compare_digest(token.lower(), self.confirm(parked)) else None

    def bounce(self, notice: int, seq: int) -> str:
        """The token in ``security+bounce.TOKEN@``: names one outgoing mail, and proves that we wrote it."""
        return f"{notice:x}-{seq:x}-{self._mac('bounce', str(notice), str(seq))[:_BOUNCE_CHARACTERS]}"

    def bounced(self, token: str) -> tuple[int, int] | None:
        """The (notice, seq) that a bounce token names; None if it is not one of ours."""
        match = re.fullmatch(r"([0-9a-f]{1,15})-([0-9a-f]{1,8})-[a-z2-7]{16}", token.lower())
        if match is None:
            return None
        notice, seq = int(match[1], 16), int(match[2], 16)
        return (notice, seq) if hmac.compare_digest(token.lower(), self.bounce(notice, seq)) else None

    def message_id(self, notice: int, seq: int) -> str:
        """The Message-ID of one outgoing mail, with angle brackets; tells nothing, and can be recognised as ours."""
        name = self._mac("message-id", str(notice), str(seq))
        return f"<{name}.{self._mac('own', name)}@{self._domain}>"

    def names(self, message_id: str, notice: int, seq: int) -> bool:
        """Whether a Message-ID is that of this outgoing mail, whichever of those of its notice it shares."""
        return message_id in {self.message_id(notice, number) for number in (*range(SHARED_IDS), SHARED_IDS + seq)}

    def is_own(self, message_id: str) -> bool:
        """Whether a Message-ID (with angle brackets) is one that this bot made."""
        match = re.fullmatch(r"<([a-z2-7]{26})\.([a-z2-7]{26})@(.+)>", message_id)
        return match is not None and hmac.compare_digest(match[2], self._mac("own", match[1]))

    def seed(self, notice: int, seq: int) -> bytes:
        """32 secret bytes from which one mail's MIME boundaries follow."""
        return self._digest("boundary", str(notice), str(seq))

    def _mac(self, *parts: str) -> str:
        return base64.b32encode(self._digest(*parts)[:_TOKEN_BYTES]).decode().rstrip("=").lower()

    def _digest(self, *parts: str) -> bytes:
        return hmac.digest(self._key, "\0".join(parts).encode(), hashlib.sha256)
