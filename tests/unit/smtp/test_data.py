"""`Data` against a slow, obvious reading of RFC 5321, and at each of its limits."""

import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailbot.smtp.data import Data, Refused
from mailbot.smtp.limits import Budget, Limits

LIMITS = Limits(max_size=60, line=20, received=2)
SMALL = st.lists(
    st.sampled_from([b"\r\n", b"\r", b"\n", b".", b"..", b"a", b"\0", b"Received:", b"\r\n.\r\n", b"bcdefghij"]),
    max_size=14,
).map(b"".join)


def received(stream: bytes, sizes: list[int] | None = None, limits: Limits = LIMITS, budget: int = 10**9) -> Data:
    """Feed `stream` in chunks of `sizes` (the rest in one) until the data is finished."""
    data = Data(limits, Budget(budget))
    for size in [*(sizes or []), len(stream)]:
        if data.finished or data.flooded:
            break
        data.feed(stream[:size])
        stream = stream[size:]
    data.rest += stream
    return data


def outcome(data: Data) -> tuple[object, ...] | None:
    if data.flooded:
        return None
    assert data.finished
    return (data.refusal, None if data.refusal else data.take(), data.size, data.rest)


def obvious(stream: bytes, limits: Limits) -> tuple[object, ...] | None:
    """The same by splitting into lines, for a stream that is all there."""
    before, _, rest = (b"\r\n" + stream).partition(b"\r\n.\r\n")
    if len(stream) - len(rest) > 2 * limits.max_size:
        return None
    lines = (before + b"\r\n").split(b"\r\n")[1:-1]
    lines = [line.removeprefix(b".") for line in lines]
    mail = b"".join(line + b"\r\n" for line in lines)
    header = lines[: lines.index(b"")] if b"" in lines else lines
    if len(mail) > limits.max_size:
        refused = Refused.OVER_SIZE
    elif any(b"\r" in line or b"\n" in line for line in lines):
        refused = Refused.BARE_LINE_END
    elif b"\0" in mail:
        refused = Refused.NUL
    elif any(len(line) > limits.line for line in lines):
        refused = Refused.LONG_LINE
    elif sum(line.lower().startswith(b"received:") for line in header) > limits.received:
        refused = Refused.LOOP
    else:
        return (None, mail, len(mail), rest)
    return (refused.value, None, len(mail), rest)


@given(stream=SMALL, tail=SMALL, sizes=st.lists(st.integers(0, 12)))
def test_the_outcome_is_that_of_the_rfc_however_the_stream_is_cut(stream: bytes, tail: bytes, sizes: list[int]) -> None:
    whole = stream + b"\r\n.\r\n" + tail
    assert outcome(received(whole, sizes)) == obvious(whole, LIMITS)


@given(
    mail=st.binary(max_size=300).map(
        lambda text: text.replace(b"\0", b".").replace(b"\r", b".").replace(b"\n", b"\r\n")
    )
)
def test_dot_stuffing_is_undone_byte_for_byte(mail: bytes) -> None:
    mail += b"\r\n"
    stuffed = mail.replace(b"\r\n.", b"\r\n..")
    stuffed = b"." + stuffed if stuffed.startswith(b".") else stuffed
    data = received(stuffed + b".\r\n", limits=Limits())
    assert data.refusal is None
    assert data.take() == mail


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 6, 7, 64])
def test_the_end_mark_is_found_across_chunks(size: int) -> None:
    stream = b"a: b\r\n\r\n..\r\n...x\r\n.\r\nQUIT\r\n"
    data = received(stream, [size] * len(stream), limits=Limits())
    assert data.take() == b"a: b\r\n\r\n.\r\n..x\r\n"
    assert data.rest == b"QUIT\r\n"


def test_an_empty_mail_is_a_mail() -> None:
    data = received(b".\r\n")
    assert (data.refusal, data.take()) == (None, b"")


@pytest.mark.parametrize(
    "variant",
    [
        b"\n.\n",
        b"\n.\r\n",
        b"\r\n.\n",
        b"\r.\r",
        b"\r.\r\n",
        b"\r\n.\r",
        b"\n.\r",
        b"\r.\n",
        b"\r\n.\0\r\n",
        b"\r\n\0.\r\n",
        b"\r\n. \r\n",
    ],
)
def test_a26_only_crlf_dot_crlf_ends_the_data(variant: bytes) -> None:
    stream = b"a: b\r\n\r\none" + variant + b"MAIL FROM:<x>\r\n"
    assert not received(stream, limits=Limits()).finished
    ended = received(stream + b".\r\n", limits=Limits())
    assert ended.finished
    assert ended.rest == b""


@pytest.mark.parametrize("text", [b"a\nb\r\n", b"a\rb\r\n", b"a\r\r\n", b"\n\r\n", b"a: b\r\n\r\nc\n"])
@pytest.mark.parametrize("size", [1, 1000])
def test_a26_a_bare_cr_or_lf_refuses_the_whole_mail(text: bytes, size: int) -> None:
    stream = text + b"\r\n.\r\n"
    assert received(stream, [size] * len(stream)).refusal == Refused.BARE_LINE_END.value


def test_size_counts_without_dot_stuffing_and_end_mark() -> None:
    limits = Limits(max_size=10)
    assert received(b"..\r\n..\r\n1234\r\n.\r\n", limits=Limits(max_size=12)).take() == b".\r\n.\r\n1234\r\n"
    assert received(b"12345678\r\n.\r\n", limits=limits).refusal is None
    assert received(b"123456789\r\n.\r\n", limits=limits).refusal == Refused.OVER_SIZE.value


@pytest.mark.parametrize("sizes", [[], [1] * 70_000, [65_530, 5, 1, 1, 1]])
@pytest.mark.parametrize(("length", "taken"), [(65_536, True), (65_537, False)])
def test_a_line_may_have_65536_bytes(length: int, taken: bool, sizes: list[int]) -> None:
    stream = b"a: b\r\n\r\n" + b"x" * length + b"\r\n" + b"y" * 100 + b"\r\n.\r\n"
    refusal = received(stream, sizes, limits=Limits()).refusal
    assert refusal == (None if taken else Refused.LONG_LINE.value)


@pytest.mark.parametrize("sizes", [[], [1] * 2000, [7] * 300])
@pytest.mark.parametrize(("count", "taken"), [(50, True), (51, False)])
def test_a43_fifty_received_lines_are_the_limit(count: int, taken: bool, sizes: list[int]) -> None:
    stream = b"received: by x\r\n" * (count - 1) + b"a: Received:\r\nReCEIVED:by y\r\n\r\nReceived: z\r\n.\r\n"
    assert received(stream, sizes, limits=Limits()).refusal == (None if taken else Refused.LOOP.value)


def test_received_lines_in_the_body_do_not_count() -> None:
    stream = b"\r\n" + b"Received: by x\r\n" * 200 + b".\r\n"
    assert received(stream, limits=Limits()).refusal is None


def test_a_flood_without_end_is_noticed_and_held_nowhere() -> None:
    budget = Budget(10**9)
    data = Data(Limits(max_size=1000), budget)
    while not data.flooded:
        data.feed(b"x" * 100)
    assert data.wire == 2100
    assert budget.used == 0
    assert data.refusal == Refused.OVER_SIZE.value


def test_the_budget_is_taken_and_given_back() -> None:
    budget = Budget(100)
    first, second = Data(Limits(), budget), Data(Limits(), budget)
    first.feed(b"x" * 60 + b"\r\n.\r\n")
    assert budget.used == 62
    second.feed(b"y" * 60)
    second.feed(b"\r\n.\r\n")
    assert first.refusal is None
    assert second.refusal == Refused.NO_MEMORY.value
    assert budget.used == 62
    second.discard()
    first.discard()
    first.discard()
    assert budget.used == 0


def test_a_refused_mail_gives_no_bytes() -> None:
    with pytest.raises(ValueError, match="refused"):
        received(b"\0\r\n.\r\n").take()


def test_a_large_mail_is_held_once() -> None:
    line = b"QUFB" * 19 + b"\r\n"
    chunk = line * 800
    tracemalloc.start()
    try:
        data = Data(Limits(), Budget(10**9))
        while data.size < 24_000_000:
            data.feed(chunk)
        data.feed(b".\r\n")
        raw = data.take()
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 1.2 * len(raw)
