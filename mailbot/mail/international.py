"""Mail addresses beyond ASCII (RFC 6531, RFC 6532): which we read, and how we write them where only ASCII may stand."""

import re
import unicodedata

_LOCAL_OCTETS = 64
_PATH_OCTETS = 254
"""RFC 5321 4.5.3.1; RFC 6531 3.3 counts octets of UTF-8."""
_ATEXT = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!#$%&'*+-/=?^_`{|}~")
_SHAPE = re.compile(r"[^@.]++(?:\.[^@.]++)*@[^@.]++(?:\.[^@.]++)*")


def readable(address: str) -> bool:
    """Whether this is a plain address with something beyond ASCII in it: of letters, marks and digits of any script.

    No symbols, no controls, nothing invisible: what a person reads is what it is. In normal form, so that the same
    address has the same letters.
    """
    if address.isascii() or len(address.encode("utf-8", "replace")) > _PATH_OCTETS or not _SHAPE.fullmatch(address):
        return False
    local, _, domain = address.partition("@")
    return (
        len(local.encode()) <= _LOCAL_OCTETS
        and unicodedata.is_normalized("NFC", address)
        and all(one == "." or one in _ATEXT or _word(one) for one in local)
        and all(one in ".-" or (one.isascii() and one.isalnum()) or _word(one) for one in domain)
        and not any(label.startswith("-") or label.endswith("-") for label in domain.split("."))
    )


def _word(char: str) -> bool:
    return not char.isascii() and unicodedata.category(char)[0] in "LMN"


def ascii_domain(domain: str) -> str | None:
    """The domain with A-labels (RFC 5890), or None if it has none that every program would agree on.

    Python knows the older IDNA, which makes another domain of some letters ("ß" becomes "ss"): those are left alone.
    """
    if domain.isascii():
        return domain
    try:
        encoded = domain.encode("idna").decode("ascii")
        same = encoded.encode("ascii").decode("idna") == unicodedata.normalize("NFC", domain.lower())
    except UnicodeError:
        return None
    return encoded if same else None
