"""What a decision finds in the database, and what it leaves there."""

import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import delete, update

from mailbot.domain.issue import Disposition, Role
from mailbot.errors import ClaimLost
from mailbot.service.outgoing import Outcome as Sending
from mailbot.service.outgoing import Result
from mailbot.service.store import Draft, NewIssue, ReporterKey
from mailbot.storage import tables
from mailbot.storage.leases import LEASE_SECONDS
from mailbot.storage.outbox import SqlOutbox
from mailbot.storage.unit_of_work import UnitOfWork
from mailbot.storage.unseal import SealBroken
from mailbot.storage.views import issue_view
from tests.unit.storage.storeroom import NOW, RITA, Storeroom, claimed, claimed_notice

SAM = "sam@out.example"
HOUR = timedelta(hours=1)


@contextmanager
def deciding(room: Storeroom) -> Iterator[UnitOfWork]:
    with room.database.write() as connection:
        yield UnitOfWork(connection, room.vault)


# Threads


def wrote(room: Storeroom, number: int, author: str, message_id: str, *, participant: bool = True) -> None:
    with deciding(room) as unit:
        unit.add_message(number, "follow-up", NOW, author, message_id, encrypted=False, participant=participant)


def sent(room: Storeroom, number: int, recipient: str, message_id: str) -> None:
    room.notify("acknowledgement", number)
    store = room.worker()
    mail = Draft(0, "acknowledgement", recipient, None, "v@x", b"To: x\r\n\r\n", message_id, (), False)
    store.finish_notice(claimed_notice(store), [mail], NOW)


def thread(room: Storeroom, sender: str, *message_ids: str) -> int | None:
    with deciding(room) as unit:
        return unit.find_reference(message_ids, sender)


def test_an_answer_to_what_the_bot_sent_threads_for_its_recipient_alone_in_any_case(room: Storeroom) -> None:
    number = room.open_issue()
    sent(room, number, RITA, "<sent@example.org>")
    assert thread(room, RITA, "<sent@example.org>") == number
    assert thread(room, RITA.upper(), "<sent@example.org>") == number
    assert thread(room, SAM, "<sent@example.org>") is None
    assert thread(room, "", "<sent@example.org>") is None


def test_what_the_bot_sent_is_recognised_whoever_names_it(room: Storeroom) -> None:
    number = room.open_issue()
    sent(room, number, RITA, "<sent@example.org>")
    with deciding(room) as unit:
        assert unit.named_by(["<other@example.org>", "<sent@example.org>"]) == {number}
        assert unit.named_by(["<other@example.org>"]) == unit.named_by([]) == set()


def test_an_answer_to_what_a_participant_wrote_threads_for_everybody(room: Storeroom) -> None:
    number = room.open_issue()
    wrote(room, number, RITA, "<1@out.example>")
    assert thread(room, RITA, "<1@out.example>") == thread(room, SAM, "<1@out.example>") == number


def test_an_answer_to_what_a_stranger_wrote_threads_for_that_stranger_alone(room: Storeroom) -> None:
    number = room.open_issue()
    wrote(room, number, SAM, "<2@out.example>", participant=False)
    assert thread(room, SAM, "<2@out.example>") == number
    assert thread(room, RITA, "<2@out.example>") is None


def test_the_nearest_id_counts_and_ones_own_before_others(room: Storeroom) -> None:
    first, second = room.open_issue(), room.open_issue()
    wrote(room, first, RITA, "<1@x>")
    wrote(room, second, RITA, "<2@x>")
    assert thread(room, RITA, "<2@x>", "<1@x>") == second
    assert thread(room, RITA, "<1@x>", "<2@x>") == first
    assert thread(room, RITA, "<unknown@x>", "<1@x>") == first
    # Sam's own thread goes before the nearer one of somebody else, under whose id he may have been lured to answer.
    sent(room, first, SAM, "<3@x>")
    assert thread(room, SAM, "<2@x>", "<3@x>") == first


def test_who_is_named_by_ids_is_told_whoever_asks(room: Storeroom) -> None:
    first, second = room.open_issue(), room.open_issue()
    wrote(room, first, RITA, "<1@x>")
    sent(room, second, RITA, "<2@x>")
    with deciding(room) as unit:
        assert unit.named_by(["<1@x>", "<2@x>", "<3@x>"]) == {first, second}
        assert unit.named_by([]) == set()


def test_nothing_threads_by_no_id(room: Storeroom) -> None:
    wrote(room, room.open_issue(), RITA, "")
    assert thread(room, RITA) is None
    assert thread(room, RITA, "") is None


def test_ids_and_addresses_stand_in_no_clear_column(room: Storeroom) -> None:
    number = room.open_issue("zymurgic")
    with deciding(room) as unit:
        unit.add_participant(number, Role.REPORTER, RITA, "Rita Roe")
    wrote(room, number, RITA, "<1@out.example>")
    shown = str(room.everything())
    for secret in ("out.example", "Rita Roe", "zymurgic"):
        assert secret not in shown


# Issues and participants


def test_an_issue_comes_back_as_it_was_opened(room: Storeroom) -> None:
    number = room.open_issue("A title \u7f16", RITA, encrypted=True)
    view = room.worker().view(number)
    assert view is not None
    assert (view.number, view.title, view.reporter, view.reporter_name) == (number, "A title \u7f16", RITA, "Rita")
    assert (view.status, view.encrypted, view.opened_at, view.owner, view.clocks) == ("open", True, NOW, None, ())
    assert room.worker().view(number + 1) is None


def test_numbers_are_counted_from_one_and_never_given_twice(room: Storeroom) -> None:
    assert [room.open_issue() for _ in range(3)] == [1, 2, 3]
    with room.database.write() as connection:
        connection.execute(delete(tables.issue).where(tables.issue.c.id == 3))
    assert room.open_issue() == 4


def test_a_participant_has_a_role_on_their_issue_only(room: Storeroom) -> None:
    first, second = room.open_issue(), room.open_issue()
    with deciding(room) as unit:
        unit.add_participant(first, Role.REPORTER, RITA, "Rita")
        assert (unit.role(first, RITA.upper()), unit.role(second, RITA), unit.role(first, SAM)) == (
            Role.REPORTER,
            None,
            None,
        )


def test_a_reporters_key_is_kept_with_them_and_used_for_them(room: Storeroom) -> None:
    first, second = room.open_issue(), room.open_issue()
    key, newer = ReporterKey("F" * 40, "armor"), ReporterKey("E" * 40, "newer")
    with deciding(room) as unit:
        for number in (first, second):
            unit.add_participant(number, Role.REPORTER, RITA, "Rita")
        unit.set_key(first, RITA, key)
    view, other = room.worker().view(first), room.worker().view(second)
    assert view is not None
    assert other is not None
    assert (view.reporter_key, other.reporter_key) == (key, None)
    with deciding(room) as unit:
        unit.set_key(first, RITA, newer)
        unit.set_key(second, RITA, key)
    assert room.worker().keys_of(RITA.upper()) == [newer, key]
    assert room.worker().keys_of(SAM) == []


def test_silent_are_the_members_who_wrote_nothing_on_that_issue(room: Storeroom) -> None:
    first, second = room.open_issue(), room.open_issue()
    with deciding(room) as unit:
        unit.add_message(first, "note", NOW, "alice@m.example", "<1@x>", encrypted=False, member_id="alice")
        unit.add_message(first, "follow-up", NOW, "bob@m.example", "<2@x>", encrypted=False)
        assert unit.silent_members(first, ["alice", "bob", "dave"]) == ["bob", "dave"]
        assert unit.silent_members(second, ["alice", "bob"]) == ["alice", "bob"]


# First answers


def may(
    room: Storeroom, sender: str, now: datetime = NOW, per_sender: timedelta = HOUR, per_hour: int = 3, **how: Any
) -> bool:
    with deciding(room) as unit:
        return unit.may_acknowledge(sender, now, per_sender, per_hour, **how)


def test_a40_one_answer_per_sender_in_their_time_whatever_the_case_of_the_address(room: Storeroom) -> None:
    assert may(room, RITA)
    assert not may(room, RITA.upper(), NOW + HOUR - timedelta(seconds=1))
    assert may(room, RITA, NOW + HOUR)


def test_a40_only_so_many_answers_an_hour_in_all(room: Storeroom) -> None:
    assert [may(room, f"s{number}@x.example") for number in range(5)] == [True, True, True, False, False]
    assert not may(room, "s9@x.example", NOW + HOUR - timedelta(seconds=1))
    assert may(room, "s9@x.example", NOW + HOUR)


def test_a_refused_answer_does_not_count(room: Storeroom) -> None:
    assert may(room, RITA)
    for minutes in range(10, 60, 10):
        assert not may(room, RITA, NOW + timedelta(minutes=minutes))
    assert may(room, RITA, NOW + HOUR)


def test_no_time_per_sender_is_no_limit_per_sender_and_no_answer_an_hour_is_none(room: Storeroom) -> None:
    assert [may(room, RITA, per_sender=timedelta(0)) for _ in range(4)] == [True, True, True, False]
    assert not may(room, SAM, NOW + 2 * HOUR, per_hour=0)


def test_the_key_and_an_acknowledgement_are_counted_apart_for_a_sender_and_together_for_the_hour(
    room: Storeroom,
) -> None:
    assert may(room, RITA, kind="key")
    assert not may(room, RITA, kind="key")
    assert may(room, RITA)
    assert may(room, SAM)
    assert not may(room, SAM, kind="key")


def test_a48_answers_given_while_the_clock_was_a_year_ahead_silence_nobody_afterwards(room: Storeroom) -> None:
    for number in range(3):
        assert may(room, f"s{number}@x.example", NOW + timedelta(days=365))
    assert may(room, "s1@x.example")
    # A clock that is set back by a little lifts no cap.
    assert not may(room, "s1@x.example", NOW - timedelta(minutes=1))


# Bounces


def delivered(room: Storeroom, kind: str = "acknowledgement", member_id: str | None = None) -> int:
    """A mail that the smarthost took; its notice's number."""
    number = room.open_issue()
    room.notify(kind, number)
    store = room.worker()
    claim = claimed_notice(store)
    recipient = "bob@members.example" if member_id else RITA
    store.finish_notice(claim, [Draft(0, kind, recipient, member_id, "v@x", b"To: x\r\n\r\n", "<1@x>", (), False)], NOW)
    queue = SqlOutbox(room.database, room.vault)
    queue.finish([Result(mail, Sending.SENT, 1, 250, "") for mail in queue.claim(10, 1000, NOW)], NOW)
    return claim.id


def bounce(room: Storeroom, notice: int, seq: int = 0, at: datetime = NOW) -> int | None:
    with deciding(room) as unit:
        return unit.bounced(notice, seq, "5.1.1", at)


def told(room: Storeroom) -> list[tuple[str, int | None]]:
    return [(row.event, row.issue_id) for row in room.rows(tables.notice) if row.state == "new"]


def test_a_bounce_marks_its_mail_once_and_tells_once(room: Storeroom) -> None:
    notice = delivered(room)
    assert bounce(room, notice) == 1
    assert [row.state for row in room.rows(tables.outbox)] == ["bounced"]
    assert told(room) == [("undelivered_reporter", 1)]
    assert bounce(room, notice) == 1
    assert len(told(room)) == 1


def test_a_members_bounce_is_the_operators_business_with_its_count(room: Storeroom) -> None:
    for hours, notice in enumerate([delivered(room, "report", "bob") for _ in range(50)]):
        bounce(room, notice, at=NOW + timedelta(hours=hours))
    assert told(room) == [("undelivered_member", None)] * 3
    store = room.worker()
    counts = [claimed_notice(store).params["count"] for _ in range(3)]
    assert counts == [1, 24, 24]


def test_what_fails_for_a_list_in_place_of_members_is_the_operators_business_too(room: Storeroom) -> None:
    for notice in [
        delivered(room, kind) for kind in ("report", "reminder", "note", "key", "escalation", "undelivered_member")
    ]:
        bounce(room, notice)
    assert told(room).count(("undelivered_member", None)) == 1


def test_a_mail_that_came_back_is_found_among_those_that_were_sent(room: Storeroom) -> None:
    first, second = delivered(room), delivered(room, "report", "bob")
    with deciding(room) as unit:
        assert (unit.about(first, 0), unit.about(second, 0), unit.about(first, 1)) == (1, 2, None)
        assert unit.sent(1) == [(first, 0, RITA)]
    bounce(room, first)
    with deciding(room) as unit:
        assert unit.sent(1) == []


def test_a_bounce_of_a_mail_that_is_not_there_or_not_sent_yet_does_nothing(room: Storeroom) -> None:
    notice = delivered(room)
    assert bounce(room, notice, seq=1) is None
    assert bounce(room, notice + 1) is None
    with room.database.write() as connection:
        connection.execute(update(tables.outbox).values(state="waiting"))
    bounce(room, notice)
    assert [row.state for row in room.rows(tables.outbox)] == ["waiting"]
    assert told(room) == []


# Mails


def test_a_digest_is_known_once_its_mail_is_finished(room: Storeroom) -> None:
    room.accept()
    room.index()
    store = room.worker()
    with store.decide(claimed(store)) as unit:
        assert not unit.redelivered(b"digest")
        unit.finish(Disposition.OWN, None, NOW, digest=b"digest")
    with deciding(room) as later:
        assert later.redelivered(b"digest")
        assert not later.redelivered(b"another")


def test_the_original_and_what_was_inside_its_encryption_go_along_with_a_notice(
    room: Storeroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    room.control_leases(monkeypatch)
    room.accept(words="the original")
    room.index()
    store = room.worker()
    with store.decide(claimed(store)) as unit:
        number = unit.open_issue(_report())
        unit.notify("report", number, {"text": "x"}, NOW, original=True, pieces=b"inside")
        unit.notify("acknowledgement", number, {}, NOW)
        unit.finish(Disposition.REPORT, number, NOW)
    report, acknowledgement = unit.caused
    assert report.blob_id is not None
    assert report.pieces_id is not None
    assert store.read_blob(report.blob_id, number) == b"the original"
    assert store.read_blob(report.pieces_id, number) == b"inside"
    assert (acknowledgement.blob_id, acknowledgement.pieces_id) == (None, None)
    assert store.first_notice(number) == report.id
    # Its handler has them already; they are as they would be taken from the queue when that has died.
    assert store.claim_notice(NOW) is None
    room.pass_time(LEASE_SECONDS + 1)
    again = claimed_notice(store)
    assert again == dataclasses.replace(report, token=again.token)
    with pytest.raises(ClaimLost):
        store.finish_notice(report, [], NOW)


def _report() -> NewIssue:
    return NewIssue("A title", RITA, "Rita", False, NOW)


def test_a_unit_that_is_about_no_mail_finishes_none(room: Storeroom) -> None:
    with deciding(room) as unit, pytest.raises(ValueError, match="not about a mail"):
        unit.finish(Disposition.OWN, None, NOW)


def test_a_purged_issue_takes_no_more(room: Storeroom) -> None:
    number = room.open_issue()
    with room.database.write() as connection:
        connection.execute(update(tables.issue).values(wrapped_key=None))
    with room.database.read() as connection, pytest.raises(SealBroken):
        issue_view(connection, room.vault, number)
    with deciding(room) as unit, pytest.raises(SealBroken):
        unit.notify("reminder", number, {}, NOW)
