"""gpg's key listing (``--with-colons``, GnuPG's doc/DETAILS) as values."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from mailbot.service.ports import KeyInfo

LIST_KEYS = ("--list-keys", "--with-fingerprint", "--with-fingerprint")
"""The command whose output `parse` reads; said twice, it prints the fingerprints of the sub-keys too."""
LIST_SECRET_KEYS = ("--list-secret-keys", *LIST_KEYS[1:])
"""The same, of the keys whose secret part (or a stub of it) gpg-agent has."""

# Algorithms without a curve (RFC 4880 9.1).
_ALGORITHMS = {"1": "rsa", "2": "rsa", "3": "rsa", "16": "elg", "17": "dsa"}
_ESCAPE = re.compile(rb"\\x([0-9a-fA-F]{2})")
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")


@dataclass(slots=True)
class SubKey:
    """A key that does something: the primary key or one of its sub-keys."""

    key_id: str
    algorithm: str
    created_at: datetime | None
    expires_at: datetime | None
    encrypts: bool
    signs: bool
    revoked: bool
    """Or invalid: its binding signature does not check out."""
    secret: bool
    """The secret part is there, not only a stub of it."""
    fingerprint: str = ""


@dataclass(slots=True)
class Key:
    """A primary key (the first of `parts`), its user ids and its sub-keys."""

    parts: list[SubKey]
    user_ids: list[str] = field(default_factory=list)

    @property
    def fingerprint(self) -> str:
        return self.parts[0].fingerprint

    def info(self, now: datetime, secret: bool = False) -> KeyInfo:
        primary = self.parts[0]
        usable = [
            part
            for part in self.parts
            if part.encrypts and not part.revoked and (part.expires_at is None or now < part.expires_at)
        ]
        ends = [part.expires_at for part in usable if part.expires_at is not None]
        expired = primary.expires_at is not None and primary.expires_at <= now
        return KeyInfo(
            fingerprint=self.fingerprint,
            user_ids=tuple(self.user_ids),
            algorithm=primary.algorithm,
            created_at=primary.created_at,
            expires_at=primary.expires_at,
            encrypts_until=max(ends) if ends and len(ends) == len(usable) else None,
            revoked=primary.revoked,
            can_encrypt=bool(usable) and not primary.revoked and not expired,
            secret=secret,
            encryption_ends=_last_end(part for part in self.parts if part.encrypts and not part.revoked),
            signing_ends=_last_end(part for part in self.parts if part.signs and not part.revoked),
        )


def _last_end(parts: Iterable[SubKey]) -> datetime | None:
    ends = [part.expires_at for part in parts]
    return max((end for end in ends if end is not None), default=None) if None not in ends else None


def parse(output: bytes) -> list[Key]:
    """The keys of a listing, in its order. Raises nothing: a line that is not understood is left out."""
    keys: list[Key] = []
    for line in output.split(b"\n"):
        fields = line.split(b":")
        if len(fields) < 10:
            continue
        kind = fields[0]
        if kind in (b"pub", b"sec"):
            keys.append(Key([_part(fields)]))
        elif not keys:
            continue
        elif kind in (b"sub", b"ssb"):
            keys[-1].parts.append(_part(fields))
        elif kind == b"fpr" and not keys[-1].parts[-1].fingerprint:
            keys[-1].parts[-1].fingerprint = fields[9].decode("ascii", "replace")
        elif kind == b"uid" and fields[1] not in (b"r", b"i"):
            keys[-1].user_ids.append(_user_id(fields[9]))
    return [key for key in keys if key.fingerprint]


def infos(keys: Iterable[Key], now: datetime, secret: bool = False) -> list[KeyInfo]:
    return [key.info(now, secret) for key in keys]


def _part(fields: list[bytes]) -> SubKey:
    text = [item.decode("ascii", "replace") for item in fields] + [""] * 20
    return SubKey(
        key_id=text[4],
        algorithm=text[16] or _ALGORITHMS.get(text[3], f"algorithm-{text[3]}-") + text[2],
        created_at=_time(text[5]),
        expires_at=_time(text[6]),
        # Small letters are what this key itself may do, capitals what the whole may.
        encrypts="e" in text[11],
        signs="s" in text[11],
        revoked=text[1] in ("r", "i", "d", "n"),
        secret=text[14] == "+",
    )


def _time(text: str) -> datetime | None:
    try:
        return datetime.fromtimestamp(int(text), UTC) if text else None
    except (ValueError, OverflowError, OSError):
        return None


def _user_id(raw: bytes) -> str:
    plain = _ESCAPE.sub(lambda match: bytes([int(match[1], 16)]), raw)
    return _CONTROLS.sub("\N{REPLACEMENT CHARACTER}", plain.decode("utf-8", "replace"))
