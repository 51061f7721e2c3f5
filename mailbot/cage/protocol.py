"""What goes over the two pipes. Lengths first, so that neither side ever guesses where something ends.

Request: 1 byte `Wish`, 8 bytes big-endian length, the mail. Answer: 1 byte `Kind`, 4 bytes big-endian length, the
payload. Once it is confined and before the first request, the worker says ``READY``.
"""

import json
import struct
from enum import IntEnum

from mailbot.mail.structure import Structure

READY = b"R"
REQUEST = struct.Struct(">BQ")
ANSWER = struct.Struct(">BI")

_JSON = struct.Struct(">I")

ANSWER_BYTES = 32_000_000
"""No honest answer is longer: 256 kB of text and 1 MB of headers, each byte written out as ten at worst."""


class Wish(IntEnum):
    """What is wanted of a mail."""

    STRUCTURE = 1
    BOUNCE = 2


class Kind(IntEnum):
    STRUCTURE = 1
    """4 bytes length of the JSON, the JSON without the text, the text in UTF-8: to escape 20 kB of text for JSON and
    back would cost as much as taking the mail apart."""
    OVER_LIMIT = 2
    """One of the parser's fixed phrases."""
    FAILED = 3
    """The class of an exception that the parser should not have raised."""
    BOUNCE = 4
    """A value of `mail.bounce.Action`."""


def encode(structure: Structure) -> bytes:
    data = structure.to_json()
    text = data.pop("text").encode("utf-8")
    rest = json.dumps(data, separators=(",", ":"), check_circular=False).encode("ascii")
    return b"".join((_JSON.pack(len(rest)), rest, text))


def decode(payload: bytes, size: int) -> Structure:
    """The structure of a mail of `size` bytes. Raises ValueError for anything else."""
    try:
        (length,) = _JSON.unpack_from(payload)
        data = json.loads(payload[_JSON.size : _JSON.size + length])
        data["text"] = payload[_JSON.size + length :].decode("utf-8")
    except (RecursionError, TypeError, struct.error) as error:
        raise ValueError("not a structure") from error
    return Structure.from_json(data, size)
