"""A27: HTML with script, remote pictures and style is read as text; nothing is fetched, and no HTML is passed on."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from tests.abuse.victim import Victim, to
from tests.world import Sent

HTML = """\
<html><head><title>Report</title>
<link rel="stylesheet" href="{base}/style.css">
<style>@import url({base}/more.css); p {{background: url({base}/b.png)}}</style>
<script src="{base}/x.js"></script><script>fetch("{base}/stolen")</script>
<meta http-equiv="refresh" content="0; url={base}/gone"><base href="{base}/"></head>
<body onload="stealth()"><p>The parser overflows.</p>
<img src="{base}/pixel.png" alt="a picture"><iframe src="{base}/frame"></iframe><object data="{base}/o"></object>
<p style="display:none">hidden instructions</p><span style="font-size:0">tiny</span>
<a href="{base}/elsewhere">https://example.org/</a><a href="javascript:alert(1)">click</a>
<video src="{base}/v.mp4" autoplay></video><form action="{base}/f"><input name="a"></form></body></html>
"""


@contextmanager
def temptation() -> Iterator[tuple[str, list[bytes]]]:
    """A web server, and what it was asked for."""
    asked: list[bytes] = []
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.readline())
        writer.close()

    async def start() -> asyncio.Server:
        return await asyncio.start_server(serve, "127.0.0.1", 0)

    server = asyncio.run_coroutine_threadsafe(start(), loop).result(10)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", asked
    finally:
        loop.call_soon_threadsafe(server.close)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


def html_parts(one: Sent) -> list[str]:
    """HTML that a mail program would show with the mail itself, not within an attached one."""
    parts = [one.inside]
    found = []
    while parts:
        part = parts.pop()
        if part.get_content_type() == "text/html":
            found.append(part.get_content_type())
        if part.is_multipart() and part.get_content_type() != "message/rfc822":
            parts += list(part.iter_parts())
    return found


def test_a27_html_is_relayed_as_text_and_nothing_is_fetched(abused: Victim) -> None:
    with temptation() as (base, asked):
        head = (
            "From: web@out.example\nMessage-ID: <html@out.example>\nSubject: html\nMIME-Version: 1.0\n"
            "Content-Type: text/html; charset=utf-8\n\n"
        )
        raw = (head + HTML.format(base=base)).replace("\n", "\r\n").encode()
        sent = abused.receive(raw, "web@out.example")
        assert asked == []
    relay = to(sent, "alice@members.example")
    text = relay.text
    assert "The parser overflows." in text
    assert "made from HTML" in text
    assert f"{base}/elsewhere" in text  # where the link really goes
    for word in ("fetch(", "stealth(", "@import", "background:", "<p>", "<script"):
        assert word not in text
    assert "hidden" in text.lower()
    assert [html_parts(one) for one in sent] == [[]] * len(sent)
