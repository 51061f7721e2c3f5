"""A mail's bytes on their way into DATA: looked over once, cut into blocks, dots doubled. Nothing else changes.

Bodies reach 35 MB, so that nothing here copies a whole one and nothing holds the event loop for more than a block.
"""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass

BLOCK = 256 * 1024
"""Large enough that per-block costs vanish, small enough that one block takes well under a millisecond."""


@dataclass(frozen=True, slots=True)
class Survey:
    eight_bit: bool
    """Some byte is above 127: RFC 6152 applies."""
    bare_line_end: bool
    """There is a CR without LF or an LF without CR. RFC 5321 2.3.8 forbids sending it, and receivers that take it for
    a line end can be made to see a second mail (SMTP smuggling, CVE-2023-51764)."""


async def survey(headers: bytes, body: bytes) -> Survey:
    """Look a mail over, giving way to others between blocks."""
    eight_bit = False
    returns = feeds = pairs = 0
    last = b""
    for block in _blocks(headers, body):
        eight_bit = eight_bit or not block.isascii()
        returns += block.count(b"\r")
        feeds += block.count(b"\n")
        pairs += block.count(b"\r\n") + (last == b"\r" and block[:1] == b"\n")
        last = block[-1:]
        if len(block) == BLOCK:
            await asyncio.sleep(0)
    return Survey(eight_bit, returns != pairs or feeds != pairs)


def stuffed(headers: bytes, body: bytes) -> Iterator[bytes]:
    """What follows DATA on the wire: the mail with leading dots doubled (RFC 5321 4.5.2), then the end-of-data mark.

    A mail that does not end with CRLF gets one, because the mark must stand on a line of its own.
    """
    tail = b"\r\n"
    for block in _blocks(headers, body):
        # The two bytes before the block decide whether its first byte, or the one after its LF, begins a line. They
        # were sent already and cannot hold a whole match, so that they come through unchanged and are cut off again.
        joined = tail + block
        yield joined.replace(b"\r\n.", b"\r\n..")[len(tail) :]
        tail = joined[-2:]
    yield b".\r\n" if tail == b"\r\n" else b"\r\n.\r\n"


def _blocks(headers: bytes, body: bytes) -> Iterator[bytes]:
    for piece in (headers, body):
        for start in range(0, len(piece), BLOCK):
            yield piece[start : start + BLOCK]
