"""Properties over real sockets: how the network cuts the bytes changes nothing, and no byte of a mail changes."""

import asyncio
import itertools
import smtplib
import socket
import threading
from collections.abc import Iterator
from queue import SimpleQueue

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.smtp.service import Service, serving

SESSION = (
    b"EHLO x\r\nMAIL FROM:<a@x>\r\nRCPT TO:<security>\r\nDATA\r\n"
    b"a: 1\r\n\r\n..\r\n...\r\nb.\r\n.\r\n"
    b"MAIL FROM:<b@x>\r\nRCPT TO:<security>\r\nDATA\r\nx\n.\r\ny\r\n.\r\n"
    b"NOOP\r\nMAIL FROM:<c@x>\r\nRCPT TO:<security>\r\nRCPT TO:<nobody>\r\nDATA\r\n.\r\nQUIT\r\n"
)


async def play(pieces: list[bytes]) -> tuple[bytes, list[bytes]]:
    async with serving() as service:
        peer = await service.connect()
        peer.writer.transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for piece in pieces:
            peer.send(piece)
            await asyncio.sleep(0)
        return await peer.reader.read(), [raw for _, raw in service.mails]


@settings(deadline=None, max_examples=60)
@given(cuts=st.sets(st.integers(1, len(SESSION) - 1)))
def test_however_a_session_is_cut_its_replies_and_mails_are_the_same(cuts: set[int]) -> None:
    edges = [0, *sorted(cuts), len(SESSION)]
    pieces = [SESSION[start:end] for start, end in itertools.pairwise(edges)]
    replies, mails = asyncio.run(play(pieces))
    codes = " ".join(line[:4].decode() for line in replies.removesuffix(b"\r\n").split(b"\r\n"))
    assert codes == (
        "220  250- 250- 250- 250- 250- 250  250  250  354  250  250  250  354  550  250  250  250  550  354  250  221 "
    )
    assert mails == [b"a: 1\r\n\r\n.\r\n..\r\nb.\r\n", b""]


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    """A listener in a thread of its own, for the blocking client."""
    started: SimpleQueue[tuple[Service, asyncio.AbstractEventLoop, asyncio.Event]] = SimpleQueue()

    async def serve() -> None:
        async with serving() as running:
            end = asyncio.Event()
            started.put((running, asyncio.get_running_loop(), end))
            await end.wait()

    thread = threading.Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    running, loop, end = started.get(timeout=10)
    yield running
    loop.call_soon_threadsafe(end.set)
    thread.join(timeout=10)


LINE = st.binary(max_size=100).map(lambda line: line.translate(None, b"\r\n\0")) | st.sampled_from([b"", b".", b".."])


@settings(deadline=None, max_examples=60)
@given(mails=st.lists(st.lists(LINE, min_size=1).map(lambda lines: b"\r\n".join(lines) + b"\r\n"), max_size=3))
def test_the_bytes_stored_are_those_that_smtplib_was_given(service: Service, mails: list[bytes]) -> None:
    service.mails.clear()
    with smtplib.SMTP("127.0.0.1", service.port, local_hostname="client.example") as client:
        for mail in mails:
            assert client.sendmail("r@example.net", ["security@example.org", "security+42@example.org"], mail) == {}
    assert [raw for _, raw in service.mails] == mails
