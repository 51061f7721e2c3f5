"""The kinds of values that the config file holds, each with the sentence that says what is allowed.

Every validator takes what TOML gave and returns the checked value, or raises `ValueError` whose text completes
"allowed: ...".
"""

import ipaddress
import os
import re
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import BeforeValidator, ValidationInfo

from mailbot.duration import ACCEPTED, Duration

_SIZE_UNITS = {"B": 1, "KB": 1000, "MB": 1000**2, "GB": 1000**3}
# Strict on purpose: these addresses are written into headers and SMTP commands without further thought.
_ADDRESS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?")
# "+", nine digits, "." and 128 bits as base32 take the other 37 octets that a local part may have (RFC 5321
# 4.5.3.1.1); a bounce address takes fewer.
_PUBLIC_LOCAL_PART = 27
_CREDENTIAL = re.compile(r"credential:([A-Za-z0-9][A-Za-z0-9._-]{0,100})")
_CREDENTIALS = "/run/credentials/mailbot.service"
"""Where systemd keeps a running unit's credentials; its own processes are told by $CREDENTIALS_DIRECTORY."""
_LINE = re.compile(r"[^\x00-\x1f\x7f]{1,200}")
# No promise or pause lasts longer, and dates so far ahead can always be computed.
_LONGEST_DAYS = 3650


def _duration(value: object) -> Duration:
    if not isinstance(value, str):
        raise ValueError(f"a duration such as {ACCEPTED}")
    duration = Duration.parse(value)
    if max(duration.seconds / 86400, duration.business_days) > _LONGEST_DAYS:
        raise ValueError(f'a duration of at most "{_LONGEST_DAYS}d" (ten years)')
    return duration


def _elapsed(value: object) -> Duration:
    duration = _duration(value)
    if duration.business_days:
        raise ValueError('a duration in s, m, h, d or w (business days make no sense here), such as "24h"')
    return duration


def _size(value: object) -> int:
    match = re.fullmatch(r"(\d{1,9})\s*(B|KB|MB|GB)", value) if isinstance(value, str) else None
    if match is None or int(match[1]) == 0:
        raise ValueError('a size such as "500KB" or "25MB" (1 MB is 1,000,000 bytes)')
    return int(match[1]) * _SIZE_UNITS[match[2]]


def _address(value: object) -> str:
    if isinstance(value, str) and _ADDRESS.fullmatch(value) and ".." not in value:
        return value
    raise ValueError('a plain mail address such as "security@example.org"')


def _public_address(value: object) -> str:
    local_part = _address(value).split("@")[0]
    if "+" in local_part:
        raise ValueError('a plain mail address without "+", because mailbot adds its own "+" extensions')
    if len(local_part) > _PUBLIC_LOCAL_PART:
        raise ValueError(
            f'a mail address with at most {_PUBLIC_LOCAL_PART} characters before the "@": mail systems allow 64, and'
            ' mailbot\'s "+" extensions need the rest'
        )
    return _address(value)


def _fingerprint(value: object) -> str:
    compact = value.replace(" ", "").upper() if isinstance(value, str) else ""
    if re.fullmatch(r"[0-9A-F]{40}|[0-9A-F]{64}", compact):
        return compact
    raise ValueError("a full OpenPGP fingerprint of 40 (or 64) hex digits")


def _prefix(value: object) -> str:
    if isinstance(value, str) and re.fullmatch(r"[A-Z][A-Z0-9]{0,9}", value):
        return value
    raise ValueError('1 to 10 capital letters and digits, a letter first, such as "EX"')


def _line(value: object) -> str:
    if isinstance(value, str) and value.strip() and _LINE.fullmatch(value):
        return value.strip()
    raise ValueError("one line of text, at most 200 characters")


def _host_name(value: object) -> str:
    if isinstance(value, str) and re.fullmatch(r"[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?", value):
        return value
    raise ValueError('a host name such as "smtp.example.org"')


def _member_id(value: object) -> str:
    if isinstance(value, str) and re.fullmatch(r"[a-z][a-z0-9_-]{0,31}", value):
        return value
    raise ValueError('1 to 32 of a-z, 0-9, "-" and "_", a letter first, such as "alice"')


def _network(value: object) -> str:
    try:
        ipaddress.ip_network(value if isinstance(value, str) else "", strict=False)
    except ValueError:
        raise ValueError('an IP address or network such as "192.0.2.25" or "2001:db8::/64"') from None
    return str(value)


def _timezone(value: object) -> ZoneInfo:
    try:
        return ZoneInfo(value if isinstance(value, str) else "")
    except (KeyError, ValueError, OSError):
        raise ValueError('a time zone such as "UTC" or "Europe/Berlin"') from None


def _database(value: object, info: ValidationInfo) -> str:
    if isinstance(value, str) and re.fullmatch(r"sqlite:///[^?#]+", value):
        base: Path = (info.context or {}).get("base", Path())
        return f"sqlite:///{base / value.removeprefix('sqlite:///')}"
    raise ValueError('"sqlite:///FILE" (this version has no PostgreSQL store yet)')


def _path(value: object, info: ValidationInfo) -> Path:
    if isinstance(value, str) and value and "\0" not in value:
        base: Path = (info.context or {}).get("base", Path())
        return base / value
    raise ValueError("a path, relative to the config file")


def _secret_path(value: object, info: ValidationInfo) -> Path:
    if isinstance(value, str) and value.startswith("credential:"):
        if name := _CREDENTIAL.fullmatch(value):
            return Path(os.environ.get("CREDENTIALS_DIRECTORY", _CREDENTIALS)) / name[1]
    elif isinstance(value, str) and value and "\0" not in value:
        return _path(value, info)
    raise ValueError('a path, relative to the config file, or "credential:NAME" for a systemd credential')


Elapsed = Annotated[Duration, BeforeValidator(_elapsed)]
DurationValue = Annotated[Duration, BeforeValidator(_duration)]
Size = Annotated[int, BeforeValidator(_size)]
Address = Annotated[str, BeforeValidator(_address)]
Fingerprint = Annotated[str, BeforeValidator(_fingerprint)]
Line = Annotated[str, BeforeValidator(_line)]
Network = Annotated[str, BeforeValidator(_network)]
FilePath = Annotated[Path, BeforeValidator(_path)]
HostName = Annotated[str, BeforeValidator(_host_name)]
SecretPath = Annotated[Path, BeforeValidator(_secret_path)]
Prefix = Annotated[str, BeforeValidator(_prefix)]
PublicAddress = Annotated[str, BeforeValidator(_public_address)]
TimeZone = Annotated[ZoneInfo, BeforeValidator(_timezone)]
DatabaseUrl = Annotated[str, BeforeValidator(_database)]
MemberId = Annotated[str, BeforeValidator(_member_id)]
