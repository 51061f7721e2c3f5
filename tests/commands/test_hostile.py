"""What a hostile or careless person tries with commands, and what must come of it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.commands.mails import RITA, address, command, kinds, plain, run, transcript
from tests.openpgp_keys import Lab
from tests.world import World, mail, world

ALICE, DAVE, OTTO = "alice@members.example", "dave@members.example", "otto@else.example"


@pytest.fixture
def clear(short_path: Path, lab: Lab) -> Iterator[World]:
    """A group in which dave has no key and is sent in clear what came in clear."""
    with world(short_path, lab, extra='\n[relay]\nkeyless = "plain"\n\n[hold]\nper_sender = 1\n') as made:
        made.receive(mail(subject="Crash"), RITA)
        made.sent.clear()
        yield made


def dmarc(bot: World) -> None:
    bot.reload(lambda config: config.replace("[operators]", '[commands]\nauth = "dmarc"\n\n[operators]'))


def test_what_takes_two_members_is_not_asked_for_by_a_dmarc_pass(bot: World) -> None:
    dmarc(bot)
    run(bot, "/embargo none")
    sent = bot.receive(plain("/publish", dmarc="pass"), ALICE, address())
    assert kinds(sent) == [("transcript", "alice")]
    assert "it takes two members, and a signed mail of each" in transcript(sent).replace("\n", " ")


@pytest.mark.parametrize("written_by", ["undisclosed-recipients:;", "Alice <>"])
def test_an_envelope_is_no_author_for_a_dmarc_pass(bot: World, written_by: str) -> None:
    dmarc(bot)
    raw = plain("/claim", dmarc="pass").replace(b"Alice <alice@members.example>", written_by.encode())
    assert written_by.encode() in raw
    sent = bot.receive(raw, ALICE, address())
    assert bot.show(1)["owner"] is None
    assert "transcript" not in {one.kind for one in sent}


def test_line_by_line_one_member_discards_one_held_mail(clear: World) -> None:
    for number in range(3):
        clear.receive(mail(subject=f"Offer {number}", message_id=f"<o{number}@else.example>", author=OTTO), OTTO)
    held = [number for number, what in enumerate(clear.dispositions(), 1) if what == "held"]
    assert len(held) == 2
    told = run(clear, "\n".join(f"/discard {number}" for number in held)).replace("\n", " ")
    assert f"discarded: {held[0]}" in told
    assert f"discarded: {held[1]}" not in told
    assert "waits for the /confirm of another member" in told


@pytest.mark.parametrize(
    "line", ["/close not-security zymurgy", "/verdict embargo zymurgy", "/lift zymurgy", "/embargo +5d zymurgy"]
)
@pytest.mark.parametrize("encrypt", [True, False])
def test_what_a_member_wrote_encrypted_reaches_nobody_in_clear(clear: World, line: str, encrypt: bool) -> None:
    sent = clear.receive(command(clear.lab, line, encrypt=encrypt), ALICE, address())
    assert any("zymurgy" in one.text for one in sent if one.encrypted)
    to_dave = [one for one in sent if one.recipient == DAVE]
    assert to_dave
    assert any("zymurgy" in one.text for one in to_dave) is not encrypt


def test_a_stranger_in_a_members_name_keeps_no_canned_answer_from_going_out(bot: World) -> None:
    text = "Thank you for your report. We know of this issue already and are working\non it.\n"
    bot.receive(plain(text), "x@evil.example", address())
    sent = bot.receive(command(bot.lab, "/canned duplicate"), ALICE, address())
    assert RITA in [one.recipient for one in sent]


@pytest.fixture
def twice(bot: World) -> World:
    """EX-2 is Otto's report of what Rita reported."""
    text = "The zymurgic parser reads eight bytes behind the end of its own buffer.\n"
    bot.receive(mail(text, subject="Overread", message_id="<2@else.example>", author=f"Otto <{OTTO}>"), OTTO)
    run(bot, "/duplicate EX-1", to=address(2), subject="Re: [EX-2] Overread")
    bot.sent.clear()
    return bot


@pytest.mark.parametrize(
    "slip",
    [
        "Somebody else wrote that it reads eight bytes behind the end of its own buffer, too.",
        "We track it as EX-2 as well.",
        f"Please ask {OTTO} about it.",
    ],
)
def test_a38_a_root_is_not_answered_with_what_its_duplicate_tells(twice: World, slip: str) -> None:
    sent = twice.receive(command(twice.lab, f"/reply\n\nHello,\n{slip}\n"), ALICE, address())
    assert [one.kind for one in sent] == ["transcript"]
    assert "about a report by somebody else" in sent[0].words


@pytest.mark.parametrize("slip", ["There is a heap overflow in frobnicate(), as we know.", "See EX-1.", f"Ask {RITA}."])
def test_a38_a_duplicate_is_not_answered_with_what_its_root_tells(twice: World, slip: str) -> None:
    mail_ = command(twice.lab, f"/reply\n\nHello,\n{slip}\n", subject="Re: [EX-2] Overread")
    sent = twice.receive(mail_, ALICE, address(2))
    assert [one.kind for one in sent] == (["transcript"])


def test_each_reporter_of_the_same_may_hear_of_their_own_words(twice: World) -> None:
    text = "/reply\n\nYou wrote that it reads eight bytes behind the end of its own buffer. EX-2 is what we call it."
    sent = twice.receive(command(twice.lab, text, subject="Re: [EX-2] Overread"), ALICE, address(2))
    assert OTTO in [one.recipient for one in sent]
