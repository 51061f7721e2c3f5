"""One letter of each kind that is about members' commands, as in `mailbot.mail.samples`."""

from datetime import UTC, datetime, timedelta

from mailbot.mail.command_letters import (
    Answer,
    Answered,
    Changed,
    Confirm,
    Opinion,
    Reply,
    Second,
    Transcript,
    Unsent,
)
from mailbot.mail.letters import Card, Clock, Letter, Person

_GROUP = "Example Security Response Group"
_NOW = datetime(2026, 11, 26, 17, 47, tzinfo=UTC)
_CARD = Card(
    title="Heap overflow in the PNG reader",
    author=Person("Jane Roe", "jane@research.example"),
    owner="alice",
    clocks=(Clock("first_response", _NOW + timedelta(hours=45)),),
)

_CONFIRM = "1fz2a3b4c5d6e7f2a3b4c5d6e7f2a"
_TEXT = """\
Thank you, Jane. We can reproduce it with {{7*7}} as the width.

Which version did you look at?
"""

COMMAND_LETTERS: tuple[Letter, ...] = (
    Changed(
        group=_GROUP, now=_NOW, issue="EX-42", card=_CARD, member="Alice Example",
        changes=("owner: nobody -> alice",),
    ),
    Transcript(
        group=_GROUP,
        now=_NOW,
        issue="EX-42",
        summary="2 of 3 commands done, 1 error",
        answers=(
            Answer("/claim", ("owner: nobody -> alice",), True),
            Answer("/severity hgih", ('error: "hgih" is no severity. Accepted: critical, high',), False),
            Answer("/title Heap overflow", ("title: {{7*7}} -> Heap overflow",), True),
        ),
    ),
    Reply(group=_GROUP, now=_NOW, issue="EX-42", text=_TEXT),
    Answered(
        group=_GROUP, now=_NOW, issue="EX-42", card=_CARD, member="Alice Example", text=_TEXT, waits=True,
        to=("jane@research.example, encrypted",),
    ),
    Opinion(
        group=_GROUP, now=_NOW, issue="EX-42", card=_CARD, member="Alice Example", outcome="not-security", missing=1,
        reason="the file comes from the user's own configuration",
    ),
    Confirm(
        group=_GROUP, now=_NOW, issue="EX-42", lines=("/claim", "/reply"), text=_TEXT, token=_CONFIRM,
        until=_NOW + timedelta(days=3),
    ),
    Second(
        group=_GROUP, now=_NOW, issue="EX-42", title="Heap overflow in the PNG reader", member="Alice Example",
        lines=("/publish",), token=_CONFIRM, until=_NOW + timedelta(days=3),
    ),
    Unsent(
        group=_GROUP, now=_NOW, issue="EX-42", card=_CARD, member="Alice Example",
        addresses=("jane@research.example",),
    ),
)  # fmt: skip
