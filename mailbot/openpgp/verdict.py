"""gpg's status lines as verdict values: the strict reading that everything else relies on.

Only status lines count, never the exit code alone and never what gpg says to people (but for one remark, see
`_passphrase`). A good verdict needs every line that a good message has and none that it has not; whatever was not
foreseen comes out as an error. The words are explained in GnuPG's doc/DETAILS.
"""

import re
from collections.abc import Iterable
from datetime import UTC, datetime

from mailbot.openpgp.process import GpgUnusable, Result, Status
from mailbot.service.ports import Decryption, Opened, Signature, Verdict

HIDDEN = "0000000000000000"
"""The key id of a recipient who is not named (RFC 4880 5.1)."""

# RFC 4880 9.4: MD5, SHA-1 and RIPEMD-160 have collisions, or are too short to be safe from them.
_WEAK_DIGESTS = frozenset({"1", "2", "3"})
# Signatures over a document, binary or text (RFC 4880 5.2.1); anything else was made about something else.
_DOCUMENT_CLASSES = frozenset({"00", "01"})
_OUTCOMES = frozenset({"GOODSIG", "EXPSIG", "EXPKEYSIG", "REVKEYSIG", "BADSIG", "ERRSIG"})
_FINGERPRINT = re.compile(r"[0-9A-F]{40}|[0-9A-F]{64}")
_KEY_ID = re.compile(r"[0-9A-F]{16}")
# What an encrypted message gives, in this order and nothing twice.
_FRAME = ["BEGIN_DECRYPTION", "DECRYPTION_INFO", "PLAINTEXT", "DECRYPTION_OKAY", "GOODMDC", "END_DECRYPTION"]
# Where gpg notes that a passphrase did not fit a message.
_WRONG_GUESS = ("symkey_decrypt.maybe_error",)
# Where gpg complains of more than one message in one.
_SEVERAL = frozenset({("decryption.early_plaintext",), ("proc_pkt.plaintext",)})
# Lines that a good signature never comes with.
_TROUBLE = frozenset({"ERROR", "FAILURE", "UNEXPECTED", "NODATA", "NO_PUBKEY", "KEYREVOKED"})

# libgpg-error codes (the low 16 bits of the number in ERROR and FAILURE lines).
_LOCKED = "the group's key has a passphrase; name its file in openpgp.passphrase_file"
_LOCKED_OTHERWISE = "the passphrase of the group's key is wrong; see openpgp.passphrase_file"
_UNUSABLE_CODES = {
    11: _LOCKED_OTHERWISE,
    77: "gpg-agent does not run and could not be started",
    78: "gpg-agent failed",
    85: _LOCKED,
    87: _LOCKED_OTHERWISE,
    99: _LOCKED,
    177: _LOCKED,
    198: _LOCKED,
    16383: "gpg-agent hung up",
}
_ASSUAN_CODES = range(256, 512)
_SYSTEM_ERROR = 0x8000


def signature(result: Result) -> Signature:
    """The verdict on the one signature of a message; `UNSIGNED` if there is none."""
    outcomes = [line for line in result.status if line.keyword in _OUTCOMES]
    made = len(result.all("NEWSIG"))
    if result.overflow:
        return Signature(Verdict.ERROR)
    if not outcomes and not made:
        return Signature()
    if len(outcomes) > 1 or made > 1:
        return Signature(Verdict.SEVERAL)
    if not outcomes:
        return Signature(Verdict.ERROR)
    outcome = outcomes[0]
    key_id = outcome.args[0] if outcome.args and _KEY_ID.fullmatch(outcome.args[0]) else ""
    valid = result.all("VALIDSIG")
    if outcome.keyword in ("BADSIG", "ERRSIG"):
        verdict = Verdict.BAD if outcome.keyword == "BADSIG" else _unchecked(outcome)
        return Signature(verdict, key_id=key_id) if not valid else Signature(Verdict.ERROR, key_id=key_id)
    if len(valid) != 1 or not key_id:
        return Signature(Verdict.ERROR, key_id=key_id)
    return _checked(result, outcome, valid[0].args, key_id)


def _checked(result: Result, outcome: Status, valid: tuple[str, ...], key_id: str) -> Signature:
    """A signature that is mathematically right: `valid` are the fields of VALIDSIG."""
    if len(valid) < 10 or not _FINGERPRINT.fullmatch(valid[0]) or not _FINGERPRINT.fullmatch(valid[9]):
        return Signature(Verdict.ERROR, key_id=key_id)
    signed_with, signed_at, digest, kind, primary = valid[0], _time(valid[2]), valid[7], valid[8], valid[9]
    # A version 4 key id is the end of the fingerprint, a later one its beginning (RFC 9580 5.5.4).
    if signed_at is None or key_id not in (signed_with[-16:], signed_with[:16]):
        return Signature(Verdict.ERROR, key_id=key_id)
    if outcome.keyword == "REVKEYSIG":
        verdict = Verdict.REVOKED
    elif outcome.keyword in ("EXPKEYSIG", "EXPSIG"):
        verdict = Verdict.EXPIRED
    elif digest in _WEAK_DIGESTS:
        verdict = Verdict.WEAK
    elif not _clean_exit(result) or kind not in _DOCUMENT_CLASSES or result.has(*_TROUBLE):
        verdict = Verdict.ERROR
    else:
        verdict = Verdict.GOOD
    return Signature(verdict, primary, key_id, signed_at)


def _clean_exit(result: Result) -> bool:
    """Whether the exit code says that nothing went wrong.

    gpg tries our key on every recipient that is not named, and counts each who is somebody else as an error (code 2).
    """
    others_hidden = any(line.args == (HIDDEN,) for line in result.all("NO_SECKEY")) and result.has("DECRYPTION_OKAY")
    return result.returncode == 0 or (result.returncode == 2 and others_hidden)


def _unchecked(outcome: Status) -> Verdict:
    """ERRSIG: key id, key algorithm, digest algorithm, class, time, reason[, fingerprint]."""
    digest, reason = [*outcome.args, *[""] * 6][2:6:3]
    if reason == "9":
        return Verdict.NO_KEY
    if digest in _WEAK_DIGESTS:
        return Verdict.WEAK
    return Verdict.ERROR


def decryption(result: Result) -> Decryption:
    """What became of a message that was given to ``gpg --decrypt``. Raises `GpgUnusable` if it is not to blame."""
    key_ids = tuple(dict.fromkeys(line.args[0] for line in result.all("ENC_TO") if line.args))
    symmetric = _passphrase(result)
    if result.overflow:
        return Decryption(Opened.TOO_LARGE, key_ids=key_ids, symmetric=symmetric)
    outcome = _outcome(result, bool(key_ids) or symmetric)
    if outcome not in (Opened.DECRYPTED, Opened.NOT_ENCRYPTED):
        return Decryption(outcome, key_ids=key_ids, symmetric=symmetric)
    return Decryption(outcome, result.output, signature(result), key_ids, symmetric)


def _outcome(result: Result, encrypted: bool) -> Opened:
    if result.has("DECRYPTION_FAILED", "BADMDC"):
        # With DECRYPTION_INFO the session key was there, and what failed is the content.
        if result.has("BADMDC"):
            return Opened.TAMPERED
        if any(line.args[:1] in _SEVERAL for line in result.all("ERROR")):
            return Opened.BROKEN
        if result.has("DECRYPTION_INFO") and not _wrong_guess(result):
            return Opened.TAMPERED
        raise_if_unusable(line for line in result.all("ERROR") if line.args[:1] != _WRONG_GUESS)
        broken = any(line.args[:1] == ("pkdecrypt_failed",) for line in result.all("ERROR"))
        return Opened.BROKEN if broken else Opened.NO_KEY
    if len(result.all("PLAINTEXT")) != 1 or result.has("ERROR", "UNEXPECTED", "NODATA"):
        return Opened.BROKEN
    if any(line.args[:1] != ("gpg-exit",) for line in result.all("FAILURE")):
        return Opened.BROKEN
    words = [line.keyword for line in result.status if line.keyword in _FRAME]
    if words == ["PLAINTEXT"] and not encrypted:
        return Opened.NOT_ENCRYPTED
    if words != _FRAME:
        return Opened.BROKEN
    return Opened.DECRYPTED if _protected(result.all("DECRYPTION_INFO")[0]) else Opened.TAMPERED


def _protected(info: Status) -> bool:
    """DECRYPTION_INFO: integrity protection method, cipher[, AEAD algorithm]; 0 for none."""
    method, _, aead = [*info.args, "", "", ""][:3]
    return method in ("1", "2") or (aead.isdigit() and aead != "0")


def _passphrase(result: Result) -> bool:
    """Whether the message can be opened with a passphrase.

    Where a public key did it first, gpg says so only to people; a wrong answer here decides nothing.
    """
    remark = re.search(r"(?m)^gpg: encrypted with \d+ passphrase", result.notes)
    return result.has("NEED_PASSPHRASE_SYM") or remark is not None


def _wrong_guess(result: Result) -> bool:
    """gpg tried the group's own passphrase on a message that a stranger encrypted with another one."""
    return any(line.args[:1] == _WRONG_GUESS for line in result.all("ERROR"))


def raise_if_unusable(lines: Iterable[Status]) -> None:
    """Raise `GpgUnusable` if one of these ERROR or FAILURE lines says that gpg, its agent or the key's passphrase is
    the cause, and not the mail."""
    for line in lines:
        code = _code(line.args[1]) if len(line.args) > 1 else 0
        if code in _UNUSABLE_CODES:
            raise GpgUnusable(_UNUSABLE_CODES[code])
        if code in _ASSUAN_CODES or code & _SYSTEM_ERROR:
            raise GpgUnusable(f"gpg-agent could not be talked to (error {code})")


def _code(text: str) -> int:
    digits = re.match(r"\d{1,10}", text)
    code = int(digits[0]) & 0xFFFF if digits else 0
    # All bits set is gpg's "no error code".
    return 0 if code == 0xFFFF else code


def _time(text: str) -> datetime | None:
    """Seconds since 1970, or ISO 8601 without separators (DETAILS allows both)."""
    try:
        if "T" in text:
            return datetime.strptime(text, "%Y%m%dT%H%M%S").replace(tzinfo=UTC)
        return datetime.fromtimestamp(int(text), UTC)
    except (ValueError, OverflowError, OSError):
        return None
