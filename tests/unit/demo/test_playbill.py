"""Which mail is which, what must come, and how both are told."""

import io
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console

from mailbot.demo import cast, evidence, page
from mailbot.demo.cast import ALICE, CAROL, ERIK, OTTO, RITA, Expected, Kind, Person
from mailbot.demo.desk import Shown
from mailbot.demo.playbill import Playbill, Received, labelled
from mailbot.demo.sink import Caught

NOW = datetime(2026, 11, 26, 14, 47, tzinfo=UTC)


def caught(person: Person, subject: str) -> Caught:
    return Caught(NOW, person.address, f"From: bot\r\nSubject: {subject}\r\n\r\nbody\r\n".encode())


def received(
    person: Person, kind: Kind, text: str, *, encrypted: bool = False, signature: str = "good", raw: bytes = b""
) -> Received:
    shown = Shown("Bot <b@x.example>", "[EX-1] inside", "[EX-1] outside", encrypted, signature, text, ("original.eml",))
    return Received(person, Expected(person, "EX-1", kind), NOW, 0.5, shown, raw)


def verdicts(*mails: Received, files: tuple[Path, ...] = (), audit: str = "ok: the chain holds") -> list[bool]:
    return [check.ok for check in evidence.gathered(mails, files, {evidence.AUDIT: audit})]


def test_a_mail_is_known_by_its_place_among_a_persons_mails_on_an_issue() -> None:
    mails = [
        caught(ALICE, "[EX-1] new report"),
        caught(ALICE, "[EX-2] new report"),
        caught(RITA, "[EX-1] We have received your report"),
        caught(ALICE, "[EX-1] reminder"),
        caught(ERIK, "[EX-2] waiting"),
    ]
    assert [label for _, label in labelled(mails)] == [
        Expected(ALICE, "EX-1", Kind.RELAY),
        Expected(ALICE, "EX-2", Kind.RELAY),
        Expected(RITA, "EX-1", Kind.ACKNOWLEDGEMENT),
        Expected(ALICE, "EX-1", Kind.REMINDER),
        Expected(ERIK, "EX-2", Kind.ESCALATION),
    ]


def test_a_mail_too_many_is_nothing_that_was_expected() -> None:
    stranger = Person("mallory", "Mallory", "mallory@x.example", cast.Role.REPORTER)
    mails = [caught(ERIK, "[EX-1] waiting"), caught(ERIK, "[EX-1] again"), caught(stranger, "[EX-1] hello")]
    mails.append(caught(ALICE, "no number"))
    assert [label is None for _, label in labelled(mails)] == [False, True, True, True]


def test_every_report_brings_twelve_mails() -> None:
    expected = cast.at_once("EX-1", RITA) | cast.reminded("EX-1") | cast.escalated("EX-1", RITA)
    assert len(expected) == 12
    assert {one.kind for one in expected if one.person == CAROL} == {Kind.RELAY, Kind.REMINDER, Kind.ESCALATION}
    assert {one.person for one in expected if one.kind is Kind.ESCALATION} == {*cast.MEMBERS, ERIK, RITA}


def test_an_answer_brings_seven_mails() -> None:
    expected = cast.claimed("EX-1") | cast.answered("EX-1", RITA)
    assert len(expected) == 7
    assert [one.kind for one in expected if one.person == RITA] == [Kind.ANSWER]
    for person in cast.CAST:
        assert {one.kind for one in expected if one.person == person} <= set(cast.order(person)[2:])


def test_an_answer_that_holds_more_than_the_members_words_is_seen() -> None:
    good = received(RITA, Kind.ANSWER, "Hello Rita,\n\nthank you.\n")
    assert verdicts(good)[5] is True
    for text in ("Hello Rita,\n> quoted", "Hello Rita,\n| Owner: nobody", "/reply\nHello Rita,"):
        assert verdicts(received(RITA, Kind.ANSWER, text))[5] is False


def test_evidence_is_content_for_members_and_silence_for_all_others() -> None:
    relay = received(ALICE, Kind.RELAY, "the config parser fails", encrypted=True)
    notice = received(CAROL, Kind.RELAY, "no content")
    assert all(verdicts(relay, notice))


def test_each_kind_of_leak_is_seen(tmp_path: Path) -> None:
    told = received(RITA, Kind.ACKNOWLEDGEMENT, "your mail on the Frame Decoder")
    assert verdicts(told)[3] is False
    plain = received(ALICE, Kind.RELAY, "the config parser")
    assert verdicts(plain)[0] is False
    outside = received(ALICE, Kind.RELAY, "the config parser", encrypted=True, raw=b"Subject: config parser\r\n\r\n")
    assert verdicts(outside)[3] is False
    log = tmp_path / "bot.log"
    log.write_text("in=1 subject=Use after free in the frame decoder\n")
    assert verdicts(files=(log,))[4] is False


def test_unsigned_unreadable_and_broken_are_seen() -> None:
    assert verdicts(received(ERIK, Kind.ESCALATION, "", signature="unsigned"))[1] is False
    assert verdicts(received(ALICE, Kind.RELAY, "nothing of it", encrypted=True))[2] is False
    assert verdicts(audit="broken: row 3")[6] is False


def test_the_page_shows_markup_as_it_is_and_cuts_what_is_long() -> None:
    out = io.StringIO()
    text = "\n".join(f"[bold]line {number}[/bold] :smile:" for number in range(page.TEXT_LINES + 5))
    bill = Playbill(received=[received(RITA, Kind.ACKNOWLEDGEMENT, text)])
    page.programme(Console(file=out, width=80, markup=False, emoji=False), bill)
    assert "[EX-1] inside" in out.getvalue()
    assert "[bold]line 0[/bold] :smile:" in out.getvalue()
    assert "... and 5 more lines" in out.getvalue()
    assert max(map(len, out.getvalue().splitlines())) <= 80


def test_a_failure_says_where_everything_is() -> None:
    out = io.StringIO()
    bill = Playbill(missing=["not received in time: relay of EX-1 to Alice"])
    page.closing(Console(file=out, width=80), bill, Path("/tmp/scratch"), Path("/tmp/scratch/bot.log"))
    assert "NO  not received in time: relay of EX-1 to Alice" in out.getvalue()
    assert "/tmp/scratch/bot.log" in out.getvalue()
    assert "For your own group" not in out.getvalue()


def test_json_says_the_same() -> None:
    bill = Playbill(received=[received(OTTO, Kind.ACKNOWLEDGEMENT, "Thank you")], missing=["something"])
    shown = bill.to_json(Path("/tmp/scratch"), None)
    assert (shown["ok"], shown["failures"], shown["scratch"], shown["log"]) == (
        False,
        ["something"],
        "/tmp/scratch",
        None,
    )
    (mail,) = next(person for person in shown["people"] if person["name"] == OTTO.name)["mails"]
    assert (mail["kind"], mail["issue"], mail["subject"], mail["outer_subject"], mail["text"]) == (
        "acknowledgement", "EX-1", "[EX-1] inside", "[EX-1] outside", "Thank you",
    )  # fmt: skip
