"""The bytes after DATA: what ends them, what is refused about them, and the mail that they carry.

In come chunks as the network cuts them; out comes the mail with its dot-stuffing removed (RFC 5321 4.5.2), or the
reason to refuse it. Where the chunks are cut never changes the outcome. Nothing here reads the mail beyond line ends
and the number of its ``Received`` fields.

Only CRLF "." CRLF ends the data. Servers that also took LF "." CRLF and the like let one mail smuggle a second one
past its front MTA (CVE-2023-51764), and CPython's parser splits headers at a bare CR. A mail that holds a bare CR or LF
is therefore refused as a whole, at its real end.
"""

import enum
import io
from dataclasses import dataclass

from mailbot.smtp.limits import DRAIN, Budget, Limits

_END = b"\r\n.\r\n"
_CRLF = b"\r\n"
_RECEIVED = b"\r\nreceived:"


@dataclass(frozen=True, slots=True)
class Refusal:
    """`reply` is what the peer reads, with code and enhanced code (RFC 3463); `reason` is the word for the log."""

    reply: str
    reason: str

    @property
    def code(self) -> int:
        return int(self.reply[:3])


class Refused(enum.Enum):
    """Why the data was refused, the weightiest first: of several reasons the first one is told."""

    OVER_SIZE = Refusal("552 5.3.4 Message is too large", "over-size")
    BARE_LINE_END = Refusal("550 5.6.0 Bare CR or LF is not allowed, see RFC 5321 section 2.3.8", "bare-line-end")
    NUL = Refusal("550 5.6.0 NUL bytes are not allowed, see RFC 5322 section 2.2", "nul")
    LONG_LINE = Refusal("550 5.6.0 A line is too long", "long-line")
    LOOP = Refusal("554 5.4.6 Too many hops", "loop")
    NO_MEMORY = Refusal("452 4.3.1 Too much mail at the moment, try again later", "memory")


class Data:
    """One mail on its way in.

    Call `feed` until `finished`; then `rest` holds the bytes behind the end mark and `refusal` says whether the mail
    may be taken; call `take` for it. Call `discard` in the end, whatever happened. If `flooded`, the peer went on far
    beyond every limit: there is no end, and the connection must be closed.
    """

    def __init__(self, limits: Limits, budget: Budget) -> None:
        self._limits = limits
        self._budget = budget
        self._wire_limit = DRAIN * limits.max_size
        self._mail: io.BytesIO | None = io.BytesIO()
        self._held = 0
        self._refused: set[Refused] = set()
        # The data begins at the start of a line, so a CRLF is thought before it (and never stored).
        self._tail = _CRLF
        self._unstored = len(_CRLF)
        self._line = 0
        self._header: bytes | None = b""
        self._received = 0
        self.wire = 0
        """Bytes that came, up to and with the end mark."""
        self.size = 0
        """Bytes of the mail so far."""
        self.finished = False
        self.rest = b""

    @property
    def flooded(self) -> bool:
        return self.wire > self._wire_limit

    @property
    def refusal(self) -> Refusal | None:
        if self.flooded:
            return Refused.OVER_SIZE.value
        return next((reason.value for reason in Refused if reason in self._refused), None)

    def feed(self, chunk: bytes) -> None:
        """Take the next bytes of any number, the empty chunk included."""
        data = self._tail + chunk
        # Only a line that begins with a dot can end the data or need unstuffing, and most mails have one: their end.
        dot = data.find(b"\r\n.")
        end = dot if dot < 0 or data.startswith(_END, dot) else data.find(_END, dot)
        if end >= 0:
            self.finished = True
            stop = end + len(_CRLF)
            self.rest = data[end + len(_END) :]
            self.wire += len(chunk) - len(self.rest)
        else:
            # What may be the beginning of the end mark waits for the next chunk; so CRLF is never cut in two.
            stop = len(data) - _overlap(data)
            self._tail = data[stop:]
            self.wire += len(chunk)
        lines = data[:stop]
        if 0 <= dot < end or (end < 0 <= dot < stop):
            lines = lines.replace(b"\r\n.", b"\r\n")
        if lines:
            self._check(lines)
            self._store(lines)

    def take(self) -> bytes:
        """The whole mail, without a copy. Only for a mail that is finished and not refused."""
        if self._mail is None:
            raise ValueError("the mail was refused")
        return self._mail.getvalue()

    def discard(self) -> None:
        """Give the memory back."""
        self._mail = None
        self._budget.give_back(self._held)
        self._held = 0

    def _check(self, lines: bytes) -> None:
        """Every check looks at all the data, so that the outcome does not depend on how it was cut."""
        refused = self._refused
        if Refused.BARE_LINE_END not in refused:
            pairs = lines.count(_CRLF)
            if lines.count(b"\n") != pairs or lines.count(b"\r") != pairs:
                refused.add(Refused.BARE_LINE_END)
        if b"\0" in lines:
            refused.add(Refused.NUL)
        if self._has_long_line(lines):
            refused.add(Refused.LONG_LINE)
        if self._header is not None:
            self._count_received(lines)

    def _has_long_line(self, lines: bytes) -> bool:
        limit = self._limits.line
        before, self._line = self._line, len(lines) - lines.rfind(b"\n") - 1
        first = lines.find(b"\n")
        if first < 0:
            self._line += before
            return self._line > limit
        if before + first - 1 > limit or self._line > limit:
            return True
        # Jumping back from the furthest line end in reach costs a step per 64 KiB, not one per line.
        start = first + 1
        while len(lines) - start > limit:
            end = lines.rfind(b"\n", start, start + limit + len(_CRLF))
            if end < 0:
                return True
            start = end + 1
        return False

    def _count_received(self, lines: bytes) -> None:
        header = (self._header or b"") + lines
        end = header.find(b"\r\n\r\n")
        if end >= 0:
            header, self._header = header[: end + len(_CRLF)], None
        else:
            # Short enough never to count a field twice, long enough for one that is cut.
            self._header = header[1 - len(_RECEIVED) :]
        self._received += header.lower().count(_RECEIVED)
        if self._received > self._limits.received:
            self._refused.add(Refused.LOOP)

    def _store(self, lines: bytes) -> None:
        skip = min(self._unstored, len(lines))
        self._unstored -= skip
        self.size += len(lines) - skip
        if self.size > self._limits.max_size:
            self._refused.add(Refused.OVER_SIZE)
        if self._mail is not None:
            amount = len(lines) - skip
            if not self._refused and not self._budget.take(amount):
                self._refused.add(Refused.NO_MEMORY)
            if self._refused:
                self.discard()
            else:
                self._held += amount
                self._mail.write(memoryview(lines)[skip:])


def _overlap(data: bytes) -> int:
    """The length of the longest end of `data` that the end mark begins with."""
    return next((length for length in range(len(_END) - 1, 0, -1) if data.endswith(_END[:length])), 0)
