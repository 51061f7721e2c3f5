"""How much of a mail is taken apart, and why no more.

Every limit is checked before the work that it bounds. A mail over a limit is not lost: it is relayed raw as "could not
be read". CPython's own parser shows what happens without limits: RecursionError at 1,500 nested parts, 5 s for 100,000
parts, minutes for a 1 MB Subject of encoded words.
"""

HEADER_BYTES = 100_000
"""Of one header block. Long chains of Received, ARC and DKIM fields stay under 40 kB; servers refuse far less."""

ALL_HEADER_BYTES = 1_000_000
"""Of all header blocks of one mail together; what is decoded from them is carried to the other side of the cage."""

HEADER_FIELDS = 1_000
"""In one header block. The largest honest ones have some 150."""

PARAMETERS = 200
"""Of one field. A 5 kB file name in RFC 2231 continuations takes about 80."""

DEPTH = 20
"""Of nested parts and attached mails together. A signed reply to a forwarded alternative reaches 8."""

PARTS = 200
"""In one mail, those of attached mails too."""

FALSE_DELIMITERS = 10_000
"""Lines that begin like a boundary and are none: each costs a step outside the fast search."""

TEXT_BYTES = 256_000
"""Of decoded text that a person is shown: some 60 pages; the whole is in the attached original."""

HTML_BYTES = 1_000_000
"""Of decoded HTML that is read to make that text; HTML is often ten times longer than what it says."""

FILE_NAME = 120
"""Characters of an attachment's name: what fits on a line of the card and on every file system in UTF-8."""


class OverLimit(Exception):
    """The mail cannot be taken apart within the limits. The text is one of our fixed phrases and quotes nothing."""
