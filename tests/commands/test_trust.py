"""Who said it: what a mail must carry for its commands to run, and what becomes of every other one."""

from datetime import timedelta

import pytest

from tests.commands.mails import address, command, entity, kinds, plain, run, secret, signed, transcript, wrap
from tests.openpgp_keys import Lab
from tests.shapes import mails
from tests.world import START, Sent, World

ALICE = "alice@members.example"


def claimed(bot: World) -> str | None:
    owner: str | None = bot.show(1)["owner"]
    return owner


def doubts(sent: list[Sent]) -> str:
    """The reason that members read on the relayed mail."""
    (one,) = [one for one in sent if one.kind == "follow_up" and one.member_id == "bob"]
    assert "NOT AUTHENTICATED: " in one.words
    return one.words.partition("NOT AUTHENTICATED: ")[2].partition(" Arrived: ")[0]


@pytest.mark.parametrize("encrypt", [True, False], ids=["encrypted", "signed only"])
def test_a_signed_command_runs_and_its_writer_gets_a_transcript(bot: World, encrypt: bool) -> None:
    mail = command(bot.lab, "/claim", encrypt=encrypt)
    sent = bot.receive(mail, ALICE, address())
    assert claimed(bot) == "alice"
    assert kinds(sent) == [("transcript", "alice"), ("changed", "bob"), ("changed", "dave")]
    assert sent[0].encrypted
    assert sent[0].subject == "[EX-1] your commands"
    assert sent[0].inside["Subject"] == "[EX-1] 1 of 1 command done"
    assert sent[0].mail["In-Reply-To"] in mail.decode()
    assert "> /claim\nowner: nobody -> alice" in sent[0].text
    assert bot.dispositions() == ["report", "member"]
    assert ("alice", "claim") in {(row["actor"], row["action"]) for row in bot.show(1)["history"]}


def test_the_signature_decides_who_it_is_whatever_from_says(bot: World) -> None:
    mail = command(bot.lab, "/claim", author="Bob <bob@members.example>")
    sent = bot.receive(mail, "bob@members.example", address())
    assert claimed(bot) == "alice"
    assert next(one for one in sent if one.kind == "transcript").recipient == ALICE


def test_a01_an_unsigned_command_with_a_members_from(bot: World) -> None:
    sent = bot.receive(plain("/claim"), ALICE, address())
    assert claimed(bot) is None
    assert doubts(sent).endswith(
        "its commands were not carried out: it is not signed; if you wrote it, send it again, signed"
    )
    assert {kind for kind, _ in kinds(sent)} == {"follow_up"}


def test_a02_a_good_signature_by_a_key_that_is_no_members(bot: World) -> None:
    for by in ("planted", "carol"):
        sent = bot.receive(command(bot.lab, "/claim", by, author=f"Alice <{ALICE}>"), ALICE, address())
        assert doubts(sent).endswith("it is signed by a key that is no member's")
    assert claimed(bot) is None


def test_a02_that_key_counts_no_more_if_it_is_in_the_keyring(bot: World, lab: Lab) -> None:
    from mailbot.storage import keys

    with bot.store.database.write() as connection:
        keys.put(connection, lab.fingerprint("planted"), lab.people.public("planted"), bot.now)
    sent = bot.receive(command(lab, "/claim", "planted", author=f"Alice <{ALICE}>"), ALICE, address())
    assert doubts(sent).endswith("it is signed by a key that is no member's")
    assert claimed(bot) is None


def test_a05_the_key_of_a_member_who_left(bot: World) -> None:
    bot.reload(lambda config: config.partition('[[member]]\nid = "bob"')[0])
    sent = bot.receive(command(bot.lab, "/claim", "bob"), "bob@members.example", address())
    assert claimed(bot) is None
    assert bot.dispositions() == ["report", "report"]
    alice = next(one for one in sent if one.member_id == "alice")
    assert "they were not carried out: it is signed by a key that is no member's" in alice.words


def test_a06_a_bad_signature(bot: World) -> None:
    body = signed(bot.lab, "/claim").replace("/claim", "/claim force")
    sent = bot.receive(wrap(body), ALICE, address())
    assert claimed(bot) is None
    assert "its signature is bad" in doubts(sent)


@pytest.mark.parametrize("again", ["the same mail", "in a mail of its own", "encrypted anew", "as multipart/signed"])
def test_a07_a_signed_text_runs_once(bot: World, lab: Lab, again: str) -> None:
    inside = signed(lab, "/claim")
    first = wrap(secret(lab, inside), message_id="<once@members.example>")
    assert "owner: nobody -> alice" in transcript(bot.receive(first, ALICE, address()))
    with bot.store.operate() as unit:
        unit.change_issue(1, {"owner": None})
    second = {
        "the same mail": first,
        "in a mail of its own": wrap(secret(lab, inside), fields=["Date: Tue, 24 Nov 2026 08:58:00 +0000"]),
        "encrypted anew": wrap(secret(lab, inside), message_id="<once@members.example>"),
        "as multipart/signed": wrap(inside),
    }[again]
    sent = bot.receive(second, ALICE, address())
    assert claimed(bot) is None
    if again == "the same mail":
        assert sent == []
    else:
        assert "already processed" in transcript(sent)
        assert "already processed" in doubts(sent)


def test_a07_the_parts_of_a_combined_message_are_the_same_text(bot: World, lab: Lab) -> None:
    """OpenPGP signs and encrypts in one step; whoever decrypts it has a signature that they can put elsewhere."""
    inside = entity("/claim")
    at = "20261124T085900"
    armor = lab.people.encrypt(inside.encode(), [lab.group_key], by="alice", at=at)
    detached = mails.sign(lab, "alice", inside, "--digest-algo=SHA512", at=at)
    assert "owner" in transcript(bot.receive(wrap(mails.encrypted(mails.armored(armor))), ALICE, address()))
    kind = 'signed; protocol="application/pgp-signature"; micalg=pgp-sha512'
    body = mails.multi(kind, [inside, mails.part("application/pgp-signature", detached)])
    assert "already processed" in transcript(bot.receive(wrap(body), ALICE, address()))


@pytest.mark.parametrize("subject", ["Re: [EX-2] Other", ""])
def test_a08_a_signed_text_that_names_another_issue_or_none(bot: World, subject: str) -> None:
    bot.receive(plain("Another crash", "rita", subject="Other"), "rita@members.example")
    mail = command(bot.lab, "/claim\n\nhello", subject=subject)
    sent = bot.receive(mail, ALICE, address(1))
    assert claimed(bot) is None
    expected = "its text is about EX-2, but it was sent to EX-1" if subject else "its text names no issue of this group"
    assert expected in " ".join(transcript(sent).split())
    assert expected in doubts(sent)


def test_a08_the_outer_subject_confirms_nothing(bot: World) -> None:
    mail = command(bot.lab, "/claim", subject="").replace(b"Subject: ...", b"Subject: [EX-1] Crash")
    assert "names no issue" in transcript(bot.receive(mail, ALICE, address()))
    assert claimed(bot) is None


@pytest.mark.parametrize(
    "text",
    ["/on EX-1\n/claim", "/claim\n\n> [[ internal ]]\n> | Issue: EX-1 Crash\n", "# EX-1\n/claim", "/claim\nsee EX-1"],
)
def test_the_signed_text_confirms_the_issue(bot: World, text: str) -> None:
    mail = command(bot.lab, text, subject="")
    assert "owner: nobody -> alice" in transcript(bot.receive(mail, ALICE, address()))


def test_on_as_the_first_command_selects_the_issue_where_none_is_addressed(bot: World) -> None:
    mail = command(bot.lab, "/on EX-1\n/claim", subject="")
    sent = bot.receive(mail, ALICE, "security+control@example.org")
    assert "> /claim\nowner: nobody -> alice" in transcript(sent)
    assert claimed(bot) == "alice"


def test_an_argument_confirms_nothing(bot: World) -> None:
    mail = command(bot.lab, "/claim EX-1\n/status EX-1", subject="")
    assert "names no issue" in transcript(bot.receive(mail, ALICE, address()))


@pytest.mark.parametrize("where", ["before", "after"])
def test_a09_unsigned_text_before_or_after_the_signed_part(bot: World, where: str) -> None:
    parts = [mails.text("/claim"), signed(bot.lab, "/claim")]
    body = mails.multi("mixed", parts if where == "before" else parts[::-1])
    sent = bot.receive(wrap(body), ALICE, address())
    assert claimed(bot) is None
    assert doubts(sent)


def test_a10_a_signed_command_mail_attached_or_forwarded_inside_another(bot: World) -> None:
    inner = command(bot.lab, "/claim", encrypt=False).decode()
    attached = mails.part("message/rfc822", inner, "Content-Disposition: attachment")
    for body in (mails.multi("mixed", [mails.text("see below"), attached]), mails.multi("mixed", [attached])):
        bot.receive(wrap(body), ALICE, address())
        assert claimed(bot) is None
    around = mails.multi("mixed", [entity("see below"), attached])
    signature = mails.sign(bot.lab, "bob", around, "--digest-algo=SHA512", at="20261124T085900")
    kind = 'signed; protocol="application/pgp-signature"; micalg=pgp-sha512'
    body = mails.multi(kind, [around, mails.part("application/pgp-signature", signature)])
    bot.receive(wrap(body, "bob"), "bob@members.example", address())
    assert claimed(bot) is None


def test_a11_two_signatures(bot: World, lab: Lab) -> None:
    armor = lab.people.encrypt(
        entity("/claim").encode(), [lab.group_key], "--local-user", lab.fingerprint("bob"), by="alice"
    )
    sent = bot.receive(wrap(mails.encrypted(mails.armored(armor))), ALICE, address())
    assert claimed(bot) is None
    assert "signed more than once" in doubts(sent)


def test_a12_a13_two_authors(bot: World) -> None:
    two_fields = command(bot.lab, "/claim", fields=["From: Bob <bob@members.example>"])
    two_names = command(bot.lab, "/claim", author=f"Alice <{ALICE}>, Bob <bob@members.example>")
    for mail in (two_fields, two_names):
        sent = bot.receive(mail, ALICE, address())
        assert claimed(bot) is None
        assert "its From names 2 authors" in doubts(sent)


def test_a14_encrypted_but_unsigned(bot: World) -> None:
    sent = bot.receive(wrap(secret(bot.lab, entity("/claim"))), ALICE, address())
    assert claimed(bot) is None
    assert doubts(sent).endswith("it is encrypted, but not signed; if you wrote it, send it again, signed")


def test_a_signature_around_the_encryption_says_nothing_about_what_is_inside(bot: World) -> None:
    inside = secret(bot.lab, entity("/claim"))
    signature = mails.sign(bot.lab, "alice", inside, "--digest-algo=SHA512", at="20261124T085900")
    kind = 'signed; protocol="application/pgp-signature"; micalg=pgp-sha512'
    body = mails.multi(kind, [inside, mails.part("application/pgp-signature", signature)])
    sent = bot.receive(wrap(body), ALICE, address())
    assert claimed(bot) is None
    assert "around the encryption" in doubts(sent)


def test_a33_a_text_for_another_instance(bot: World) -> None:
    for text, subject in (("/claim", "Re: [ZZ-1] Crash"), ("/on ZZ-1\n/claim", "Re: [EX-1] Crash")):
        sent = bot.receive(command(bot.lab, text, subject=subject), ALICE, address())
        assert claimed(bot) is None
        assert "no issue of this group" in " ".join(transcript(sent).split())


def test_what_is_refused_for_its_issue_says_how_to_name_one(bot: World) -> None:
    sent = bot.receive(command(bot.lab, "/claim", subject="hello"), ALICE, "security@example.org")
    assert "begin it with /on EX-42 and send it to security+42@example.org" in " ".join(transcript(sent).split())
    sent = bot.receive(command(bot.lab, "/claim", subject="Re: [EX-2] Crash"), ALICE, address())
    assert "if you mean EX-1, begin it with /on EX-1" in " ".join(transcript(sent).split())


@pytest.mark.parametrize(
    "text",
    [
        "> /claim\n",
        "Hello\n/claim\n",
        "-- \n/claim\n",
        "On Mon, 23 Nov 2026, Bob wrote:\n> hello\n\n/claim\n",
        "-----Original Message-----\n/claim\n",
    ],
    ids=["quoted", "below prose", "signature", "below a quote", "original message"],
)
def test_a34_a_command_that_is_not_at_the_top(bot: World, text: str) -> None:
    sent = bot.receive(command(bot.lab, text), ALICE, address())
    assert claimed(bot) is None
    assert [one for one in kinds(sent) if one[0] != "transcript"] == [("note", "bob"), ("note", "dave")]


@pytest.mark.parametrize("above", ["On Mon, 23 Nov 2026, Bob wrote:\n> hello\n\n", "Hi all,\n\n"])
def test_who_writes_a_command_below_other_words_is_told_that_it_did_not_run(bot: World, above: str) -> None:
    sent = bot.receive(command(bot.lab, f"{above}/claim\n"), ALICE, address())
    assert "commands count only as the first lines of a mail" in " ".join(transcript(sent).split())
    assert kinds(bot.receive(command(bot.lab, "> hello\n\nI agree: /claim it.\n"), ALICE, address())) == [
        ("note", "bob"), ("note", "dave"),
    ]  # fmt: skip


def test_a34_a_command_in_html(bot: World, lab: Lab) -> None:
    inside = mails.text("<p>/claim</p>", 'text/html; charset=utf-8; protected-headers="v1"', "Subject: [EX-1] Crash")
    bot.receive(wrap(secret(lab, inside, "alice")), ALICE, address())
    assert claimed(bot) is None


@pytest.mark.parametrize(("age", "runs"), [(timedelta(days=6, hours=23), True), (timedelta(days=7, hours=1), False)])
def test_a_signature_older_than_max_age_is_refused(bot: World, age: timedelta, runs: bool) -> None:
    sent = bot.receive(command(bot.lab, "/claim", at=START - age), ALICE, address())
    assert (claimed(bot) == "alice") is runs
    assert ("more than 7 days ago" in transcript(sent)) is not runs


def test_a_signature_from_the_future_is_refused_and_spent(bot: World) -> None:
    mail = command(bot.lab, "/claim", at=START + timedelta(hours=1))
    sent = bot.receive(mail, ALICE, address())
    assert "dated in the future" in transcript(sent)
    bot.now += timedelta(hours=2)
    again = mail.replace(b"Date: Tue, 24 Nov 2026 08", b"Date: Tue, 24 Nov 2026 10")
    assert "already processed" in transcript(bot.receive(again, ALICE, address()))
    assert claimed(bot) is None


def test_an_unknown_verb_stops_everything(bot: World) -> None:
    sent = bot.receive(command(bot.lab, "/claim\n/stauts\n\nhello"), ALICE, address())
    assert claimed(bot) is None
    assert kinds(sent) == [("transcript", "alice")]
    assert "Did you mean /status?" in transcript(sent)
    assert sent[0].inside["Subject"] == "[EX-1] 0 of 2 commands done, 2 errors"


def test_each_line_stands_alone(bot: World) -> None:
    told = run(bot, "/claim now\n/claim\n/status")
    assert told.startswith("EX-1: 2 of 3 commands done, 1 error.")
    assert 'error: "now" is not understood. Accepted: /claim, /claim force' in told
    assert claimed(bot) == "alice"


def test_a_text_below_the_commands_is_an_internal_note(bot: World) -> None:
    sent = bot.receive(command(bot.lab, "/claim\n\nI take it.\n"), ALICE, address())
    assert kinds(sent) == [("transcript", "alice"), ("note", "bob"), ("note", "dave")]
    bob = sent[1].text
    assert "I take it." in bob
    assert "owner: nobody -> alice" in bob
    assert "/claim" not in bob


def test_only_so_many_transcripts_of_failures_are_sent(bot: World) -> None:
    told = 0
    for number in range(25):
        text = f"/claim {number}"
        told += len(bot.receive(command(bot.lab, text), ALICE, address()))
    assert told == 20
    assert "owner: nobody -> alice" in run(bot, "/claim")


def test_dmarc_counts_only_where_the_config_says_so(bot: World) -> None:
    sent = bot.receive(plain("/claim", dmarc="pass"), ALICE, address())
    assert claimed(bot) is None
    assert doubts(sent).endswith("it is not signed; if you wrote it, send it again, signed")
    bot.reload(lambda config: config.replace("[operators]", '[commands]\nauth = "dmarc"\n\n[operators]'))
    for verdict in ("", "fail", "none"):
        bot.receive(plain("/claim", dmarc=verdict), ALICE, address())
        assert claimed(bot) is None
    assert "owner: nobody -> alice" in transcript(bot.receive(plain("/claim", dmarc="pass"), ALICE, address()))
