"""The parser within this process."""

from mailbot.mail import parse
from mailbot.mail.structure import Structure
from mailbot.service.ports import Unreadable


class InlineParser:
    def parse(self, raw: bytes) -> Structure:
        try:
            return parse.parse(raw)
        except parse.OverLimit as error:
            raise Unreadable(str(error)) from None

    def close(self) -> None:
        """Nothing to end."""
