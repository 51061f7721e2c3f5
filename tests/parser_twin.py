"""`ports.Parser` without a process of its own."""

from mailbot.cage import dialects
from mailbot.mail.bounce import Action
from mailbot.mail.parse import OverLimit, parse
from mailbot.mail.structure import Structure
from mailbot.service.ports import Unreadable


class InProcessParser:
    def parse(self, raw: bytes) -> Structure:
        try:
            return parse(raw)
        except OverLimit as over:
            raise Unreadable(str(over)) from None

    def bounce(self, raw: bytes) -> Action:
        return dialects.action(raw)
