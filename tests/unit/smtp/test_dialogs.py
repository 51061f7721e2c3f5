"""Runs the wire scripts in tests/dialogs (their README says how to read one)."""

import asyncio
import re
from pathlib import Path
from typing import Any

import pytest

from tests.unit.smtp.service import serving

DIALOGS = Path(__file__).parents[2] / "dialogs"


def unescape(text: str) -> bytes:
    return text.encode("latin-1", "backslashreplace").decode("unicode_escape").encode("latin-1")


def settings(lines: list[str]) -> dict[str, Any]:
    pairs = [line[2:].split() for line in lines if line.startswith("! ")]
    return {name: int(value) if value.isdigit() else value for name, value in pairs}


async def play(lines: list[str]) -> None:
    expected = []
    async with serving(**settings(lines)) as service:
        peer = await service.connect()
        for number, line in enumerate(lines, 1):
            sign, text = line[:3], line[3:]
            where = f"line {number}: {line}"
            match sign:
                case "-> ":
                    peer.send(text.encode() + b"\r\n")
                case "=> ":
                    peer.send(unescape(text))
                case "-| ":
                    peer.writer.write_eof()
                case "<- ":
                    assert await peer.line() == text, where
                case "<~ ":
                    assert re.fullmatch(text, await peer.line()), where
                case "<| ":
                    assert await peer.closed(), where
                case "== ":
                    expected.append(text)
                case _:
                    assert line[:2] in ("", "# ", "! "), where
        peer.writer.write_eof()
        assert await peer.closed(), "the listener says more than the script"
        stored = [
            f"{envelope.reverse_path} > {', '.join(envelope.forward_paths)} : {raw!r}"
            for envelope, raw in service.mails
        ]
    assert stored == [f"{head} : {unescape(mail)!r}" for head, _, mail in (text.partition(" : ") for text in expected)]


@pytest.mark.parametrize("name", sorted(path.name for path in DIALOGS.glob("*.txt")))
def test_dialog(name: str) -> None:
    asyncio.run(play((DIALOGS / name).read_text(encoding="utf-8").splitlines()))
