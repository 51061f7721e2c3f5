"""What a bounce in one of the many dialects says that are not RFC 3464: read by flufl.bounce, which knows two dozen.

In: a mail that is known to be a bounce by other signs, because flufl.bounce looks for words, which a report may hold
too. Out: `Action`. Nothing here fails: what cannot be read is UNKNOWN. It runs in the cage, because flufl.bounce reads
mail with CPython's email package, which recurses, and searches each line with patterns that take quadratic time.
"""

import logging

from mailbot.mail.bounce import Action

READ_BYTES = 200_000
"""Of the mail. The words that count stand before the copy of what came back."""

LINE_BYTES = 400
"""Of each line, in which an address has room (RFC 5321 4.5.3.1.3); the patterns take quadratic time on a longer one."""


def action(raw: bytes) -> Action:
    """FAILED or DELAYED, or UNKNOWN for what flufl.bounce does not know."""
    # Here and not above: 40 ms that a worker which reads no bounce is spared.
    from email import message_from_bytes

    from flufl.bounce import all_failures

    # It tells its own log of every detector, and of what went wrong with the mail's words in it.
    logging.getLogger("flufl.bounce").setLevel(logging.CRITICAL + 1)
    short = b"\n".join(line[:LINE_BYTES] for line in raw[:READ_BYTES].replace(b"\r\n", b"\n").split(b"\n"))
    try:
        temporary, permanent = all_failures(message_from_bytes(short))
    except Exception:  # noqa: BLE001 - other people's patterns on a hostile mail: then it is not understood, no more
        return Action.UNKNOWN
    if permanent:
        return Action.FAILED
    return Action.DELAYED if temporary else Action.UNKNOWN
