"""The mark of a drill: every mail about a made-up report says so, in its subject on the outside and in its text."""

from dataclasses import replace

from mailbot.mail.letters import Letter
from mailbot.mail.marker import MARKER
from mailbot.mail.templates import Rendered, Writer

_WORDS = "This is a drill: nothing of it is real.\n\n"
_AS_WRITTEN = ("reply",)
"""Texts that go out as a member wrote them: only their subject has the mark."""


class Drill:
    """A `Writer` that marks what another one writes."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer

    def write(self, letter: Letter) -> Rendered:
        mail = self._writer.write(letter)
        body = mail.body if letter.notice in _AS_WRITTEN else _body(mail.body)
        return replace(mail, subject=_subject(mail.subject), body=body, outer=_subject(mail.outer))


def _subject(subject: str) -> str:
    """Behind the tag, which threads."""
    tag, bracket, rest = subject.partition("] ")
    return subject if "DRILL" in subject else f"{tag}{bracket}DRILL: {rest}" if bracket else f"DRILL: {subject}"


def _body(body: str) -> str:
    """At the top, below the line that says that it is internal."""
    first, _, rest = body.partition("\n")
    return f"{first}\n{_WORDS}{rest}" if first == MARKER else _WORDS + body
