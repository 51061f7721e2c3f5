"""What operators' scripts read: names, types and filters that stay."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from types import NoneType
from typing import Any

import pytest
from sqlalchemy import update

from mailbot.domain.clocks import Act, Firing, Plan
from mailbot.domain.issue import Disposition, Outcome, Role
from mailbot.service.closing import close
from mailbot.service.outgoing import Outcome as Sending
from mailbot.service.outgoing import Result
from mailbot.service.store import Draft, NewIssue
from mailbot.storage import tables
from mailbot.storage.listings import FILTERS, Listings, instant
from mailbot.storage.outbox import SqlOutbox
from mailbot.storage.unit_of_work import UnitOfWork
from tests.unit.storage.storeroom import NOW, RITA, Storeroom, claimed

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
TEXT, WORDS = (str,), (str, NoneType)

ISSUE: dict[str, tuple[type, ...]] = {
    "id": TEXT, "number": (int,), "title": TEXT, "status": TEXT, "owner": WORDS, "severity": WORDS, "category": WORDS,
    "outcome": WORDS, "opened_at": TEXT, "published_at": WORDS, "tags": (list,), "cvss": WORDS, "cves": (list,),
    "links": (list,), "reporter": (dict,), "encrypted": (bool,), "drill": (bool,), "duplicate_of": WORDS,
    "embargo_until": WORDS, "appointed": WORDS,
}  # fmt: skip
SHOWN = ISSUE | dict.fromkeys(("clocks", "messages", "history", "verdicts", "participants"), (list,))
CLOCK = {"name": TEXT, "started_at": TEXT, "due_at": TEXT, "next_at": WORDS, "state": TEXT}
MESSAGE = {
    "direction": TEXT, "kind": TEXT, "from": WORDS, "at": TEXT, "message_id": WORDS, "signed_by": WORDS,
    "encrypted": (bool,),
}  # fmt: skip
HISTORY: dict[str, tuple[type, ...]] = {"at": TEXT, "actor": TEXT, "action": TEXT, "old": (object,), "new": (object,)}
INBOX = {"id": (int,), "received_at": TEXT, "state": TEXT, "disposition": WORDS, "issue": WORDS}
OUTBOX = {
    "id": (int,), "kind": TEXT, "recipient": TEXT, "state": TEXT, "attempts": (int,), "last_error": WORDS,
    "issue": WORDS,
}  # fmt: skip


def conforms(value: dict[str, Any], names: dict[str, tuple[type, ...]]) -> None:
    assert not set(names) - set(value)
    for name, kinds in names.items():
        # A bool is an int to Python, and neither to JSON.
        right = type(value[name]) in kinds or object in kinds
        assert right, f"{name} is {value[name]!r}"
    json.dumps(value)


@contextmanager
def listings(room: Storeroom) -> Iterator[Listings]:
    with room.database.read() as connection:
        yield Listings(connection, room.vault, "EX")


def opened(room: Storeroom, due: timedelta = 2 * DAY, at: datetime = NOW) -> int:
    number = room.open_issue(f"Title {due}")
    with room.database.write() as connection:
        plan = Plan(at + due, (Firing(at + due, Act.ESCALATE, 1),))
        UnitOfWork(connection, room.vault).start_clock(number, "first_response", at, plan)
    return number


def listed(room: Storeroom, word: str | None = None, limit: int = 0, now: datetime = NOW) -> list[int]:
    with listings(room) as rows:
        return [row["number"] for row in rows.issues(word, limit, now)]


def put(room: Storeroom, number: int, **values: Any) -> None:
    with room.database.write() as connection:
        connection.execute(update(tables.issue).where(tables.issue.c.id == number).values(**values))


@pytest.fixture
def told(room: Storeroom) -> Storeroom:
    """EX-1: a mail came in, was decided, and one went out."""
    room.accept(words="x")
    room.index()
    store = room.worker()
    with store.decide(claimed(store)) as unit:
        number = unit.open_issue(_report())
        unit.add_participant(number, Role.REPORTER, RITA, "Rita")
        unit.add_message(number, "report", NOW, RITA, "<1@x>", encrypted=True, signed_by="F" * 40)
        plan = Plan(NOW + 2 * DAY, (Firing(NOW + DAY, Act.REMIND), Firing(NOW + 2 * DAY, Act.ESCALATE, 1)))
        unit.start_clock(number, "first_response", NOW, plan)
        unit.audit(number, "reporter", "opened", NOW, new={"title": "A title"})
        unit.notify("acknowledgement", number, {}, NOW)
        unit.finish(Disposition.REPORT, number, NOW)
    mail = Draft(0, "acknowledgement", RITA, None, "v@x", b"To: x\r\n\r\n", "<2@x>", (), False)
    store.finish_notice(unit.caused[0], [mail], NOW)
    return room


def _report() -> NewIssue:
    return NewIssue("A title", RITA, "Rita", True, NOW)


# Names and types


def test_an_issue_in_the_list_has_the_names_and_types_that_scripts_rely_on(told: Storeroom) -> None:
    with listings(told) as rows:
        (row,) = rows.issues(None, 50, NOW)
    conforms(row, ISSUE)
    assert (row["id"], row["number"], row["title"], row["status"]) == ("EX-1", 1, "A title", "open")
    assert row["opened_at"] == "2026-11-24T09:00:00Z"
    assert row["reporter"] == {"address": RITA, "name": "Rita"}
    assert (row["encrypted"], row["drill"], row["tags"], row["embargo_until"]) == (True, False, [], None)


def test_an_issue_that_is_shown_has_everything_about_it(told: Storeroom) -> None:
    with listings(told) as rows:
        shown = rows.issue(1)
        assert rows.issue(2) is None
    assert shown is not None
    conforms(shown, SHOWN)
    (clock,) = shown["clocks"]
    conforms(clock, CLOCK)
    assert clock == {
        "name": "first_response", "started_at": "2026-11-24T09:00:00Z", "due_at": "2026-11-26T09:00:00Z",
        "next_at": "2026-11-25T09:00:00Z", "state": "running",
    }  # fmt: skip
    came, went = shown["messages"]
    for message in (came, went):
        conforms(message, MESSAGE)
    assert (came["direction"], came["kind"], came["from"], came["signed_by"]) == ("in", "report", RITA, "F" * 40)
    assert (went["direction"], went["kind"], went["signed_by"]) == ("out", "acknowledgement", None)
    assert (came["message_id"], went["message_id"]) == ("<1@x>", "<2@x>")
    (history,) = shown["history"]
    conforms(history, HISTORY)
    assert (history["actor"], history["action"], history["old"], history["new"]) == (
        "reporter", "opened", None, {"title": "A title"},
    )  # fmt: skip
    assert shown["participants"] == [{"role": "reporter", "address": RITA, "name": "Rita"}]
    assert shown["verdicts"] == []


def test_the_queues_have_the_names_and_types_that_scripts_rely_on(told: Storeroom) -> None:
    told.accept()
    with listings(told) as rows:
        newer, older = rows.inbox(0)
        (out,) = rows.outbox(0)
    for row in (newer, older):
        conforms(row, INBOX)
    assert (older["state"], older["disposition"], older["issue"]) == ("done", "report", "EX-1")
    assert (newer["state"], newer["disposition"], newer["issue"]) == ("new", None, None)
    conforms(out, OUTBOX)
    assert (out["kind"], out["recipient"], out["state"], out["attempts"]) == ("acknowledgement", RITA, "waiting", 0)
    assert (out["last_error"], out["issue"]) == (None, "EX-1")


def test_what_the_smarthost_answered_is_told_to_the_operator(told: Storeroom) -> None:
    queue = SqlOutbox(told.database, told.vault)
    (mail,) = queue.claim(1, 1000, NOW)
    queue.finish([Result(mail, Sending.DEFERRED, 1, 450, f"RCPT TO: 450 {RITA} later", NOW + HOUR)], NOW)
    with listings(told) as rows:
        (out,) = rows.outbox(0)
    assert (out["state"], out["attempts"], out["last_error"]) == ("waiting", 1, f"RCPT TO: 450 {RITA} later")
    assert out["next_at"] == "2026-11-24T10:00:00Z"


def test_instants_are_rfc_3339_in_utc() -> None:
    assert instant(NOW.replace(microsecond=999_999)) == "2026-11-24T09:00:00Z"
    assert instant(None) is None


# Filters


def test_the_newest_come_first_up_to_the_limit(room: Storeroom) -> None:
    numbers = [opened(room) for _ in range(5)]
    assert listed(room) == numbers[::-1]
    assert listed(room, limit=2) == numbers[:2:-1]
    for _ in range(5):
        room.accept()
    with listings(room) as rows:
        assert [row["id"] for row in rows.inbox(2)] == [5, 4]
        assert len(rows.inbox(0)) == 5


def test_open_and_unclaimed_leave_out_what_is_closed_and_who_is_claimed(room: Storeroom) -> None:
    plain, waiting, closed, claimed_one = (opened(room) for _ in range(4))
    put(room, waiting, status="waiting")
    put(room, claimed_one, owner="alice")
    with room.database.write() as connection:
        close(UnitOfWork(connection, room.vault), closed, "invalid", "operator", NOW)
    assert listed(room, "open") == [claimed_one, waiting, plain]
    assert listed(room, "unclaimed") == [waiting, plain]
    assert listed(room, "mine") == []


def test_overdue_is_a_missed_clock_whose_duty_still_stands(room: Storeroom) -> None:
    missed, running, closed = (opened(room) for _ in range(3))
    store = room.worker()
    for found in store.due_clocks(NOW + 3 * DAY):
        if found.issue != running:
            with store.fire(found) as unit:
                assert unit is not None
                unit.save_clock(found.fire(NOW + 3 * DAY)[0])
    with room.database.write() as connection:
        close(UnitOfWork(connection, room.vault), closed, Outcome.INVALID, "operator", NOW + 3 * DAY)
    assert listed(room, "overdue", now=NOW + 3 * DAY) == [missed]


def test_due_is_what_a_deadline_comes_for_within_seven_days(room: Storeroom) -> None:
    today, this_week, later = opened(room, HOUR), opened(room, 7 * DAY), opened(room, 7 * DAY + timedelta(seconds=1))
    assert listed(room, "due") == [this_week, today]
    assert listed(room, "due", now=NOW + 2 * HOUR) == [later, this_week]


def test_every_filter_goes_with_the_limit(room: Storeroom) -> None:
    numbers = [opened(room, HOUR) for _ in range(3)]
    for word in FILTERS:
        assert len(listed(room, word, limit=2)) <= 2
    assert listed(room, "due", limit=2) == numbers[:0:-1]


# After a purge


def test_a36_after_a_purge_an_issue_is_listed_without_its_content(told: Storeroom) -> None:
    put(told, 1, wrapped_key=None)
    with listings(told) as rows:
        (row,), shown, (out,), (came,) = rows.issues(None, 0, NOW), rows.issue(1), rows.outbox(0), rows.inbox(0)
    assert shown is not None
    assert (row["id"], row["title"], row["reporter"]) == ("EX-1", None, {"address": None, "name": None})
    assert shown["history"][0]["action"] == "opened"
    assert (shown["history"][0]["new"], out["recipient"], came["issue"]) == (None, None, "EX-1")
    for secret in (RITA, "Rita", "A title", "<1@x>"):
        assert secret not in json.dumps([row, shown, out, came])
