"""Reading status lines, without gpg: what no gpg writes must not be taken for good either."""

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailbot.openpgp import verdict
from mailbot.openpgp.process import GpgUnusable, Result, _parse
from mailbot.service.ports import Opened, Signature, Verdict

PRIMARY = "0EB536A87B18FB139DE3502D01AF229DDFCAC88D"
SUB = "3411DC2338909B4895DB4D66B8B52883C44C4486"
GOODSIG = f"GOODSIG {PRIMARY[-16:]} Alice <alice@members.example>"
VALIDSIG = f"VALIDSIG {PRIMARY} 2026-11-24 1795532791 0 4 0 22 10 00 {PRIMARY}"
GOOD = ["NEWSIG", f"KEY_CONSIDERED {PRIMARY} 0", "SIG_ID PvpavixSZsbomvh5RKc 2026-11-24 1795532791", GOODSIG, VALIDSIG]
OPENED = [
    "ENC_TO 7BAA22CBDE1D5400 18 0",
    f"DECRYPTION_KEY 397F2911050E6B8F9E4706A27BAA22CBDE1D5400 {PRIMARY} u",
    "BEGIN_DECRYPTION",
    "DECRYPTION_INFO 2 9 0",
    "PLAINTEXT 62 1795532791 ",
    "PLAINTEXT_LENGTH 6",
    "DECRYPTION_OKAY",
    "GOODMDC",
    "END_DECRYPTION",
]
LITERAL = ["PLAINTEXT 62 1795532793 ", "PLAINTEXT_LENGTH 6"]


def result(*lines: str, code: int = 0, output: bytes = b"hello\n", notes: str = "") -> Result:
    return Result(code, _parse("".join(f"[GNUPG:] {line}\n" for line in lines)), output, notes=notes)


def test_a_good_signature() -> None:
    assert verdict.signature(result(*GOOD)) == Signature(
        Verdict.GOOD, PRIMARY, PRIMARY[-16:], datetime(2026, 11, 24, 15, 6, 31, tzinfo=UTC)
    )


def test_a_sub_keys_signature_counts_for_its_primary_key() -> None:
    lines = [f"GOODSIG {SUB[-16:]} Alice", f"VALIDSIG {SUB} 2026-11-24 20261124T150631 0 4 0 22 8 01 {PRIMARY}"]
    assert verdict.signature(result("NEWSIG", *lines)) == Signature(
        Verdict.GOOD, PRIMARY, SUB[-16:], datetime(2026, 11, 24, 15, 6, 31, tzinfo=UTC)
    )


def _valid(position: int, value: str) -> str:
    words = VALIDSIG.split(" ")
    words[position] = value
    return " ".join(words)


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ([], Verdict.UNSIGNED),
        (["NEWSIG"], Verdict.ERROR),
        (["NEWSIG", GOODSIG], Verdict.ERROR),
        (["NEWSIG", VALIDSIG], Verdict.ERROR),
        (["NEWSIG", "GOODSIG", VALIDSIG], Verdict.ERROR),
        (["NEWSIG", "GOODSIG 1234 Alice", VALIDSIG], Verdict.ERROR),
        (["NEWSIG", f"GOODSIG {SUB[-16:]} Alice", VALIDSIG], Verdict.ERROR),
        (["NEWSIG", GOODSIG, "VALIDSIG"], Verdict.ERROR),
        (["NEWSIG", GOODSIG, VALIDSIG.rsplit(" ", 1)[0]], Verdict.ERROR),
        (["NEWSIG", GOODSIG, _valid(1, PRIMARY[-16:])], Verdict.ERROR),
        (["NEWSIG", GOODSIG, _valid(10, PRIMARY[-16:])], Verdict.ERROR),
        (["NEWSIG", GOODSIG, _valid(10, PRIMARY.lower())], Verdict.ERROR),
        (["NEWSIG", GOODSIG, _valid(3, "never")], Verdict.ERROR),
        (["NEWSIG", GOODSIG, _valid(3, "9" * 30)], Verdict.ERROR),
        (["NEWSIG", GOODSIG, _valid(9, "10")], Verdict.ERROR),
        (["NEWSIG", GOODSIG, _valid(9, "13")], Verdict.ERROR),
        (["NEWSIG", GOODSIG, _valid(8, "1")], Verdict.WEAK),
        (["NEWSIG", GOODSIG, _valid(8, "2")], Verdict.WEAK),
        (["NEWSIG", GOODSIG, VALIDSIG, VALIDSIG], Verdict.ERROR),
        (["NEWSIG", "NEWSIG", GOODSIG, VALIDSIG], Verdict.SEVERAL),
        ([*GOOD, *GOOD], Verdict.SEVERAL),
        ([*GOOD, "NEWSIG", f"BADSIG {SUB[-16:]} Bob"], Verdict.SEVERAL),
        ([*GOOD, f"ERRSIG {SUB[-16:]} 22 10 00 1795532791 9 {SUB}", "NO_PUBKEY X"], Verdict.SEVERAL),
        ([*GOOD, "NO_PUBKEY B8B52883C44C4486"], Verdict.ERROR),
        ([*GOOD, "FAILURE verify 38"], Verdict.ERROR),
        ([*GOOD, "UNEXPECTED 0"], Verdict.ERROR),
        ([*GOOD, "ERROR proc_pkt.plaintext 89_BAD_DATA"], Verdict.ERROR),
        (["NEWSIG", f"BADSIG {PRIMARY[-16:]} Alice"], Verdict.BAD),
        (["NEWSIG", f"BADSIG {PRIMARY[-16:]} Alice", VALIDSIG], Verdict.ERROR),
        (["NEWSIG", f"EXPSIG {PRIMARY[-16:]} Alice", VALIDSIG], Verdict.EXPIRED),
        (["NEWSIG", f"EXPKEYSIG {PRIMARY[-16:]} Alice", VALIDSIG], Verdict.EXPIRED),
        (["NEWSIG", f"REVKEYSIG {PRIMARY[-16:]} Alice", VALIDSIG], Verdict.REVOKED),
        (["NEWSIG", f"REVKEYSIG {PRIMARY[-16:]} Alice"], Verdict.ERROR),
        (["NEWSIG", f"ERRSIG {SUB[-16:]} 22 10 00 1795532791 9 {SUB}"], Verdict.NO_KEY),
        (["NEWSIG", f"ERRSIG {SUB[-16:]} 22 10 00 1795532791 4 -"], Verdict.ERROR),
        (["NEWSIG", f"ERRSIG {SUB[-16:]} 1 1 00 1795532791 5 -"], Verdict.WEAK),
        (["NEWSIG", "ERRSIG"], Verdict.ERROR),
    ],
)
def test_anything_less_or_more_is_not_good(lines: list[str], expected: Verdict) -> None:
    assert verdict.signature(result(*lines)).verdict is expected


def test_a_good_signature_needs_exit_code_0_unless_other_recipients_are_hidden() -> None:
    hidden, named = f"NO_SECKEY {verdict.HIDDEN}", "NO_SECKEY 7BAA22CBDE1D5400"
    assert verdict.signature(result(*GOOD, code=2)).verdict is Verdict.ERROR
    assert verdict.signature(result(hidden, *GOOD, code=2)).verdict is Verdict.ERROR
    assert verdict.signature(result(named, *GOOD, *OPENED, code=2)).verdict is Verdict.ERROR
    assert verdict.signature(result(hidden, *GOOD, *OPENED, code=2)).good
    assert verdict.signature(result(hidden, *GOOD, *OPENED, code=1)).verdict is Verdict.ERROR


def test_a_fingerprint_is_given_only_for_a_key_that_checked_the_signature() -> None:
    for line in (f"BADSIG {PRIMARY[-16:]} Alice", f"ERRSIG {PRIMARY[-16:]} 22 10 00 1 9 {PRIMARY}"):
        found = verdict.signature(result("NEWSIG", line))
        assert found.fingerprint == ""
        assert found.key_id == PRIMARY[-16:]


def test_an_opened_message() -> None:
    found = verdict.decryption(result(*OPENED))
    assert (found.outcome, found.plaintext, found.key_ids) == (Opened.DECRYPTED, b"hello\n", ("7BAA22CBDE1D5400",))


@pytest.mark.parametrize("missing", range(2, len(OPENED)))
def test_an_opened_message_misses_none_of_its_lines(missing: int) -> None:
    lines = [line for number, line in enumerate(OPENED) if number != missing]
    found = verdict.decryption(result(*lines))
    harmless = OPENED[missing].startswith("PLAINTEXT_LENGTH")
    assert (found.outcome is Opened.DECRYPTED) is harmless
    assert (found.plaintext is None) is not harmless


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ([], Opened.BROKEN),
        (["NODATA 1", "NODATA 2", "FAILURE decrypt 4294967295"], Opened.BROKEN),
        (LITERAL, Opened.NOT_ENCRYPTED),
        ([*LITERAL, *LITERAL], Opened.BROKEN),
        ([*LITERAL, "ERROR proc_pkt.plaintext 89_BAD_DATA"], Opened.BROKEN),
        ([*LITERAL, *OPENED], Opened.BROKEN),
        ([*OPENED, *LITERAL], Opened.BROKEN),
        ([*OPENED, *OPENED], Opened.BROKEN),
        (["ENC_TO 7BAA22CBDE1D5400 18 0", *LITERAL], Opened.BROKEN),
        (["NEED_PASSPHRASE_SYM 9 3 2", *LITERAL], Opened.BROKEN),
        ([line.replace("INFO 2 9 0", "INFO 0 9 0") for line in OPENED], Opened.TAMPERED),
        ([line.replace("INFO 2 9 0", "INFO 0 9 2") for line in OPENED], Opened.DECRYPTED),
        ([line.replace("INFO 2 9 0", "INFO") for line in OPENED], Opened.TAMPERED),
        ([*OPENED[:6], "BADMDC", "DECRYPTION_FAILED", "END_DECRYPTION"], Opened.TAMPERED),
        ([*OPENED, "DECRYPTION_FAILED"], Opened.TAMPERED),
        ([*OPENED, "BADMDC"], Opened.TAMPERED),
        ([*OPENED, "UNEXPECTED 0"], Opened.BROKEN),
        ([*OPENED, "FAILURE gpg-exit 33554433"], Opened.DECRYPTED),
        ([*OPENED, "FAILURE decrypt 38"], Opened.BROKEN),
        ([OPENED[0], "NO_SECKEY X", "BEGIN_DECRYPTION", "DECRYPTION_FAILED", "END_DECRYPTION"], Opened.NO_KEY),
        ([OPENED[0], "ERROR pkdecrypt_failed 16777226", "DECRYPTION_FAILED"], Opened.BROKEN),
        (["NEED_PASSPHRASE_SYM 9 3 2", "CANCELED_BY_USER", "DECRYPTION_FAILED"], Opened.NO_KEY),
        (
            [
                "NEED_PASSPHRASE_SYM 9 3 2",
                "DECRYPTION_INFO 2 9 0",
                "ERROR symkey_decrypt.maybe_error 11_BAD_PASSPHRASE",
                "DECRYPTION_FAILED",
            ],
            Opened.NO_KEY,
        ),
    ],
)
def test_every_outcome(lines: list[str], expected: Opened) -> None:
    found = verdict.decryption(result(*lines))
    assert found.outcome is expected
    assert (found.plaintext is not None) is (expected in (Opened.DECRYPTED, Opened.NOT_ENCRYPTED))


@pytest.mark.parametrize(
    "code", [67108875, 67108941, 67108942, 67108949, 67108963, 33570815, 33587309, 67109127, 67141664]
)
def test_the_agents_troubles_are_no_verdict(code: int) -> None:
    with pytest.raises(GpgUnusable):
        verdict.decryption(result(OPENED[0], f"ERROR pkdecrypt_failed {code}", "DECRYPTION_FAILED"))


def test_key_ids_stand_once_each_in_order() -> None:
    lines = [f"ENC_TO {key_id} 18 0" for key_id in ("B" * 16, verdict.HIDDEN, "B" * 16, verdict.HIDDEN)]
    assert verdict.decryption(result(*lines, "DECRYPTION_FAILED")).key_ids == ("B" * 16, verdict.HIDDEN)


def test_a_passphrase_that_was_not_needed_is_told_too() -> None:
    assert verdict.decryption(result(*OPENED, notes="gpg: encrypted with 1 passphrase\n")).symmetric
    assert not verdict.decryption(result(*OPENED, notes='x "gpg: encrypted with 1 passphrase"\n')).symmetric


WORDS = [line.split(" ")[0] for line in (*GOOD, *OPENED)]
KEYWORDS = st.sampled_from(
    [
        *WORDS,
        "BADSIG",
        "ERRSIG",
        "EXPSIG",
        "REVKEYSIG",
        "NO_PUBKEY",
        "FAILURE",
        "ERROR",
        "NODATA",
        "BADMDC",
        "NO_SECKEY",
    ]
)
ARGUMENTS = st.lists(
    st.one_of(st.sampled_from([PRIMARY, SUB, PRIMARY[-16:], SUB[-16:], "0", "2", "00", "pkdecrypt_failed"]), st.text()),
    max_size=11,
)
LINES = st.one_of(
    st.sampled_from([*GOOD, *OPENED, *LITERAL]),
    st.builds(lambda keyword, arguments: " ".join([keyword, *arguments]), KEYWORDS, ARGUMENTS),
    st.text(),
)
RESULTS = st.builds(
    lambda lines, code, notes: result(*lines, code=code, notes=notes),
    st.lists(LINES, max_size=20),
    st.sampled_from([0, 1, 2]),
    st.text(),
)


@settings(deadline=None)
@given(RESULTS)
def test_no_text_makes_a_signature_raise_or_good_without_its_lines(made: Result) -> None:
    found = verdict.signature(made)
    if found.good:
        (good,), (valid,) = made.all("GOODSIG"), made.all("VALIDSIG")
        assert made.returncode == 0 or (made.returncode == 2 and made.has("NO_SECKEY"))
        assert valid.args[0].endswith(good.args[0]) or valid.args[0].startswith(good.args[0])
        assert found.fingerprint == valid.args[9]
        assert len(found.fingerprint) in (40, 64)
        assert len(made.all("NEWSIG")) <= 1
        assert not made.has("BADSIG", "ERRSIG", "EXPSIG", "EXPKEYSIG", "REVKEYSIG", "NO_PUBKEY")


@settings(deadline=None)
@given(RESULTS)
def test_no_text_makes_a_decryption_raise_or_open_without_its_lines(made: Result) -> None:
    try:
        found = verdict.decryption(made)
    except GpgUnusable:
        assert made.has("ERROR")
        return
    if found.outcome is Opened.DECRYPTED:
        assert made.has("DECRYPTION_OKAY")
        assert made.has("GOODMDC")
        assert not made.has("DECRYPTION_FAILED", "BADMDC", "ERROR", "NODATA", "UNEXPECTED")
    if found.plaintext is not None:
        assert len(made.all("PLAINTEXT")) == 1
        assert found.outcome in (Opened.DECRYPTED, Opened.NOT_ENCRYPTED)
    else:
        assert found.signature.verdict is Verdict.UNSIGNED


@settings(deadline=None)
@given(st.lists(st.sampled_from([*GOOD, *OPENED]), max_size=3), st.integers(0, len(GOOD)))
def test_a_good_signature_stays_good_only_without_a_second_one(extra: list[str], place: int) -> None:
    lines = [*GOOD[:place], *extra, *GOOD[place:]]
    counted = [sum(line.split(" ")[0] == word for line in lines) for word in ("NEWSIG", "GOODSIG", "VALIDSIG")]
    assert verdict.signature(result(*lines)).good is (counted == [1, 1, 1])
