"""In-memory twins of what the use cases need from outside, for tests that are not about gpg or the cage."""

import base64
import hashlib
import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from mailbot.service.ports import (
    Decryption,
    DetachedSignature,
    KeyInfo,
    Opened,
    Signature,
    UnusableKeys,
    Verdict,
)

_BORN = datetime(2020, 1, 1, tzinfo=UTC)


def fake_fingerprint(name: str) -> str:
    """Forty hex digits that are always the same for a name."""
    return hashlib.sha256(name.encode()).hexdigest()[:40].upper()


def fake_key(
    name: str,
    address: str = "",
    *,
    expires_at: datetime | None = None,
    encrypts_until: datetime | None = None,
    revoked: bool = False,
    can_encrypt: bool = True,
) -> str:
    """The armored public key of somebody, for `FakeOpenPGP.load`."""
    content = {
        "fingerprint": fake_fingerprint(name),
        "user_ids": [f"{name} <{address or name + '@example.org'}>"],
        "expires_at": expires_at and expires_at.isoformat(),
        "encrypts_until": encrypts_until and encrypts_until.isoformat(),
        "revoked": revoked,
        "can_encrypt": can_encrypt,
    }
    return _armor("PUBLIC KEY BLOCK", content).decode()


@dataclass(frozen=True)
class FakeMessage:
    """What is inside a fake ciphertext."""

    text: bytes
    recipients: tuple[str, ...]
    """Full fingerprints; `FakeOpenPGP.HIDDEN` for one who is not named."""
    signed_by: str = ""
    """Fingerprint; empty for none."""
    signed_at: datetime = _BORN
    tampered: bool = False
    signers: int = 1


@dataclass
class FakeOpenPGP:
    """`ports.OpenPGP` without gpg: reversible, marks recipients and signers, fails when told to.

    A fake ciphertext is ASCII armor around JSON, so it goes through mail like a real one. Put an exception into
    `failures`, and the next call that would start gpg raises it.
    """

    HIDDEN = "0" * 16

    own: str = field(default_factory=lambda: fake_fingerprint("group"))
    now: datetime = field(default_factory=lambda: datetime(2026, 1, 1, tzinfo=UTC))
    """The time of signatures, and against which keys are looked at."""
    failures: list[Exception] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    """The names of the methods called, in order."""
    _keys: dict[str, KeyInfo] = field(default_factory=dict)
    _revision: int | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    # What a test uses.

    @staticmethod
    def message(
        text: bytes,
        to: Sequence[str],
        signed_by: str = "",
        signed_at: datetime = _BORN,
        *,
        tampered: bool = False,
        signers: int = 1,
    ) -> bytes:
        """A ciphertext as somebody outside makes it. Recipients and signer are fingerprints."""
        content = {
            "text": base64.b64encode(text).decode(),
            "to": list(to),
            "by": signed_by,
            "at": signed_at.isoformat(),
            "tampered": tampered,
            "signers": signers,
        }
        return _armor("MESSAGE", content)

    @staticmethod
    def signature(data: bytes, signed_by: str, signed_at: datetime = _BORN, *, signers: int = 1) -> bytes:
        """A detached signature as somebody outside makes it."""
        content = {
            "by": signed_by,
            "at": signed_at.isoformat(),
            "digest": hashlib.sha512(data).hexdigest(),
            "signers": signers,
        }
        return _armor("SIGNATURE", content)

    @staticmethod
    def look(ciphertext: bytes) -> FakeMessage:
        """What is inside, whoever it is for."""
        content = _dearmor("MESSAGE", ciphertext)
        assert content is not None, "no fake ciphertext"
        return _message(content)

    # What the port asks for, and `Gpg` has beside it.

    def close(self) -> None:
        self._called("close")

    def load(self, revision: int, armored: Sequence[str]) -> None:
        self._called("load")
        with self._lock:
            if self._revision is not None and revision <= self._revision:
                return
            read = [_read_key(text) for text in armored]
            self._keys = {key.fingerprint: key for key in read if key is not None}
            self._revision = revision

    @contextmanager
    def with_keys(self, armored: Sequence[str]) -> Iterator["FakeOpenPGP"]:
        other = replace(self, _keys={}, _revision=None, _lock=threading.Lock())
        other.load(0, armored)
        yield other

    def scan(self, data: bytes) -> list[KeyInfo]:
        self._called("scan")
        key = _read_key(data.decode(errors="replace"))
        return [key] if key is not None else []

    def minimal(self, data: bytes, fingerprint: str) -> str:
        self._called("minimal")
        return data.decode()

    def decrypt(self, ciphertext: bytes) -> Decryption:
        self._called("decrypt")
        content = _dearmor("MESSAGE", ciphertext)
        if content is None:
            return Decryption(Opened.BROKEN)
        inside = _message(content)
        key_ids = tuple(recipient[-16:] for recipient in inside.recipients)
        if not inside.recipients:
            return Decryption(Opened.NOT_ENCRYPTED, inside.text, self._judge(content))
        if not {self.own, self.HIDDEN} & {*inside.recipients}:
            return Decryption(Opened.NO_KEY, key_ids=key_ids)
        if inside.tampered:
            return Decryption(Opened.TAMPERED, key_ids=key_ids)
        return Decryption(Opened.DECRYPTED, inside.text, self._judge(content), key_ids)

    def verify(self, signed: bytes, signature: bytes) -> Signature:
        self._called("verify")
        content = _dearmor("SIGNATURE", signature)
        if content is None:
            return Signature(Verdict.ERROR)
        found = self._judge(content)
        if found.fingerprint and content["digest"] != hashlib.sha512(signed).hexdigest():
            return Signature(Verdict.BAD, key_id=found.key_id)
        return found

    def sign(self, data: bytes) -> DetachedSignature:
        self._called("sign")
        return DetachedSignature(self.signature(data, self.own, self.now), "pgp-sha512")

    def encrypt(self, pieces: Sequence[bytes], recipients: Sequence[str], sign: bool = True) -> bytes:
        self._called("encrypt")
        if not recipients:
            raise ValueError("no recipients")
        infos = {fingerprint: self.info(fingerprint) for fingerprint in recipients}
        unusable = frozenset(name for name, info in infos.items() if info is None or not info.usable(self.now))
        if unusable:
            raise UnusableKeys(unusable)
        return self.message(b"".join(pieces), list(infos), self.own if sign else "", self.now)

    def info(self, fingerprint: str) -> KeyInfo | None:
        if fingerprint == self.own:
            return _read_key(self.group_key())
        return self._keys.get(fingerprint)

    def group_key(self) -> str:
        content = {"fingerprint": self.own, "user_ids": ["Example Group <security@example.org>"]}
        return _armor("PUBLIC KEY BLOCK", content).decode()

    def _called(self, method: str) -> None:
        self.calls.append(method)
        if self.failures:
            raise self.failures.pop(0)

    def _judge(self, content: dict[str, Any]) -> Signature:
        signer, signed_at = content["by"], datetime.fromisoformat(content["at"])
        if not signer:
            return Signature()
        if content["signers"] > 1:
            return Signature(Verdict.SEVERAL)
        key = self.info(signer)
        if key is None:
            return Signature(Verdict.NO_KEY, key_id=signer[-16:])
        verdict = Verdict.GOOD
        if key.revoked:
            verdict = Verdict.REVOKED
        elif key.expires_at is not None and key.expires_at <= self.now:
            verdict = Verdict.EXPIRED
        return Signature(verdict, signer, signer[-16:], signed_at)


def _message(content: dict[str, Any]) -> FakeMessage:
    return FakeMessage(
        text=base64.b64decode(content["text"]),
        recipients=tuple(content["to"]),
        signed_by=content["by"],
        signed_at=datetime.fromisoformat(content["at"]),
        tampered=content["tampered"],
        signers=content["signers"],
    )


def _read_key(armored: str) -> KeyInfo | None:
    content = _dearmor("PUBLIC KEY BLOCK", armored.encode())
    if content is None:
        return None
    times = {name: content.get(name) for name in ("expires_at", "encrypts_until")}
    return KeyInfo(
        fingerprint=content["fingerprint"],
        user_ids=tuple(content["user_ids"]),
        algorithm="ed25519",
        created_at=_BORN,
        expires_at=datetime.fromisoformat(times["expires_at"]) if times["expires_at"] else None,
        encrypts_until=datetime.fromisoformat(times["encrypts_until"]) if times["encrypts_until"] else None,
        revoked=content.get("revoked", False),
        can_encrypt=content.get("can_encrypt", True),
    )


def _armor(kind: str, content: dict[str, Any]) -> bytes:
    body = base64.encodebytes(json.dumps(content).encode()).replace(b"\n", b"\r\n")
    return b"-----BEGIN PGP %b-----\r\n\r\n%b-----END PGP %b-----\r\n" % (kind.encode(), body, kind.encode())


def _dearmor(kind: str, data: bytes) -> dict[str, Any] | None:
    lines = data.replace(b"\r\n", b"\n")
    start, end = f"-----BEGIN PGP {kind}-----\n\n".encode(), f"-----END PGP {kind}-----".encode()
    if lines.count(start) != 1 or end not in lines:
        return None
    try:
        content: dict[str, Any] = json.loads(base64.b64decode(lines.split(start)[1].split(end)[0]))
    except ValueError:
        return None
    return content
