"""Words to the reporter: exactly the member's own, to exactly those they are for, never weaker than the report came."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from mailbot.mail.marker import MARKER
from mailbot.service.store import ReporterKey
from tests.commands.mails import RITA, address, command, entity, kinds, run, secret, transcript, wrap
from tests.openpgp_keys import Lab
from tests.shapes import mails
from tests.unit.mail.test_quoting import QUOTES
from tests.world import Sent, World, mail, world

ALICE = "alice@members.example"
CAROL = "carol@reporters.example"


def to(sent: Sequence[Sent], recipient: str) -> Sent:
    (one,) = [one for one in sent if one.recipient == recipient and one.kind != "transcript"]
    return one


def outsiders(sent: Sequence[Sent]) -> set[str]:
    return {one.recipient for one in sent if one.member_id is None}


@pytest.fixture
def secretive(short_path: Path, lab: Lab) -> Iterator[World]:
    """A bot with EX-1, which Carol reported encrypted, and without a key of hers."""
    with world(short_path, lab) as made:
        made.receive(wrap(secret(lab, entity("It crashes.", "Crash")), "carol", author=f"Carol <{CAROL}>"), CAROL)
        made.sent.clear()
        yield made


def test_a_reply_is_the_text_below_it_in_the_groups_name(bot: World) -> None:
    sent = bot.receive(command(bot.lab, "/reply\n\nThank you.\n\nWhich version?\n"), ALICE, address())
    assert kinds(sent) == [("reply", RITA), ("answered", "bob"), ("answered", "dave"), ("transcript", "alice")]
    reply = to(sent, RITA)
    assert reply.text == "Thank you.\n\nWhich version?\n"
    assert reply.subject == "[EX-1] Message from the Example Security Response Group"
    assert str(reply.mail["From"]) == "Example Security Response Group <security@example.org>"
    assert reply.mail["In-Reply-To"] == "<1@out.example>"
    assert reply.mail["Auto-Submitted"] is None
    assert "alice" not in reply.raw.decode().lower()
    assert reply.mail.get_content_type() == "multipart/signed"
    told = transcript(sent)
    assert "goes to rita@out.example, in clear, as the report came" in told
    assert "Thank you.\n\nWhich version?" in told
    assert "ANSWERED by Alice Example" in to(sent, "bob@members.example").words


def test_a_reply_is_the_first_response(bot: World) -> None:
    assert "first response: in time" in run(bot, "/reply\n\nThank you.")
    assert [clock["state"] for clock in bot.show(1)["clocks"] if clock["name"] == "first_response"] == ["met"]


def test_the_reporters_answer_comes_by_their_own_address(bot: World) -> None:
    reply = to(bot.receive(command(bot.lab, "/reply\n\nHello."), ALICE, address()), RITA)
    keyed = str(reply.mail["Reply-To"]).rpartition("<")[2].rstrip(">")
    sent = bot.receive(mail("1.2.3\n", message_id="<2@out.example>"), RITA, keyed)
    assert {one.kind for one in sent} == {"follow_up"}
    assert "authenticated by their own reply address" in to(sent, ALICE).words


@pytest.mark.parametrize("quote", QUOTES.values(), ids=list(QUOTES))
def test_nothing_that_a_mail_program_quotes_goes_out(bot: World, quote: str) -> None:
    text = f"/reply\n\nThank you.\n\n{quote}"
    assert to(bot.receive(command(bot.lab, text), ALICE, address()), RITA).text == "Thank you.\n"


@pytest.mark.parametrize(
    "slip",
    [
        MARKER,
        "| Owner: alice",
        "|   3C1F (in 24 h)",
        "Bob says the vendor will never fix this before the conference in March.",
    ],
)
def test_what_is_internal_does_not_go_out_however_it_got_there(bot: World, slip: str) -> None:
    note = "Bob says the vendor will never fix this before the conference in March.\n"
    bot.receive(command(bot.lab, note, "bob"), "bob@members.example", address())
    bot.sent.clear()
    sent = bot.receive(command(bot.lab, f"/reply\n\nThank you.\n{slip}\nBye.\n"), ALICE, address())
    assert kinds(sent) == [("transcript", "alice")]
    assert "not sent: line 2 is" in transcript(sent)
    assert [clock["state"] for clock in bot.show(1)["clocks"] if clock["name"] == "first_response"] == ["running"]


def test_without_words_of_ones_own_nothing_goes_out(bot: World) -> None:
    for text in ("/reply", "/reply\n\n> quoted", "/reply\n-- \nAlice"):
        sent = bot.receive(command(bot.lab, text), ALICE, address())
        assert outsiders(sent) == set()
        assert "no text of your own" in transcript(sent)


def test_a_command_below_the_text_neither_runs_nor_goes_out(bot: World) -> None:
    text = "/reply\n\nThank you.\n/close fixed\nSee /usr/lib and /status pages.\n"
    sent = bot.receive(command(bot.lab, text), ALICE, address())
    assert to(sent, RITA).text == "Thank you.\nSee /usr/lib and /status pages.\n"
    assert "left out, and not run, because it stands below your text: /close fixed" in transcript(sent)
    assert bot.show(1)["status"] == "open"


def test_one_text_goes_out_once(bot: World) -> None:
    sent = bot.receive(command(bot.lab, "/reply\n/reply\n\nThank you."), ALICE, address())
    assert [one.recipient for one in sent if one.kind == "reply"] == [RITA]
    assert "another command of this mail took the text below" in transcript(sent)


def test_a_note_never_reaches_an_outsider(bot: World) -> None:
    for text in ("Just between us.", "/note\n\nJust between us.", "/claim\n\nJust between us."):
        assert outsiders(bot.receive(command(bot.lab, text), ALICE, address())) == set()


def test_an_encrypted_report_is_never_answered_in_clear(secretive: World) -> None:
    for text in ("/reply\n\nThank you.", "/canned thanks"):
        sent = secretive.receive(command(secretive.lab, text), ALICE, address())
        assert outsiders(sent) == set()
        assert "mailbot key import FILE --issue EX-1" in " ".join(transcript(sent).split())


def test_with_their_key_the_answer_is_encrypted_to_it(secretive: World, lab: Lab) -> None:
    with secretive.store.operate() as unit:
        unit.set_key(1, CAROL, ReporterKey(lab.fingerprint("carol"), lab.people.public("carol")))
    reply = to(secretive.receive(command(lab, "/reply\n\nThank you."), ALICE, address()), CAROL)
    assert reply.encrypted
    assert reply.text == "Thank you.\n"


@pytest.mark.parametrize("report", ["bot", "secretive"])
def test_a_key_that_cannot_be_used_lets_nothing_out_and_the_members_hear_of_it(
    report: str, request: pytest.FixtureRequest, lab: Lab
) -> None:
    made: World = request.getfixturevalue(report)
    who = RITA if report == "bot" else CAROL
    with made.store.operate() as unit:
        unit.set_key(1, who, ReporterKey(lab.fingerprint("sub-key-expired"), lab.people.public("sub-key-expired")))
    sent = made.receive(command(lab, "/reply\n\nThank you."), ALICE, address())
    assert outsiders(sent) == set()
    told = [one for one in sent if one.kind == "reply"]
    assert {one.member_id for one in told} == {"alice", "bob", "dave"}
    assert all("NOT SENT" in one.words for one in told if one.member_id != "dave")


def test_canned_answers_are_sent_and_listed(bot: World, tmp_path: Path) -> None:
    sent = bot.receive(command(bot.lab, "/canned thanks"), ALICE, address())
    assert "Thank you for your report" in to(sent, RITA).text
    assert "Accepted: disclosed, duplicate, need-more, not-security, public-tracker, thanks" in run(bot, "/canned x")
    (bot.installation.directory / "canned").mkdir()
    (bot.installation.directory / "canned" / "thanks.txt").write_text("Merci. {{ issue }} {{scope}} {{7*7}}\n")
    (bot.installation.directory / "canned" / "_scope.txt").write_text("Scope: {{ issue }}.\n")
    (bot.installation.directory / "canned" / "broken.txt").write_text("{{ title }}\n")
    bot.reload(lambda text: text.replace("[operators]", '[commands]\ncanned = "canned"\n\n[operators]'))
    sent = bot.receive(command(bot.lab, "/canned thanks\n/canned not-security"), ALICE, address())
    replies = [one.text for one in sent if one.kind == "reply"]
    assert replies[0] == "Merci. EX-1 Scope: {{ issue }}. {{7*7}}\n"
    assert "Scope: {{ issue }}." in replies[1]
    assert "there is no value title" in run(bot, "/canned broken")


def test_a_reply_in_outlooks_html_alternative_is_its_plain_text(bot: World, lab: Lab) -> None:
    plain = mails.text("/reply\n\nThank you.\n\n-----Original Message-----\nFrom: Group\n\n| Owner: alice")
    html = mails.text("<p>/reply</p><p>Thank you. Owner: alice</p>", "text/html; charset=utf-8")
    fields = ("Subject: Re: [EX-1] Crash",)
    inside = mails.multi('alternative; protected-headers="v1"', [plain, html], *fields)
    sent = bot.receive(wrap(secret(lab, inside, "alice")), ALICE, address())
    assert to(sent, RITA).text == "Thank you.\n"
