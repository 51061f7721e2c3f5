"""Public keys that no program makes: well signed by their owner, and not fit to be encrypted to.

Put together by hand (RFC 4880, RFC 6637, and the EdDSA of RFC 9580 in its older packets), because gpg would refuse to.
"""

import base64
import hashlib
from dataclasses import dataclass

from nacl.signing import SigningKey

_ED25519 = bytes.fromhex("2B06010401DA470F01")
_P256 = bytes.fromhex("2A8648CE3D030107")
_BORN = (1577836800).to_bytes(4, "big")


def _packet(tag: int, body: bytes) -> bytes:
    return bytes([0xC0 | tag, 0xFF]) + len(body).to_bytes(4, "big") + body


def _mpi(data: bytes) -> bytes:
    number = int.from_bytes(data, "big")
    return number.bit_length().to_bytes(2, "big") + number.to_bytes((number.bit_length() + 7) // 8, "big")


def _subpacket(kind: int, data: bytes) -> bytes:
    return bytes([len(data) + 1, kind]) + data


@dataclass(frozen=True, slots=True)
class _Primary:
    secret: SigningKey

    @property
    def body(self) -> bytes:
        return (
            b"\4" + _BORN + b"\x16" + bytes([len(_ED25519)]) + _ED25519 + _mpi(b"\x40" + bytes(self.secret.verify_key))
        )

    @property
    def hashed(self) -> bytes:
        return b"\x99" + len(self.body).to_bytes(2, "big") + self.body

    @property
    def fingerprint(self) -> bytes:
        return hashlib.sha1(self.hashed).digest()  # noqa: S324 - what version 4 fingerprints are

    def signature(self, kind: int, over: bytes, flags: int) -> bytes:
        subpackets = _subpacket(2, _BORN) + _subpacket(27, bytes([flags])) + _subpacket(33, b"\4" + self.fingerprint)
        head = bytes([4, kind, 0x16, 10]) + len(subpackets).to_bytes(2, "big") + subpackets
        digest = hashlib.sha512(over + head + b"\4\xff" + len(head).to_bytes(4, "big")).digest()
        made = self.secret.sign(digest).signature
        issuer = _subpacket(16, self.fingerprint[-8:])
        return _packet(
            2, head + len(issuer).to_bytes(2, "big") + issuer + digest[:2] + _mpi(made[:32]) + _mpi(made[32:])
        )


def armored(user_id: str, point: bytes = b"\4" + b"\x11" * 64) -> tuple[str, str]:
    """(armor, fingerprint) of a key whose encryption sub-key is this point on (or off) the curve P-256."""
    primary = _Primary(SigningKey(hashlib.sha256(user_id.encode()).digest()))
    name = user_id.encode()
    named = primary.hashed + b"\xb4" + len(name).to_bytes(4, "big") + name
    sub = b"\4" + _BORN + b"\x12" + bytes([len(_P256)]) + _P256 + _mpi(point) + bytes([3, 1, 8, 7])
    bound = primary.hashed + b"\x99" + len(sub).to_bytes(2, "big") + sub
    data = (
        _packet(6, primary.body) + _packet(13, name) + primary.signature(0x13, named, 0x03)
        + _packet(14, sub) + primary.signature(0x18, bound, 0x0C)
    )  # fmt: skip
    lines = base64.encodebytes(data).decode()
    armor = f"-----BEGIN PGP PUBLIC KEY BLOCK-----\n\n{lines}={_checksum(data)}\n-----END PGP PUBLIC KEY BLOCK-----\n"
    return armor, primary.fingerprint.hex().upper()


def _checksum(data: bytes) -> str:
    """CRC-24 (RFC 4880 6.1)."""
    crc = 0xB704CE
    for byte in data:
        crc ^= byte << 16
        for _ in range(8):
            crc <<= 1
            if crc & 0x1000000:
                crc ^= 0x1864CFB
    return base64.b64encode(crc.to_bytes(3, "big")).decode()
