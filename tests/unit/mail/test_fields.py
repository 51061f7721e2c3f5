"""Header fields: what is read back is what was put in, and nothing can smuggle a field of its own."""

from datetime import UTC, datetime, timedelta, timezone
from email import policy
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.parser import BytesParser
from email.utils import parseaddr

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mailbot.mail.fields import Unsendable, address_field, date_field, encoded, header_block, message_ids, one_line

_SENDABLE = st.text(st.characters(exclude_categories=("Cc", "Cs"), exclude_characters="\u2028\u2029"), max_size=400)
_INJECTIONS = [
    "\r\nBcc: x@y.example",
    "\nX: y",
    "\rX: y",
    "\0",
    "\x0b",
    "\x0c",
    "\x1c",
    "\x85",
    "\u2028",
    "\u2029",
    "\t",
]


def parsed(block: bytes) -> EmailMessage:
    return BytesParser(policy=policy.default).parsebytes(block + b"\r\n")


def assert_well_formed(block: bytes) -> None:
    assert block.endswith(b"\r\n")
    assert b"\r" not in block.replace(b"\r\n", b"")
    assert b"\n" not in block.replace(b"\r\n", b"")
    assert block.isascii()
    for line in block.split(b"\r\n")[:-1]:
        assert len(line) <= 998
        assert line.strip()
        assert line == line.rstrip()


@given(_SENDABLE)
@example(" leading and trailing ")
@example("two  spaces " * 20)
@example("=?utf-8?q?already?=")
@example("a" * 5000)
@example("ü" * 500)
@example("\U0001f41b" * 100)
@example("")
def test_a_subject_is_read_back_as_it_was(value: str) -> None:
    block = header_block([("Subject", value), ("To", "a@b.example")])
    assert_well_formed(block)
    # RFC 2047 2: a line that holds an encoded word, and an encoded word itself, have a lower limit.
    for line in block.split(b"\r\n"):
        assert b"=?utf-8?B?" not in line or len(line) <= 76
    for word in block.split():
        assert not word.startswith(b"=?utf-8?B?") or len(word) <= 75
    mail = parsed(block)
    assert mail["Subject"] == value
    assert mail.keys() == ["Subject", "To"]


@given(st.lists(st.text(st.characters(codec="ascii", exclude_categories=("Cc", "Zs")), min_size=1, max_size=60)))
def test_a_structured_field_is_folded_and_unfolds_to_what_it_was(words: list[str]) -> None:
    value = " ".join(words)
    block = header_block([("X-Words", value)])
    assert_well_formed(block)
    assert max(len(line) for line in block.split(b"\r\n")) <= 76
    # RFC 5322 2.2.3: unfolding removes the CRLF before white space, nothing else.
    assert block.replace(b"\r\n ", b" ") == f"X-Words: {value}".rstrip().encode() + b"\r\n"


@given(st.text(st.characters(exclude_categories=("Cc", "Cs"), exclude_characters="\u2028\u2029"), max_size=120))
@example('Roe, Jane "JR" \\')
@example("jane@trusted.example")
@example("victim@bank.example <victim@bank.example>")
@example("=?utf-8?q?x?=")
@example("(comment)")
@example("Jürgen Groß; and many others " * 4)
def test_a_display_name_is_read_back_and_the_address_stays_the_only_one(name: str) -> None:
    block = header_block([("From", address_field(name, "real@example.org"))])
    assert_well_formed(block)
    mailboxes = parsed(block)["From"].addresses
    assert [mailbox.addr_spec for mailbox in mailboxes] == ["real@example.org"]
    # Not mailboxes[0].display_name: CPython before 3.13 puts a space between adjacent encoded words (RFC 2047 6.2).
    unfolded = block.replace(b"\r\n ", b" ").decode()
    phrase, _ = parseaddr(unfolded.removeprefix("From: "))
    assert str(make_header(decode_header(phrase))) == " ".join(name.split())


@pytest.mark.parametrize("injection", _INJECTIONS)
@pytest.mark.parametrize("name", ["Subject", "From", "X-Mailbot-Issue"])
def test_a21_a_line_end_or_control_character_in_a_value_is_refused(name: str, injection: str) -> None:
    with pytest.raises(Unsendable) as caught:
        header_block([(name, f"before{injection}after")])
    assert "before" not in str(caught.value)


@pytest.mark.parametrize("injection", _INJECTIONS)
def test_a21_a_line_end_or_control_character_in_a_display_name_or_address_is_refused(injection: str) -> None:
    with pytest.raises(Unsendable):
        address_field(f"J{injection}", "a@b.example")
    with pytest.raises(Unsendable):
        address_field("", f"a{injection}@b.example")


@pytest.mark.parametrize("name", ["", "Sub ject", "Subject:", "Subject\r\n", "X\0", "Übertrag", "-X", "X" * 61])
def test_what_is_no_field_name_is_refused(name: str) -> None:
    with pytest.raises(Unsendable):
        header_block([(name, "value")])


def test_a_lone_surrogate_is_refused() -> None:
    with pytest.raises(Unsendable):
        header_block([("Subject", "\udcff")])


def test_free_text_in_a_structured_field_is_refused() -> None:
    with pytest.raises(Unsendable):
        header_block([("From", "Jürgen <j@example.org>")])


@pytest.mark.parametrize("value", [" a", "a ", "a" + " " * 90 + "b", "a  b"])
def test_runs_of_spaces_in_a_structured_field_are_refused(value: str) -> None:
    """Folded, they could leave a line of nothing but spaces, which mail systems cut off."""
    with pytest.raises(Unsendable):
        header_block([("X-Words", value)])


def test_a_word_too_long_for_any_line_is_refused() -> None:
    with pytest.raises(Unsendable):
        header_block([("References", f"<{'x' * 999}@example.org>")])


@pytest.mark.parametrize(
    "address",
    [
        *("", "a", "a@", "@b", "a b@c.example", "a@b@c.example", "a@b.example, c@d.example", "a@b.example>"),
        *("<a@b.example", '"a"b"@c.example', "☃@b.example", "a@☃.example", "a@-b.example", "a@b.example."),
        "a" * 250 + "@b.example",
    ],
)  # fmt: skip
def test_what_is_no_single_plain_address_is_refused(address: str) -> None:
    with pytest.raises(Unsendable):
        address_field("Name", address)


@pytest.mark.parametrize(
    ("address", "written"),
    [
        ("a@bücher.example", "Jö <a@xn--bcher-kva.example>"),
        ("jörg@example.org", "Jö jörg@example.org :;"),
        ("jörg@bücher.example", "Jö jörg@bücher.example :;"),
        # Python's IDNA would make this "strasse", which may be somebody else's.
        ("a@straße.example", "Jö a@straße.example :;"),
    ],
)
def test_an_international_address_is_written_in_ascii(address: str, written: str) -> None:
    value = address_field("Jö", address)
    assert value.isascii()
    assert str(make_header(decode_header(value))) == written
    assert header_block([("To", value)]).startswith(b"To: =?utf-8?B?")


@pytest.mark.parametrize(
    "address",
    ["a@b.example", "security+42.abc@example.org", '"john doe"@c.example', "a@[192.0.2.1]", "a.b@xn--4ca.example"],
)
def test_unusual_but_valid_addresses_are_taken(address: str) -> None:
    assert address_field("", address) == address
    assert address_field("N", address) == f"N <{address}>"


def test_names_that_need_it_are_quoted() -> None:
    assert address_field("Roe, Jane", "j@example.org") == '"Roe, Jane" <j@example.org>'
    assert address_field('The "Best" \\ Group', "j@example.org") == '"The \\"Best\\" \\\\ Group" <j@example.org>'
    assert address_field("Example Security Response Group", "s@e.org") == "Example Security Response Group <s@e.org>"


def test_the_encoded_form_is_what_stands_on_the_wire() -> None:
    subject = "Überlauf im PNG-Leser, und zwar ein wirklich ziemlich langer"
    assert header_block([("Subject", subject)]).replace(b"\r\n ", b" ") == (
        b"Subject: " + encoded("Subject", subject).encode() + b"\r\n"
    )
    assert encoded("From", address_field("Jürgen", "j@e.org")) == "=?utf-8?B?SsO8cmdlbg==?= <j@e.org>"


def test_a_date_is_in_utc_whatever_zone_it_came_in() -> None:
    moment = datetime(2026, 11, 26, 15, 47, tzinfo=timezone(timedelta(hours=1)))
    assert date_field(moment) == "Thu, 26 Nov 2026 14:47:00 +0000"
    assert parsed(header_block([("Date", date_field(moment))]))["Date"].datetime == moment.astimezone(UTC)


def test_message_ids_of_strangers_are_filtered_and_bounded() -> None:
    assert (
        message_ids(["<a@b>", "evil", "<a b@c>", "<x@y>\r\nBcc: z", "<a@b>", f"<{'l' * 300}@x>", "<c@d>"])
        == "<a@b> <c@d>"
    )
    assert message_ids([]) == ""
    many = message_ids(f"<{number}@x>" for number in range(1000)).split()
    assert len(many) == 20
    assert many[:2] == ["<0@x>", "<981@x>"]
    assert many[-1] == "<999@x>"


@given(st.text(max_size=1000))
def test_a_cleaned_line_can_always_be_sent(text: str) -> None:
    line = one_line(text)
    assert line.splitlines() in ([], [line])
    assert parsed(header_block([("Subject", line)]))["Subject"] == line


def test_a_cleaned_line_shows_what_was_hidden_and_ends_where_it_must() -> None:
    assert one_line(" a\r\n\tb\x00\u202ec\u2028d ") == "a b<U+0000><U+202E>c d"
    assert one_line("x" * 201) == "x" * 199 + "…"
    assert one_line("x" * 200) == "x" * 200
    assert one_line("\udcff") == "<U+DCFF>"
