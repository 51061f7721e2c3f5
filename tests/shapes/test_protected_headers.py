"""Header fields from inside decide the title and the thread, and never stand on an outside."""

import re
from datetime import timedelta
from pathlib import Path

import pytest

from tests.openpgp_keys import Lab
from tests.shapes.checks import answer, arrived, card, nothing_gets_out, relay
from tests.shapes.mails import TEXT, WORD, encrypt, encrypted, mail, multi, signed, text
from tests.world import Sent, World, world

TITLE = f"Overflow {WORD} in frob"
CAROL = "Carol <carol@reporters.example>"
INSIDE = (f"Subject: {TITLE}", f"From: {CAROL}", "To: security@example.org", "Message-ID: <inside-xyzzy@x.example>")

FORMS = {
    "RFC 9788 cipher": (
        'text/plain; charset=utf-8; hp="cipher"',
        ("HP-Outer: Subject: [...]", f"HP-Outer: From: {CAROL}"),
    ),
    "RFC 9788 clear inside an encryption": ('text/plain; charset=utf-8; hp="clear"', ()),
    "draft": ('text/plain; charset=utf-8; protected-headers="v1"', ()),
    "both": ('text/plain; charset=utf-8; hp="cipher"; protected-headers="v1"', ("HP-Outer: Subject: ...",)),
}


def inner(content_type: str = 'text/plain; charset=utf-8; hp="cipher"', *fields: str, body: str = TEXT) -> str:
    return text(body, content_type, *(fields or INSIDE))


def later(bot: World) -> list[Sent]:
    """The reminder, the escalation and what goes with them."""
    return bot.pass_time(timedelta(hours=25)) + bot.pass_time(timedelta(hours=24))


@pytest.mark.parametrize(("content_type", "outer"), FORMS.values(), ids=FORMS.keys())
@pytest.mark.parametrize("layers", ["encrypted", "signed inside", "signed outside"])
def test_the_subject_inside_is_the_title(bot: World, content_type: str, outer: tuple[str, ...], layers: str) -> None:
    entity = inner(content_type, *INSIDE, *outer)
    if layers == "signed inside":
        entity = signed(bot.lab, "carol", entity)
    entity = encrypted(encrypt(bot.lab, entity))
    if layers == "signed outside":
        entity = signed(bot.lab, "carol", entity)
    sent = bot.receive(mail(entity, author=CAROL, subject="[...]"), "carol@reporters.example")
    nothing_gets_out(sent, "inside-xyzzy", "frob")
    assert bot.issues()[0]["title"] == TITLE
    assert str(relay(sent).inside["Subject"]).endswith(TITLE)


def test_nothing_later_shows_it_either(short_path: Path, lab: Lab) -> None:
    with world(short_path, lab) as bot:
        bot.receive(mail(encrypted(encrypt(lab, inner())), author=CAROL), "carol@reporters.example")
        sent = later(bot)
    nothing_gets_out(sent, "inside-xyzzy", "frob")
    assert any(TITLE in one.text for one in sent if one.member_id == "alice")


def test_a_signed_mail_protects_its_subject_too(bot: World) -> None:
    entity = signed(
        bot.lab, "alice", text("hello", 'text/plain; hp="clear"', "Subject: The real one", f"From: {CAROL}")
    )
    sent = bot.receive(mail(entity, subject="[EX-1] changed on the way"), "rita@out.example")
    nothing_gets_out(sent)
    assert bot.issues()[0]["title"] == "The real one"
    assert "its protected From differs from the one outside" in relay(sent).words


@pytest.mark.parametrize("kind", ["hp=cipher", "protected-headers=v1"])
def test_fields_in_a_part_that_is_neither_encrypted_nor_signed_count_for_nothing(bot: World, kind: str) -> None:
    entity = text("hello", f"text/plain; {kind}", "Subject: forged")
    # The same fields on the root would be the mail's own, so they stand in a part.
    bot.receive(mail(multi("mixed", [entity]), subject="outside"), "rita@out.example")
    assert bot.issues()[0]["title"] == "outside"


def test_a_follow_up_threads_by_its_references_inside(bot: World) -> None:
    """The sender's program says nothing on the outside."""
    ack = answer(bot.receive(mail(text("hello"), author=CAROL), "carol@reporters.example"), "carol@reporters.example")
    number = bot.issues()[0]["number"]
    before = len(bot.issues())
    for name in ("In-Reply-To", "References"):
        entity = inner('text/plain; hp="cipher"', f"Subject: Re: {TITLE}", f"From: {CAROL}",
                       f"{name}: {ack.mail['Message-ID']}")  # fmt: skip
        sent = bot.receive(mail(encrypted(encrypt(bot.lab, entity)), author=CAROL), "carol@reporters.example")
        nothing_gets_out(sent, "frob")
        assert relay(sent).subject == f"[EX-{number}] follow-up"
    assert len(bot.issues()) == before


def test_a_follow_up_threads_by_the_tag_in_its_subject_inside(bot: World) -> None:
    bot.receive(mail(text("hello"), author=CAROL), "carol@reporters.example")
    number = bot.issues()[0]["number"]
    entity = inner('text/plain; protected-headers="v1"', f"Subject: Re: [EX-{number}] {TITLE}")
    sent = bot.receive(mail(encrypted(encrypt(bot.lab, entity)), author=CAROL), "carol@reporters.example")
    nothing_gets_out(sent, "frob")
    assert relay(sent).subject == f"[EX-{number}] follow-up"


def test_with_rfc_9788_what_is_not_inside_is_not_part_of_the_mail(bot: World) -> None:
    """Somebody on the way added the tag of another issue outside."""
    bot.receive(mail(text("hello"), author=CAROL), "carol@reporters.example")
    number = bot.issues()[0]["number"]
    entity = inner('text/plain; hp="cipher"', f"Subject: {TITLE}", f"From: {CAROL}")
    sent = bot.receive(
        mail(encrypted(encrypt(bot.lab, entity)), author=CAROL, subject=f"[EX-{number}]"), "carol@reporters.example"
    )
    nothing_gets_out(sent, "frob")
    assert relay(sent).subject != f"[EX-{number}] follow-up"
    assert bot.issues()[0]["title"] == TITLE


def test_a_from_inside_answers_nobody_else(bot: World) -> None:
    entity = inner('text/plain; hp="cipher"', f"Subject: {TITLE}", "From: Victim <victim@xyzzy.example>",
                   "Reply-To: victim@xyzzy.example")  # fmt: skip
    sent = bot.receive(mail(encrypted(encrypt(bot.lab, entity)), author=CAROL), "carol@reporters.example")
    nothing_gets_out(sent, "victim")
    assert {one.recipient for one in sent if one.member_id is None} == {"carol@reporters.example"}
    assert "its protected From differs from the one outside" in relay(sent).words


@pytest.mark.parametrize(
    "subject",
    [
        "xyzzy =?utf-8?q?=0D=0ABcc:_victim=40xyzzy.example?= x",
        "=?utf-8?b?eHl6enkKWC1FdmlsOiB4eXp6eQ==?=",
        "xyzzy\r\n X-Evil: xyzzy",
        "xyzzy \u202e gnp.exe \x0b X-Evil: y",
        "xyzzy " + "=?utf-8?q?" + "=C3=A4" * 500 + "?=",
    ],
)
def test_no_protected_subject_makes_a_header_field(bot: World, subject: str) -> None:
    entity = inner('text/plain; hp="cipher"', f"Subject: {subject}", f"From: {CAROL}")
    sent = bot.receive(mail(encrypted(encrypt(bot.lab, entity)), author=CAROL), "carol@reporters.example")
    nothing_gets_out(sent, "X-Evil")
    inside = relay(sent).inside
    assert inside["X-Evil"] is None
    assert inside["Bcc"] is None
    assert not re.search(r"[\x00-\x08\x0b-\x1f\u202e]", bot.issues()[0]["title"])


def test_the_card_says_what_is_known_and_the_copy_for_old_clients_is_not_shown(bot: World) -> None:
    display = multi(
        'mixed; protected-headers="v1"',
        [text(f"Subject: {TITLE}", 'text/plain; protected-headers="v1"', "Content-Disposition: inline"), text()],
        f"Subject: {TITLE}", f"From: {CAROL}",
    )  # fmt: skip
    sent = bot.receive(mail(encrypted(encrypt(bot.lab, display, by="alice")), author=CAROL), "carol@reporters.example")
    nothing_gets_out(sent, "frob")
    assert relay(sent).text.count(TITLE) == 1
    assert card(sent, "Issue")[0].endswith(TITLE)
    assert arrived(sent).startswith("encrypted to us; good signature by Alice Example")
