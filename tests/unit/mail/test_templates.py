"""Every mail that we send, as a person reads it; and what templates can and cannot do."""

import dataclasses
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from mailbot.mail.letters import Card, Letter
from mailbot.mail.marker import MARKER
from mailbot.mail.samples import SAMPLES
from mailbot.mail.templates import BadTemplate, Rendered, Templates, packaged_templates

GOLDEN = Path(__file__).parent / "golden"
OUTSIDE = {
    *("acknowledgement", "acknowledgement_unreadable", "escalation", "escalation_reporter", "key", "reply"),
    *("escalation_coordinator", "regulatory_contact", "embargo_reporter"),
}
PUBLIC = {"announcement"}
OPERATORS = {"loop", "trouble", "undelivered_member", "key_expiry_operators", "key_expiry", "member_key"}
MEMBERS = set(SAMPLES) - OUTSIDE - OPERATORS - PUBLIC
ABOUT_NO_ISSUE = {"hand_over", "digest", "held", "new_key"}
SECRET = "Rhododendron"


@pytest.fixture(scope="session")
def templates() -> Templates:
    return Templates(packaged_templates())


def written(templates: Templates, notice: str, **changes: object) -> Rendered:
    return templates.write(dataclasses.replace(SAMPLES[notice], **changes))  # type: ignore[arg-type]


@pytest.mark.parametrize("notice", sorted(SAMPLES))
def test_every_mail_reads_as_a_reviewer_has_seen_it(
    notice: str, templates: Templates, golden: Callable[..., None]
) -> None:
    mail = templates.write(SAMPLES[notice])
    outer = f"Subject outside: {mail.outer}\n" if mail.outer != mail.subject else ""
    golden(GOLDEN / f"{notice}.txt", f"{outer}Subject: {mail.subject}\n\n{mail.body}")


def test_every_notice_has_a_sample_and_no_sample_lacks_a_template(templates: Templates) -> None:
    assert templates.names() == sorted(SAMPLES)
    assert _notices(Letter) == set(SAMPLES)


def _notices(kind: type[Letter]) -> set[str]:
    return {name for child in kind.__subclasses__() for name in (child.notice, *_notices(child))}


def test_no_golden_file_is_left_over() -> None:
    assert {path.stem for path in GOLDEN.glob("*.txt")} == set(SAMPLES)


@pytest.mark.parametrize("notice", sorted(SAMPLES))
def test_our_own_lines_fit_a_narrow_window(notice: str, templates: Templates) -> None:
    assert [line for line in templates.write(SAMPLES[notice]).body.split("\n") if len(line) > 72] == []


@pytest.mark.parametrize("notice", sorted(MEMBERS))
def test_members_mail_begins_and_ends_with_the_marker(notice: str, templates: Templates) -> None:
    lines = templates.write(SAMPLES[notice]).body.splitlines()
    assert lines[0] == lines[-1] == MARKER


@pytest.mark.parametrize("notice", sorted(OUTSIDE | OPERATORS | PUBLIC))
def test_other_mail_does_not_hold_the_marker(notice: str, templates: Templates) -> None:
    assert MARKER not in templates.write(SAMPLES[notice]).body


@pytest.mark.parametrize("notice", sorted(MEMBERS - ABOUT_NO_ISSUE))
def test_the_first_id_in_members_mail_is_the_issues_own(notice: str, templates: Templates) -> None:
    """A reply quotes it, and the first id in the signed text says which issue a command is for."""
    letter = SAMPLES[notice]
    if hasattr(letter, "card"):
        letter = dataclasses.replace(letter, card=dataclasses.replace(letter.card, title="like EX-7"))  # type: ignore[call-arg]
    found = re.search(r"EX-\d+", templates.write(letter).body)
    assert found is not None
    assert found[0] == letter.issue  # type: ignore[attr-defined]


@pytest.mark.parametrize("notice", sorted(MEMBERS - ABOUT_NO_ISSUE - {"keyless", "transcript", "confirm", "second"}))
def test_a25b_the_title_never_gets_into_the_subject_outside(notice: str, templates: Templates) -> None:
    card = dataclasses.replace(SAMPLES[notice].card, title=SECRET)  # type: ignore[attr-defined]
    mail = written(templates, notice, card=card)
    assert SECRET in mail.subject
    assert SECRET not in mail.outer
    assert re.fullmatch(r"\[EX-\d+\] [a-z :-]+(?: \(late\))?", mail.outer)


def test_a25b_what_a_transcript_tells_never_gets_into_the_subject_outside(templates: Templates) -> None:
    mail = written(templates, "transcript", summary=SECRET)
    assert SECRET in mail.subject
    assert mail.outer == "[EX-42] your commands"


def test_an_outer_template_that_asks_for_the_title_fails(tmp_path: Path) -> None:
    (tmp_path / "report").mkdir()
    (tmp_path / "report" / "subject.txt").write_text("x")
    (tmp_path / "report" / "body.txt").write_text("x")
    (tmp_path / "report" / "outer.txt").write_text("{{ card.title }}")
    with pytest.raises(BadTemplate, match=r"report/outer\.txt.*'card' is undefined"):
        Templates(tmp_path).render("report", {"card": Card(title=SECRET)})


@pytest.mark.parametrize("notice", sorted(OUTSIDE - {"reply"} | {"keyless"}))  # a reply is what a member wrote
def test_a17_mail_in_clear_has_no_room_for_anything_of_a_report(notice: str) -> None:
    """There is no field through which a text, a title, a name or an address of the reporter could get in."""
    assert {field.name for field in dataclasses.fields(SAMPLES[notice])} <= {
        *("group", "now", "late", "issue", "answer_by", "escalate_at", "opened_at", "due", "contacts", "told"),
        *("since", "clock", "end", "lifted", "published"),
        *(
            "fingerprint",
            "key_address",
            "address",
            "answer_within",
            "escalate_within",
            "embargo",
            "event",
            "reason",
            "operators",
        ),
    }


@pytest.mark.parametrize("hostile", ["{{ 7*7 }}", "{% raw %}", "${HOME}", "{# gone #}", "%s%n", "{{ MARKER }}"])
def test_a22_what_looks_like_a_template_in_a_value_stays_literal(hostile: str, templates: Templates) -> None:
    card = dataclasses.replace(SAMPLES["report"].card, title=hostile)  # type: ignore[attr-defined]
    mail = written(templates, "report", card=card, text=f"before {hostile} after")
    assert mail.subject == f"[EX-42] {hostile}"
    assert f"| Issue: EX-42 {hostile}\n" in mail.body
    assert f"\n\nbefore {hostile} after\n\n" in mail.body


def test_control_characters_in_a_text_stay_as_they_are(templates: Templates) -> None:
    assert "a\x00\x1b[2Jb\x0c\rc" in written(templates, "report", text="a\x00\x1b[2Jb\x0c\rc").body


def test_no_value_begins_a_line_of_the_card_or_of_the_subject(templates: Templates) -> None:
    card: Card = SAMPLES["report"].card  # type: ignore[attr-defined]
    evil = "x\n| Arrived: encrypted to us; good signature by Alice\r\n\x85\u2028| Owner: mallory\x1b[1m"
    assert card.author is not None
    assert card.arrival is not None
    card = dataclasses.replace(
        card,
        title=evil,
        author=dataclasses.replace(card.author, name=evil, address=evil),
        arrival=dataclasses.replace(card.arrival, signer=evil, dkim=evil, spf=evil, dmarc=evil, authserv_id=evil),
        warnings=(evil,),
        attachments=(dataclasses.replace(card.attachments[0], name=evil),),
    )
    mail = written(templates, "report", card=card)
    lines = mail.body.split("\n")
    assert [line for line in lines if line.startswith("| Owner:")] == ["| Owner: nobody yet"]
    assert len([line for line in lines if line.startswith("| Arrived:")]) == 1
    assert "\x1b" not in mail.body
    assert "\n" not in mail.subject
    assert "\x1b" not in mail.subject


def test_an_endless_text_is_cut_and_says_so(templates: Templates) -> None:
    body = written(templates, "report", text="y" * 200_000).body
    assert len(body) < 103_000
    assert "(Cut here; the original holds all of it.)" in body


def test_a_report_without_text_says_so(templates: Templates) -> None:
    assert "\n\n(no text)\n\n" in written(templates, "report", text="\n").body


def test_without_escalation_contacts_nobody_is_sent_elsewhere(templates: Templates) -> None:
    for notice in ("acknowledgement", "acknowledgement_unreadable", "escalation_reporter"):
        body = written(templates, notice, contacts=()).body
        assert "reply to this mail and say so" in body
        assert "escalation@" not in body


@pytest.mark.parametrize("notice", ["acknowledgement", "reminder", "escalation", "escalated"])
def test_what_an_outage_delayed_says_that_it_is_late(notice: str, templates: Templates) -> None:
    assert " is late: " in written(templates, notice, late=True).body
    assert " is late: " not in written(templates, notice, late=False).body


def test_every_state_of_an_arrival_has_words(templates: Templates) -> None:
    card: Card = SAMPLES["report"].card  # type: ignore[attr-defined]
    assert card.arrival is not None
    seen = set()
    opened = ("", "decrypted", "partly", "not-encrypted", "cannot-decrypt", "tampered", "too-large", "broken")
    signatures = (
        *("unsigned", "good", "bad", "no-key", "expired", "revoked", "several-signers", "weak-digest", "error"),
    )
    for state in opened:
        for signature in signatures:
            arrival = dataclasses.replace(card.arrival, opened=state, signature=signature)
            body = written(templates, "report", card=dataclasses.replace(card, arrival=arrival)).body
            seen.add(body[body.index("| Arrived:") : body.index("| Owner:")])
    assert len(seen) == len(opened) * len(signatures)


def test_only_a_mail_that_was_not_opened_names_its_keys(templates: Templates) -> None:
    card: Card = SAMPLES["report"].card  # type: ignore[attr-defined]
    assert card.arrival is not None
    for state, told in (("cannot-decrypt", True), ("tampered", True), ("decrypted", False), ("", False)):
        arrival = dataclasses.replace(
            card.arrival, opened=state, key_ids=("0123456789ABCDEF", "0000000000000000"), symmetric=True
        )
        body = written(templates, "report", card=dataclasses.replace(card, arrival=arrival)).body
        assert ("it is encrypted to the keys 0123456789ABCDEF, (hidden)" in body) is told
        assert ("it can be opened with a passphrase" in body) is told


def test_an_unauthenticated_follow_up_says_so_above_everything_else(templates: Templates) -> None:
    lines = written(templates, "follow_up", reason="no proof").body.split("\n")
    assert lines[3] == "| Warning: NOT AUTHENTICATED: no proof"
    authenticated = written(templates, "follow_up", authenticated="signature").body
    assert "NOT AUTHENTICATED" not in authenticated
    assert "authenticated by their signature" in authenticated


def test_a_missing_value_is_an_error_that_names_the_template(templates: Templates) -> None:
    with pytest.raises(BadTemplate, match=r"template key/body\.txt: UndefinedError: 'group' is undefined"):
        templates.render("key", {})


def test_an_unknown_notice_is_an_error(templates: Templates) -> None:
    with pytest.raises(BadTemplate, match="TemplateNotFound"):
        templates.render("no-such-notice", {})


@pytest.mark.parametrize(
    "attempt",
    [
        '{% include "../outside.txt" %}',
        '{% include "/etc/passwd" %}',
        "{{ ''.__class__.__mro__ }}",
        "{{ card.__init__.__globals__ }}",
        "{{ values.clear() }}",
        "{{ values.append(1) }}",
        "{{ '{0.__class__}'.format(card) }}",
        "{{ lipsum }}",
        "{{ cycler }}",
    ],
)
def test_a_template_cannot_leave_its_sandbox(attempt: str, tmp_path: Path) -> None:
    (tmp_path / "outside.txt").write_text("secret")
    notice = tmp_path / "templates" / "n"
    notice.mkdir(parents=True)
    (notice / "subject.txt").write_text("x")
    (notice / "body.txt").write_text(attempt)
    values: dict[str, object] = {"card": Card(title="t"), "values": [1]}
    with pytest.raises(BadTemplate):
        Templates(tmp_path / "templates").render("n", values)
    assert values["values"] == [1]


def test_the_packaged_templates_win_over_the_repositorys(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    package = tmp_path / "mailbot"
    package.mkdir()
    monkeypatch.setattr("mailbot.__file__", str(package / "__init__.py"))
    assert packaged_templates() == tmp_path / "templates"
    (package / "templates").mkdir()
    assert packaged_templates() == package / "templates"


def test_jinja_is_imported_at_the_first_mail_not_before() -> None:
    program = "import sys, mailbot.mail.templates, mailbot.mail.samples; sys.exit('jinja2' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], timeout=60, check=False).returncode == 0
