"""What mailbot makes of gpg's answers, whatever gpg answers: `opening`, `carried_keys`, `verdict` and `listing`."""

import random
from collections.abc import Callable
from datetime import UTC, datetime

from mailbot.errors import TemporaryError
from mailbot.mail.author import authors
from mailbot.mail.parse import OverLimit, parse
from mailbot.openpgp import listing, verdict
from mailbot.openpgp.process import Result, _parse
from mailbot.service import carried_keys, opening
from mailbot.service.ports import Decryption, KeyInfo, Opened, Signature, Verdict
from tests.fuzz.seeds import LISTING, STATUS_LINES
from tests.parser_twin import InProcessParser
from tests.twins import FakeOpenPGP

AT = datetime(2026, 1, 1, tzinfo=UTC)
FINGERPRINT = "0123456789ABCDEF0123456789ABCDEF01234567"


class AnyAnswer(FakeOpenPGP):
    """gpg as somebody who answers at random; what was inside an encryption is another mutated mail."""

    def __init__(self, chance: random.Random, mutated: Callable[[random.Random], bytes]) -> None:
        super().__init__()
        self._chance = chance
        self._mutated = mutated
        self.asked = 0
        self.unpacked = 0

    def decrypt(self, ciphertext: bytes) -> Decryption:
        self.asked += 1
        outcome = self._chance.choice([Opened.DECRYPTED, Opened.DECRYPTED, *Opened])
        plaintext = None
        if outcome in (Opened.DECRYPTED, Opened.NOT_ENCRYPTED):
            plaintext = self._mutated(self._chance)
            self.unpacked += len(plaintext)
        key_ids = ("0" * 16, FINGERPRINT[-16:])[: self._chance.randrange(3)]
        return Decryption(outcome, plaintext, self._signature(), key_ids, self._chance.random() < 0.1)

    def verify(self, signed: bytes, signature: bytes) -> Signature:
        self.asked += 1
        return self._signature()

    def scan(self, data: bytes) -> list[KeyInfo]:
        secret = self._chance.random() < 0.1
        key = KeyInfo(FINGERPRINT, ("Ann <ann@example.com>", "\u202e"), "ed25519", AT, None, None, False, True, secret)
        return [key] * self._chance.randrange(3)

    def minimal(self, data: bytes, fingerprint: str) -> str:
        return "-----BEGIN PGP PUBLIC KEY BLOCK-----"

    def _signature(self) -> Signature:
        found = self._chance.choice(list(Verdict))
        known = found in (Verdict.GOOD, Verdict.EXPIRED, Verdict.REVOKED, Verdict.WEAK)
        return Signature(found, FINGERPRINT if known else "", FINGERPRINT[-16:], AT if known else None)


def read(raw: bytes, chance: random.Random, mutated: Callable[[random.Random], bytes]) -> None:
    _mail(raw, AnyAnswer(chance, mutated))
    _status(chance)
    _listing(chance)


def _mail(raw: bytes, openpgp: AnyAnswer) -> None:
    try:
        outer = parse(raw)
    except OverLimit:
        return
    content = opening.opened(raw, outer, InProcessParser(), openpgp)
    if openpgp.asked > opening.CALLS + 1:
        raise AssertionError(f"gpg was asked {openpgp.asked} times")
    if sum(len(piece.data) for piece in content.pieces) > 2 * openpgp.unpacked + 1_000 * len(content.pieces):
        raise AssertionError("more goes along than was unpacked")
    if content.signature.good and content.unreadable and not content.layers and not content.loose:
        raise AssertionError("a good signature over nothing")
    if content.opened == "" and any(one.opened for one in content.walk()):
        raise AssertionError("something was encrypted, and the mail is said to have come in clear")
    if any("\n" in remark for remark in content.remarks):
        raise AssertionError("a remark with a line end")
    _ = content.protected
    author = next((one.address for one in authors(outer)), "")
    for key in carried_keys.look(content, outer, author, openpgp, AT).keys:
        if key.fingerprint != FINGERPRINT:
            raise AssertionError("a key that nobody found")


def _status(chance: random.Random) -> None:
    """gpg's status lines, in any number and order, with words missing, doubled and changed."""
    lines = [_spoilt(chance.choice(STATUS_LINES), chance) for _ in range(chance.randrange(12))]
    result = Result(
        chance.choice((0, 0, 1, 2)), _parse("\n".join(lines)), b"output", chance.random() < 0.05,
        chance.choice(("", "gpg: encrypted with 1 passphrase\n")),
    )  # fmt: skip
    signature = verdict.signature(result)
    if signature.good and not (result.has("GOODSIG") and result.has("VALIDSIG") and len(signature.fingerprint) >= 40):
        raise AssertionError("good, and nothing says so")
    try:
        found = verdict.decryption(result)
    except TemporaryError:
        return
    if found.plaintext is not None and (result.has("DECRYPTION_FAILED", "BADMDC") or result.overflow):
        raise AssertionError("plaintext of something that was tampered with")
    if found.outcome is Opened.DECRYPTED and not result.has("GOODMDC"):
        raise AssertionError("decrypted, and nothing says that it is whole")


def _spoilt(line: str, chance: random.Random) -> str:
    words = line.split(" ")
    if chance.random() < 0.3:
        at = chance.randrange(1, len(words))
        words[at : at + 1] = chance.choice(([], [words[at]] * 2, ["0"], ["\u0661"], ["x" * 40], ["-1"], ["9" * 30]))
    return " ".join(words)


def _listing(chance: random.Random) -> None:
    data = bytearray(LISTING)
    for _ in range(chance.randrange(6)):
        at = chance.randrange(len(data))
        data[at : at + chance.randrange(4)] = chance.choice((b"", b":", b"\n", b"\\x", b"\xff", b"9" * 30, b"e"))
    for info in listing.infos(listing.parse(bytes(data)), AT):
        info.usable(AT)
