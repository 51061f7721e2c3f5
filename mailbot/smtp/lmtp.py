"""LMTP (RFC 2033), for a front MTA on the same machine that hands mail over instead of relaying it.

The same session but for its greeting and for the replies after the data: one per accepted recipient, in order, whatever
they say. A single reply would leave the front MTA waiting, and then delivering the mail a second time.
"""

from mailbot.smtp.session import Session


class LmtpSession(Session):
    greeting = "LMTP"

    async def smtp_LHLO(self, hostname: str) -> None:
        await super().smtp_EHLO(hostname)

    async def smtp_HELO(self, hostname: str) -> None:  # noqa: ARG002 - RFC 2033 4.1: must not be taken
        self._unknown_command("HELO")

    async def smtp_EHLO(self, hostname: str) -> None:  # noqa: ARG002 - RFC 2033 4.1: must not be taken
        self._unknown_command("EHLO")

    def _conclusion(self, reply: str) -> list[str]:
        return [reply] * len(self._forward_paths)
