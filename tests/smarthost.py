"""A smarthost that does what a test tells it to, at every stage of a session, and remembers every byte.

It speaks SMTP by itself on asyncio streams rather than through aiosmtpd, because a test must be able to answer
nonsense, fall silent or hang up anywhere, and must see the mail exactly as it was on the wire.

    async with FakeSmarthost() as smarthost:
        smarthost.on("RCPT", reply="450 4.2.0 later", matching="bob@", times=1)
        smarthost.on("content", drop=True)          # takes the mail and hangs up without an answer
        ...
        assert smarthost.mails[0].content == raw

Stages: connect (the greeting), EHLO, HELO, STARTTLS, MAIL, RCPT, DATA, content (the end of the mail), RSET, QUIT.
"""

import asyncio
import contextlib
import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field


@dataclass(slots=True)
class Behaviour:
    """What to do at one stage instead of the usual answer: wait `delay` seconds, stay silent for ever, reply, hang up
    (after the reply, or without one)."""

    reply: str | None = None
    drop: bool = False
    silent: bool = False
    delay: float = 0.0
    matching: str = ""
    """Only for command lines that hold this text."""
    times: int | None = None
    """How often; None for always."""


@dataclass(frozen=True, slots=True)
class ReceivedMail:
    sender: str
    recipient: str
    mail_command: str
    content: bytes
    """Dots undone, without the end-of-data mark."""
    wire: bytes
    """As it came, without the end-of-data mark."""
    connection: int
    encrypted: bool
    answered: bool
    """Whether the client got the 250."""


@dataclass
class FakeSmarthost:
    extensions: tuple[str, ...] = ("PIPELINING", "8BITMIME", "SMTPUTF8", "SIZE 50000000", "ENHANCEDSTATUSCODES")
    tls: ssl.SSLContext | None = None
    host: str = "127.0.0.1"
    port: int = 0
    keep: bool = True
    """False: contents are thrown away, for measurements."""
    mails: list[ReceivedMail] = field(default_factory=list)
    commands: list[tuple[int, str]] = field(default_factory=list)
    """Every command line, with the number of its connection (from 1)."""
    connections: int = 0
    open_connections: int = 0
    most_connections: int = 0
    _behaviours: dict[str, list[Behaviour]] = field(default_factory=dict)
    _tasks: set["asyncio.Task[None]"] = field(default_factory=set)
    _server: asyncio.Server | None = None
    _changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    def on(
        self,
        stage: str,
        reply: str | None = None,
        *,
        drop: bool = False,
        silent: bool = False,
        delay: float = 0.0,
        matching: str = "",
        times: int | None = None,
    ) -> None:
        """Behave so at a stage. Earlier calls for the same stage come first; those used up are passed over."""
        behaviour = Behaviour(reply, drop, silent, delay, matching, times)
        self._behaviours.setdefault(stage, []).append(behaviour)

    def heal(self) -> None:
        """From now on, do the usual at every stage."""
        self._behaviours.clear()

    def taken(self) -> list[ReceivedMail]:
        """The mails that were answered with 250."""
        return [mail for mail in self.mails if mail.answered]

    def verbs(self, connection: int | None = None) -> list[str]:
        return [line.split(" ")[0] for number, line in self.commands if connection in (None, number)]

    async def event(self, condition: Callable[[], bool]) -> None:
        """Wait until something that a client did makes the condition true."""
        async with self._changed:
            await self._changed.wait_for(condition)

    async def start(self) -> None:
        """Listen; the second start uses the same port as the first."""
        self._server = await asyncio.start_server(self._serve, self.host, self.port, limit=1 << 20)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Close the port and all connections, as a machine that goes down."""
        assert self._server is not None
        self._server.close()
        for task in list(self._tasks):
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
        await self._server.wait_closed()

    async def __aenter__(self) -> "FakeSmarthost":
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.connections += 1
        self.open_connections += 1
        self.most_connections = max(self.most_connections, self.open_connections)
        try:
            await _Session(self, reader, writer, self.connections).run()
        except (_HungUp, ConnectionError, ssl.SSLError, asyncio.IncompleteReadError, asyncio.CancelledError):
            # The client went away or would not shake hands, or stop() cancelled us and waits: the session is over.
            pass
        finally:
            self.open_connections -= 1
            self._tasks.discard(task)
            writer.transport.abort()
            await self._tell()

    async def _tell(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    def _behaviour(self, stage: str, line: str) -> Behaviour | None:
        for behaviour in self._behaviours.get(stage, []):
            if behaviour.matching in line and behaviour.times != 0:
                if behaviour.times is not None:
                    behaviour.times -= 1
                return behaviour
        return None


class _HungUp(Exception):
    pass


class _Session:
    def __init__(
        self, owner: FakeSmarthost, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int
    ) -> None:
        self._owner = owner
        self._reader = reader
        self._writer = writer
        self._number = number
        self._encrypted = False
        self._mail_command: str | None = None
        self._recipient: str | None = None

    async def run(self) -> None:
        await self._answer("connect", "", "220 fake.example ESMTP")
        while line := (await self._reader.readuntil(b"\r\n"))[:-2].decode("utf-8", "surrogateescape"):
            self._owner.commands.append((self._number, line))
            await self._owner._tell()
            await self._command(line.split(" ")[0].upper(), line)

    async def _command(self, verb: str, line: str) -> None:
        match verb:
            case "EHLO":
                offered = list(self._owner.extensions)
                if self._owner.tls is not None and not self._encrypted:
                    offered.append("STARTTLS")
                lines = ["fake.example", *offered]
                usual = "\r\n".join(f"250{'-' if text is not lines[-1] else ' '}{text}" for text in lines)
                await self._answer(verb, line, usual)
            case "HELO":
                await self._answer(verb, line, "250 fake.example")
            case "STARTTLS" if self._owner.tls is not None:
                if (await self._answer(verb, line, "220 go ahead")).startswith("220"):
                    await self._writer.start_tls(self._owner.tls)
                    self._encrypted = True
            case "MAIL" if self._mail_command is None:
                if (await self._answer(verb, line, "250 2.1.0 ok")).startswith("250"):
                    self._mail_command = line
            case "RCPT" if self._mail_command is not None:
                if (await self._answer(verb, line, "250 2.1.5 ok")).startswith("2"):
                    self._recipient = line
            case "DATA" if self._recipient is not None:
                if (await self._answer(verb, line, "354 go on")).startswith("354"):
                    await self._content()
            case "RSET":
                self._mail_command = self._recipient = None
                await self._answer(verb, line, "250 2.0.0 ok")
            case "QUIT":
                await self._answer(verb, line, "221 2.0.0 bye")
                raise _HungUp
            case _:
                await self._answer(verb, line, "503 5.5.1 not now")

    async def _content(self) -> None:
        assert self._mail_command is not None
        assert self._recipient is not None
        wire = await self._data()
        content = b"" if not self._owner.keep else wire.removeprefix(b".").replace(b"\r\n.", b"\r\n")
        sender, recipient = (line.split("<", 1)[1].split(">")[0] for line in (self._mail_command, self._recipient))

        def remember(answered: bool) -> None:
            self._owner.mails.append(
                ReceivedMail(
                    sender,
                    recipient,
                    self._mail_command or "",
                    content,
                    wire if self._owner.keep else b"",
                    self._number,
                    self._encrypted,
                    answered,
                )
            )

        await self._answer("content", self._recipient, "250 2.0.0 queued", remember)
        self._mail_command = self._recipient = None

    async def _data(self) -> bytes:
        """Everything up to CRLF.CRLF, read in large pieces."""
        first = await self._reader.readexactly(3)
        if first == b".\r\n":
            return b""
        data = bytearray(first)
        while (end := data.find(b"\r\n.\r\n", max(0, len(data) - (1 << 20)))) < 0:
            piece = await self._reader.read(1 << 18)
            if not piece:
                raise _HungUp
            if self._owner.keep:
                data += piece
            else:
                data = data[-4:] + piece
        assert end == len(data) - 5, "the client sent something after the end of the mail"
        return bytes(data[: end + 2])

    async def _answer(self, stage: str, line: str, usual: str, remember: Callable[[bool], None] | None = None) -> str:
        behaviour = self._owner._behaviour(stage, line) or Behaviour()
        silent = behaviour.silent or (behaviour.drop and behaviour.reply is None)
        reply = behaviour.reply if behaviour.reply is not None else usual
        if behaviour.delay:
            await asyncio.sleep(behaviour.delay)
        if remember is not None:
            remember(reply.startswith("2") and not silent)
            await self._owner._tell()
        if behaviour.silent:
            await asyncio.Event().wait()
        if not silent:
            self._writer.write(reply.encode("utf-8", "surrogateescape") + b"\r\n")
            await self._writer.drain()
        if behaviour.drop:
            self._writer.close()
            raise _HungUp
        return reply


@contextlib.contextmanager
def in_thread(smarthost: FakeSmarthost) -> Iterator[FakeSmarthost]:
    """Run it on a loop of its own, for tests that have none or that start processes."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    asyncio.run_coroutine_threadsafe(smarthost.start(), loop).result(10)
    try:
        yield smarthost
    finally:
        asyncio.run_coroutine_threadsafe(smarthost.stop(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()
