"""The process inside the cage: reads a mail from descriptor 0, writes what it is to descriptor 1, until the end.

Imports the parser and nothing else of mailbot. It is started by `client` as ``python -I -B -c ...`` with the directory
that holds the package as its argument, because isolated mode looks neither at the environment nor at the current
directory.
"""

import gc
import os
import sys

from mailbot.cage import confinement, dialects, protocol
from mailbot.cage.protocol import Kind, Wish
from mailbot.mail.parse import OverLimit, parse

_READ_AHEAD = 1 << 16


def main() -> None:
    confinement.confine()
    # Nothing imported is ever garbage; looking at it again for each mail would be.
    gc.collect()
    gc.freeze()
    _write(protocol.READY)
    with os.fdopen(0, "rb", _READ_AHEAD, closefd=False) as requests:
        while header := requests.read(protocol.REQUEST.size):
            # Reads into one object of that size: the mail is never there twice.
            wish, size = protocol.REQUEST.unpack(header)
            raw = requests.read(size)
            if len(raw) < size:
                sys.exit("the client went away in the middle of a mail")
            confinement.allow_cpu()
            kind, payload = _answer(wish, raw)
            del raw
            _write(protocol.ANSWER.pack(kind, len(payload)) + payload)


def _answer(wish: int, raw: bytes) -> tuple[Kind, bytes]:
    try:
        if wish == Wish.BOUNCE:
            return Kind.BOUNCE, dialects.action(raw).value.encode("ascii")
        return Kind.STRUCTURE, protocol.encode(parse(raw))
    except OverLimit as over:
        return Kind.OVER_LIMIT, str(over).encode("ascii")
    # The parser has a bug; the client learns which class, never the text, which may quote the mail. Running out of
    # memory is one of these.
    except Exception as error:  # noqa: BLE001
        return Kind.FAILED, type(error).__name__.encode("ascii", "replace")


def _write(data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(1, view) :]
