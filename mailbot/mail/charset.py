"""Bytes to text, whatever label they carry. Never raises and never gives up: at worst some letters are wrong.

Labels are looked up in a fixed table: Python knows codecs that are no character sets (``idna``, ``punycode`` and
``unicode_escape`` run in quadratic time or evaluate escapes), and a mail must not choose those.
"""

import codecs
import re

SAMPLE_BYTES = 20_000
"""How much the guesser sees: it is slow (some 50 ms for this), and more text does not make it surer."""

# Labels by what is left when all but letters and digits is dropped. Latin-1 is read as its superset windows-1252, as
# every browser does (WHATWG Encoding 4.2): mail that says iso-8859-1 and means windows-1252 is common.
_CODECS = {
    **dict.fromkeys(("", "usascii", "ascii", "ansix341968", "646", "iso646us", "us"), "utf-8"),
    **dict.fromkeys(("utf8", "unicode11utf8", "utf8mb4", "unicode", "unknown8bit", "8bit", "binary"), "utf-8"),
    **dict.fromkeys(
        ("iso88591", "88591", "latin1", "iso8859", "l1", "cp819", "ansi", "windows1252", "cp1252"), "cp1252"
    ),
    **dict.fromkeys(("win1252", "xcp1252", "iso88591windows31latin1"), "cp1252"),
    **dict.fromkeys(("iso885915", "latin9", "885915"), "iso8859-15"),
    **dict.fromkeys(("shiftjis", "sjis", "xsjis", "windows31j", "mskanji", "cp932"), "cp932"),
    **dict.fromkeys(("gb2312", "gbk", "xgbk", "cp936", "euccn", "gb18030", "chinese"), "gb18030"),
    **dict.fromkeys(("big5", "xbig5", "cp950", "big5hkscs"), "big5hkscs"),
    **dict.fromkeys(("euckr", "ksc56011987", "ksc5601", "cp949", "uhc", "windows949"), "cp949"),
    **dict.fromkeys(("iso88598i", "iso88598e", "iso88598"), "iso8859-8"),
    **dict.fromkeys(("utf16", "ucs2", "iso10646ucs2"), "utf-16"),
    **dict.fromkeys(("iso2022jp", "csiso2022jp"), "iso2022_jp_ext"),
    **{f"iso8859{number}": f"iso8859-{number}" for number in (2, 3, 4, 5, 6, 7, 9, 10, 11, 13, 14, 16)},
    **{f"latin{number}": f"iso8859-{part}" for number, part in ((2, 2), (3, 3), (4, 4), (5, 9), (6, 10), (10, 16))},
    **{f"windows{number}": f"cp{number}" for number in (1250, 1251, 1253, 1254, 1255, 1256, 1257, 1258, 874)},
    **{f"cp{number}": f"cp{number}" for number in (437, 850, 852, 855, 866, 874, 1250, 1251, 1253, 1254, 1255, 1256)},
    **{f"ibm{number}": f"cp{number}" for number in (437, 850, 852, 855, 866)},
    "iso2022jp2": "iso2022_jp_2",
    "iso2022kr": "iso2022_kr",
    "eucjp": "euc_jp",
    "hzgb2312": "hz",
    "johab": "johab",
    "koi8r": "koi8-r",
    "koi8u": "koi8-u",
    "macintosh": "mac-roman",
    "macroman": "mac-roman",
    "tis620": "tis-620",
    "utf16be": "utf-16-be",
    "utf16le": "utf-16-le",
    "utf32": "utf-32",
    "utf32be": "utf-32-be",
    "utf32le": "utf-32-le",
    "utf7": "utf-7",
    "unicode11utf7": "utf-7",
}
# Single-byte sets accept almost anything; where the bytes are valid UTF-8 all the same, the label is wrong.
_OFTEN_WRONG = frozenset({"cp1252", "iso8859-15"})
_UTF8_FIRST = _OFTEN_WRONG | {"utf-8", None}

# Its five undefined bytes are C1 controls, as in latin-1 (WHATWG); they are made visible later like any other control.
_WINDOWS_1252 = "".join(bytes([byte]).decode("cp1252", "ignore") or chr(byte) for byte in range(256))

_NOISE = re.compile(r"[^a-z0-9]+")


def codec(label: str) -> str | None:
    """The name of Python's codec for a MIME charset label, or None if the label means nothing to us."""
    return _CODECS.get(_NOISE.sub("", label[:64].lower()))


def usually_utf8(label: str) -> bool:
    """True if data under this label is UTF-8 where it can be: labelled so, not at all, wrongly, or in vain."""
    return codec(label) in _UTF8_FIRST


def decode(data: bytes, label: str) -> str:
    """`data` as text: by its label where the bytes allow it, else by guessing. Undecodable bytes become U+FFFD."""
    name = codec(label)
    if name in _UTF8_FIRST:
        try:
            return data.decode("utf-8")
        except UnicodeDecodeError:
            pass
    if name is None or name == "utf-8":
        return _guess(data, labelled="utf" in label.lower())
    return _lenient(data, name)


def decode_header(data: bytes, label: str = "") -> str:
    """The same for the few bytes of a header value, where guessing from statistics is hopeless: UTF-8, else the label,
    else windows-1252."""
    name = codec(label) or "utf-8"
    if name == "utf-8" or name in _OFTEN_WRONG:
        try:
            return data.decode("utf-8")
        except UnicodeDecodeError:
            pass
        if name == "utf-8" and "utf" not in label.lower():
            name = "cp1252"
    return _lenient(data, name)


def _guess(data: bytes, *, labelled: bool) -> str:
    """What statistics say, else windows-1252. With `labelled` it claims to be UTF-8, and a few damaged bytes among many
    good ones do not make it anything else."""
    if labelled:
        text = data.decode("utf-8", "replace")
        sample = text[:SAMPLE_BYTES]
        damaged = sample.count("\ufffd")
        if sum(character > "\x7f" for character in sample) >= 2 * damaged:
            return text
    # Imported here because it costs some 60 ms and one mail in thousands needs it.
    from charset_normalizer import from_bytes

    best = from_bytes(data[:SAMPLE_BYTES]).best()
    return _lenient(data, (codec(best.encoding) if best else None) or "cp1252")


def _lenient(data: bytes, name: str) -> str:
    if name == "cp1252":
        return codecs.charmap_decode(data, "strict", _WINDOWS_1252)[0]
    try:
        return data.decode(name, "replace")
    except (UnicodeError, ValueError):
        # Some multibyte codecs raise on odd input even with "replace".
        return data.decode("latin-1")
