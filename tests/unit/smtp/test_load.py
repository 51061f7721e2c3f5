"""The benchmark's load client sends what it says, so that its figures mean something."""

import asyncio

import pytest

from mailbot.mail.envelope import Envelope
from tests.bench.load import Load, mail
from tests.unit.smtp.service import Protocol, serving


@pytest.mark.parametrize("size", [200, 201, 202, 1000, 20_000])
def test_a_mail_has_the_size_asked_for(size: int) -> None:
    body = mail(size).removesuffix(b".\r\n")
    assert abs(len(body) - size) <= 1
    assert body.count(b"\n") == body.count(b"\r\n") == body.count(b"\r")


@pytest.mark.parametrize("pipelining", [True, False])
@pytest.mark.parametrize("protocol", ["smtp", "lmtp"])
def test_the_load_counts_the_mails_that_were_stored(protocol: Protocol, pipelining: bool) -> None:
    async def scenario() -> None:
        async with serving(protocol=protocol) as service:
            load = Load(2000, "r@example.net", "security@example.org", pipelining, protocol == "lmtp")
            result = await load.run("127.0.0.1", service.port, 3, warm_up=0.0, seconds=10.0, mails=30)
            assert (result.mails, result.failed) == (30, 0)
            assert result.answered == len(service.mails)
            assert {len(raw) for _, raw in service.mails} == {2000}

    asyncio.run(scenario())


def test_the_load_stops_at_the_first_refusal() -> None:
    async def refuse(envelope: Envelope, raw: bytes) -> int:
        raise OSError

    async def scenario() -> None:
        async with serving(accept=refuse) as service:
            load = Load(2000, "r@example.net", "security@example.org", pipelining=True, lmtp=False)
            result = await load.run("127.0.0.1", service.port, 2, warm_up=0.0, seconds=10.0, mails=30)
            assert result.mails == 0
            assert result.failed in (1, 2)

    asyncio.run(scenario())
