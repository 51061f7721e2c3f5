"""A mail server that takes everything and sends nothing on: the bot's smarthost for the length of the demo.

Just enough of RFC 5321 for a client that behaves, on loopback, on a port that the kernel chooses.
"""

import socketserver
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Self

_LINE_LIMIT = 1 << 20
"""Bytes read at once; the bot's lines are under 1,000."""


@dataclass(frozen=True, slots=True)
class Caught:
    """One mail for one recipient."""

    at: datetime
    recipient: str
    raw: bytes


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False
    catch: Callable[[Caught], None]


class Sink:
    """Listens from `with` on. `caught` grows in order of arrival."""

    def __init__(self) -> None:
        self.caught: list[Caught] = []
        self._changed = threading.Condition()
        self._server = _Server(("127.0.0.1", 0), _Session)
        self._server.catch = self._catch
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), name="sink", daemon=True)

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def wait(self, arrived: Callable[[list[Caught]], bool], seconds: float) -> bool:
        """Wait until `arrived`, which is asked anew with every mail, says so; False if it does not in `seconds`."""
        with self._changed:
            return self._changed.wait_for(lambda: arrived(self.caught), seconds)

    def _catch(self, mail: Caught) -> None:
        with self._changed:
            self.caught.append(mail)
            self._changed.notify_all()


class _Session(socketserver.StreamRequestHandler):
    """One connection."""

    server: _Server

    def handle(self) -> None:
        # A client that hangs up in the middle has its own reasons, and its own log.
        with suppress(ConnectionError):
            self._converse()

    def _converse(self) -> None:
        recipients: list[str] = []
        self._say("220 demo ESMTP")
        while line := self.rfile.readline(_LINE_LIMIT):
            verb, _, argument = line.decode("utf-8", "replace").strip().partition(" ")
            match verb.upper():
                case "EHLO":
                    self._say("250-demo", "250-8BITMIME", "250 SMTPUTF8")
                case "MAIL" | "RSET":
                    recipients = []
                    self._say("250 ok")
                case "RCPT":
                    recipients.append(argument.partition("<")[2].partition(">")[0])
                    self._say("250 ok")
                case "DATA":
                    self._say("354 go on")
                    raw = self._content()
                    for recipient in recipients:
                        self.server.catch(Caught(datetime.now(UTC), recipient, raw))
                    self._say("250 ok")
                case "QUIT":
                    self._say("221 bye")
                    return
                case _:
                    self._say("250 ok")

    def _content(self) -> bytes:
        lines = []
        while (line := self.rfile.readline(_LINE_LIMIT)) and line != b".\r\n":
            lines.append(line[1:] if line.startswith(b".") else line)
        return b"".join(lines)

    def _say(self, *lines: str) -> None:
        self.wfile.write("".join(f"{line}\r\n" for line in lines).encode("ascii"))
