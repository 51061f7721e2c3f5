"""Blocks of armor in texts, and what mail programs, web mailers and transfer encodings make of them."""

import quopri
import textwrap
from collections.abc import Callable

import pytest

from tests.shapes.checks import arrived, card, enclosed, nothing_gets_out, relay
from tests.shapes.mails import TEXT, base64_of, clear_sign, crlf, encrypt, mail, multi, part, text
from tests.world import World


def qp(body: str) -> str:
    return crlf(quopri.encodestring(body.replace("\r\n", "\n").encode()).decode())


def lines(armor: str) -> list[str]:
    return armor.split("\r\n")


def broken_lines(armor: str, tag: str) -> str:
    """As web mailers put text into HTML."""
    return "\r\n".join(f"<{tag}>{line or '<br>'}</{tag}>" for line in lines(armor))


ONE_BLOCK: dict[str, Callable[[str], str]] = {
    "plain": lambda armor: text(armor),
    "no charset": lambda armor: text(armor, "text/plain"),
    "quoted-printable": lambda armor: text(
        qp(armor), "text/plain; charset=utf-8", "Content-Transfer-Encoding: quoted-printable"
    ),
    "base64": lambda armor: part("text/plain; charset=utf-8", base64_of(armor), "Content-Transfer-Encoding: base64"),
    "format=flowed": lambda armor: text(armor, "text/plain; charset=utf-8; format=flowed; delsp=yes"),
    "spaces at line ends": lambda armor: text("\r\n".join(f"{line}  " for line in lines(armor))),
    "indented": lambda armor: text(textwrap.indent(armor, "    ")),
    "no blank line": lambda armor: text(armor.replace("MESSAGE-----\r\n\r\n", "MESSAGE-----\r\n", 1)),
    "blank lines between": lambda armor: text(armor.replace("\r\n", "\r\n\r\n")),
    "its end lost": lambda armor: text(armor.replace("-----END PGP MESSAGE-----", "")),
    "html: pre": lambda armor: text(f"<html><body><pre>{armor}</pre></body></html>", "text/html; charset=utf-8"),
    "html: br": lambda armor: text("<br>\r\n".join(lines(armor)), "text/html; charset=utf-8"),
    "html: br on one line": lambda armor: text("<br>".join(lines(armor)), "text/html; charset=utf-8"),
    "html: div": lambda armor: text(broken_lines(armor, "div"), "text/html; charset=utf-8"),
    "html: p": lambda armor: text(broken_lines(armor, "p"), "text/html; charset=utf-8"),
    "html: span and nbsp": lambda armor: text(
        "<div><span>" + "</span><br>&nbsp;<span>".join(lines(armor)) + "</span></div>", "text/html; charset=utf-8"
    ),
    "html: line breaks lost": lambda armor: text(f"<p>{' '.join(lines(armor))}</p>", "text/html; charset=utf-8"),
    "alternative": lambda armor: multi(
        "alternative", [text(armor), text(f"<pre>{armor}</pre>", "text/html; charset=utf-8")]
    ),
    "alternative with an empty text": lambda armor: multi(
        "alternative", [text(""), text(f"<pre>{armor}</pre>", "text/html; charset=utf-8")]
    ),
    "alternative in mixed": lambda armor: multi(
        "mixed", [multi("alternative", [text(armor), text(f"<pre>{armor}</pre>", "text/html; charset=utf-8")])]
    ),
}


@pytest.mark.parametrize("wrap", ONE_BLOCK.values(), ids=ONE_BLOCK.keys())
def test_one_block_alone_is_an_encrypted_report(bot: World, wrap: Callable[[str], str]) -> None:
    sent = bot.receive(mail(wrap(encrypt(bot.lab, f"{TEXT}\n"))), "rita@out.example")
    nothing_gets_out(sent)
    assert TEXT in relay(sent).text
    assert "BEGIN PGP" not in relay(sent).text
    assert arrived(sent) == "encrypted to us; not signed"
    assert bot.issues()[0]["encrypted"] is True


def test_several_blocks_with_text_around_them(bot: World) -> None:
    blocks = [encrypt(bot.lab, f"{word} xyzzy\n") for word in ("one", "two", "three")]
    sent = bot.receive(mail(text(f"Hello\n{blocks[0]}\nand\n{blocks[1]}\n{blocks[2]}\nbye")), "rita@out.example")
    nothing_gets_out(sent)
    shown = relay(sent).text
    places = [shown.index(word) for word in ("Hello", "one xyzzy", "and\n", "two xyzzy", "three xyzzy", "bye")]
    assert places == sorted(places)
    assert arrived(sent) == "in clear, with an encrypted part that we opened; not signed"


def test_blocks_with_the_same_header_are_not_mixed_up(bot: World) -> None:
    comment = "MESSAGE-----\r\nVersion: Mailvelope\r\nComment: " + "https://www.mailvelope.com/" * 8 + "\r\n"
    first, second = (
        encrypt(bot.lab, f"{word} xyzzy\n").replace("MESSAGE-----\r\n", comment, 1) for word in ("one", "two")
    )
    sent = bot.receive(mail(text(f"{first}\n{second}")), "rita@out.example")
    nothing_gets_out(sent)
    assert relay(sent).text.index("one xyzzy") < relay(sent).text.index("two xyzzy")


def test_a_text_in_another_charset_is_read_by_what_the_armor_says(bot: World) -> None:
    data = "Größe xyzzy".encode("iso8859-15") + b" \xa4\n"
    armor = crlf(bot.lab.people.encrypt(data, [bot.lab.group_key]).decode()).strip()
    armor = armor.replace("MESSAGE-----\r\n", "MESSAGE-----\r\nCharset: ISO-8859-15\r\n", 1)
    sent = bot.receive(mail(text(armor)), "rita@out.example")
    nothing_gets_out(sent)
    assert "Größe xyzzy €" in relay(sent).text


def test_what_is_invisible_inside_an_encryption_is_made_visible(bot: World) -> None:
    sent = bot.receive(mail(text(encrypt(bot.lab, "xyzzy \u202eevil\u202c \x1b[2J\n"))), "rita@out.example")
    nothing_gets_out(sent)
    assert "xyzzy [U+202E]evil[U+202C] [U+001B][2J" in relay(sent).text


def test_html_inside_a_block_is_made_readable(bot: World) -> None:
    html = "<html><body><p>xyzzy &lt;tag&gt;</p><img src='https://track.example/x.png'></body></html>"
    sent = bot.receive(mail(text(encrypt(bot.lab, html))), "rita@out.example")
    nothing_gets_out(sent)
    assert "xyzzy <tag>" in relay(sent).text


def test_a_mime_mail_inside_a_block_is_taken_apart(bot: World) -> None:
    inner = multi("mixed", [text(), part('application/pdf; name="poc.pdf"', "%PDF xyzzy")])
    sent = bot.receive(mail(text(encrypt(bot.lab, inner))), "rita@out.example")
    nothing_gets_out(sent)
    assert TEXT in relay(sent).text
    assert card(sent, "Attached")[0].startswith("poc.pdf, application/pdf, 10 bytes, SHA-256 ")
    assert b"%PDF xyzzy" in enclosed(sent)["decrypted.eml"]


def test_a_long_block_is_opened_whole_although_the_text_for_people_is_cut(bot: World) -> None:
    # Digits do not pack to nothing, so that the armor itself is longer than what is shown of a text.
    plain = "xyzzy " + "".join(f"{number * 7919 % 99991:05}\n" for number in range(120_000))
    armor = encrypt(bot.lab, plain, "--compress-algo=none")
    assert len(armor) > 600_000
    sent = bot.receive(mail(text(armor)), "rita@out.example")
    nothing_gets_out(sent)
    assert arrived(sent) == "encrypted to us; not signed"
    assert enclosed(sent)["decrypted.txt"].decode() == plain
    assert "see the attached decrypted.txt" in relay(sent).words


# Signed


def test_a_block_that_is_signed_and_all_there_is_says_who_wrote_the_text(bot: World) -> None:
    sent = bot.receive(mail(text(encrypt(bot.lab, f"{TEXT}\n", by="alice"))), "rita@out.example")
    nothing_gets_out(sent)
    assert arrived(sent).startswith("encrypted to us; good signature by Alice Example")
    assert arrived(sent).endswith("over the text only, not over the mail")


def test_a_member_who_signs_only_the_text_is_not_authenticated(bot: World) -> None:
    bot.receive(mail(text("hello")), "rita@out.example")
    number = bot.issues()[0]["number"]
    raw = mail(text(encrypt(bot.lab, f"{TEXT}\n", by="alice")), author="alice@members.example")
    sent = bot.receive(raw, "alice@members.example", f"security+{number}@example.org")
    nothing_gets_out(sent)
    assert "NOT AUTHENTICATED" in relay(sent).words
    assert bot.dispositions()[-1] == "follow-up"


@pytest.mark.parametrize(
    ("content_type", "letters"),
    [
        ("text/plain; charset=utf-8; format=flowed", "A long line that was \nwrapped.\nGr\u00f6\u00dfe".encode()),
        ("text/plain; charset=iso-8859-1", "Gr\u00f6\u00dfe".encode("latin-1")),
        ("text/plain; charset=utf-8", b"- dash\n-- \nfrom: nobody\nFrom me\n\ttab"),
    ],
    ids=["flowed", "latin-1", "dashes"],
)
def test_a_signed_text_is_checked_as_it_came_and_not_as_it_is_shown(
    bot: World, content_type: str, letters: bytes
) -> None:
    clear = bot.lab.people.gpg(
        "--armor", "--local-user", bot.lab.fingerprint("alice"), "--clear-sign", data=letters + b"\n"
    )
    head = mail(f"Content-Type: {content_type}\r\nContent-Transfer-Encoding: 8bit\r\n\r\n")
    sent = bot.receive(head + clear.replace(b"\n", b"\r\n"), "rita@out.example")
    nothing_gets_out(sent)
    assert arrived(sent).startswith("in clear; good signature by Alice Example")
    assert "BEGIN PGP" not in relay(sent).text


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda armor: armor.replace("overflows", "underflows"), "in clear; BAD SIGNATURE"),
        (lambda armor: armor, "in clear; signed by the unknown key"),
    ],
    ids=["changed", "unknown"],
)
def test_a_signed_text_that_does_not_count_says_why(bot: World, change: Callable[[str], str], expected: str) -> None:
    signer = "alice" if "BAD" in expected else "carol"
    armor = change(clear_sign(bot.lab, signer, TEXT.replace("xyzzy", "here").encode() + b"\n"))
    sent = bot.receive(mail(text(armor)), "rita@out.example")
    nothing_gets_out(sent)
    assert arrived(sent).startswith(expected)


def test_a_text_signed_before_it_was_encrypted(bot: World) -> None:
    """In two steps, as people do by hand."""
    sent = bot.receive(
        mail(text(encrypt(bot.lab, clear_sign(bot.lab, "alice", TEXT.encode() + b"\n") + "\n"))), "rita@out.example"
    )
    nothing_gets_out(sent)
    assert TEXT in relay(sent).text
    assert "BEGIN PGP" not in relay(sent).text
    assert arrived(sent).startswith("encrypted to us; good signature by Alice Example")


def test_a_signature_over_a_part_is_told_as_that(bot: World) -> None:
    armor = clear_sign(bot.lab, "alice", b"I found it.\n")
    sent = bot.receive(mail(text(f"She says:\n{armor}\nand I agree.")), "rita@out.example")
    nothing_gets_out(sent)
    assert arrived(sent) == "in clear; not signed"
    assert "it covers only that part" in relay(sent).words


def test_literal_and_signed_only_blocks_are_not_called_encrypted(bot: World) -> None:
    for options in (["--store"], ["--local-user", bot.lab.fingerprint("alice"), "--sign"]):
        armor = crlf(bot.lab.people.gpg("--armor", *options, data=b"hello there\n").decode())
        sent = bot.receive(mail(text(armor)), "rita@out.example")
        nothing_gets_out(sent)
        assert "hello there" in relay(sent).text
        assert arrived(sent).startswith("in clear")
        assert bot.issues()[0]["encrypted"] is False


def test_a_report_about_armor_is_a_plain_report(bot: World) -> None:
    body = "-----BEGIN PGP MESSAGE-----\nis enough to crash it, see:\n\n  printf '-----BEGIN PGP MESSAGE-----' | prog\n"
    sent = bot.receive(mail(text(body)), "rita@out.example")
    nothing_gets_out(sent)
    assert arrived(sent) == "in clear; not signed"
    assert bot.dispositions()[-1] == "report"
