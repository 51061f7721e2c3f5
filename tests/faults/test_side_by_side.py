"""Two of everything on one database: nothing happens twice, and who lost his claim changes nothing."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import update

from mailbot.errors import ClaimLost
from mailbot.service.store import MailKeys
from mailbot.storage.leadership import Leadership
from mailbot.storage.tables import inbox, notice
from tests.bot import Bot
from tests.faults.scene import scene
from tests.installation import ESCALATION
from tests.openpgp_keys import Lab
from tests.world import World, mail, world

HASTY = '[slo]\nfirst_response_remind = "2s"\nfirst_response_escalate = "4s"\n' + ESCALATION


def test_a51_two_bots_on_one_database_do_everything_once(short_path: Path, lab: Lab) -> None:
    with scene(short_path, lab, extra=HASTY) as made:
        other = Bot(made.bot.installation, made.bot.smarthost, made.bot.environment)
        made.bot.start()
        other.start()
        try:
            made.ledger.hand_in_all([talk for number in range(2) for talk in made.handful(f"load{number}")])
            made.wait(lambda: made.books.firings == 2 * 5 * 2, "every clock's reminder and escalation")
            made.settle()
            assert other.stop() == 0
        finally:
            if other.process is not None:
                other.kill()
        assert made.books.complaints() == []
        assert made.books.repeats == 0
        lines = made.log().splitlines()
        for word in (" handled ", " composed ", " sent "):
            assert len({line.split()[1] for line in lines if word in line}) == 2, f"only one of them has{word}anything"


@contextmanager
def worlds(directory: Path, lab: Lab) -> Iterator[tuple[World, World]]:
    """Two bots in this process on one database."""
    with world(directory, lab) as one:
        other = World(one.installation, lab)
        try:
            yield one, other
        finally:
            other.end()


def expire(bot: World, table: str) -> None:
    """As if no lease of the table had been renewed for long."""
    with bot.store.database.write() as connection:
        connection.execute(update({"inbox": inbox, "notice": notice}[table]).values(claim_until=0.0))


def test_a51_a_worker_that_lost_a_mail_records_nothing(
    short_path: Path, lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    with worlds(short_path, lab) as (slow, quick):
        slow.accept(mail(), "rita@out.example")
        usual = slow.pipeline._decide

        def late(*arguments: object) -> object:
            expire(slow, "inbox")
            assert len(quick.settle()) == 4
            return usual(*arguments)  # type: ignore[arg-type]

        monkeypatch.setattr(slow.pipeline, "_decide", late)
        assert slow.settle() == []
        assert len(slow.issues()) == 1
        assert slow.dispositions() == ["report"]


def test_a51_a_worker_that_lost_a_notice_records_nothing(
    short_path: Path, lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    with worlds(short_path, lab) as (slow, quick):
        slow.accept(mail(), "rita@out.example")
        usual = slow.composer.compose
        sent: list[int] = []

        def late(*arguments: object) -> object:
            drafts = usual(*arguments)  # type: ignore[arg-type]
            if not sent:
                expire(slow, "notice")
                sent.append(len(quick.settle()))
            return drafts

        monkeypatch.setattr(slow.composer, "compose", late)
        assert slow.settle() == []
        assert sent == [4]


def test_a51_two_schedulers_that_saw_the_same_clock_fire_it_once(short_path: Path, lab: Lab) -> None:
    with worlds(short_path, lab) as (one, other):
        one.receive(mail(), "rita@out.example")
        one.now = other.now = one.now + timedelta(days=1)
        (seen,), (same,) = one.store.due_clocks(one.now), other.store.due_clocks(other.now)
        assert (one.ticks._fire(seen), other.ticks._fire(same)) == (True, False)
        assert {sent.kind for sent in one.settle()} == {"reminder"}


def test_a51_two_schedulers_ask_one_member_and_send_one_digest(short_path: Path, lab: Lab) -> None:
    """Both saw every clock due before either fired one."""
    with worlds(short_path, lab) as (one, other):
        one.reload(lambda text: text.replace("digest_hour = -1", "digest_hour = 8"))
        other.current.replace(one.current())
        one.receive(mail(), "rita@out.example")
        one.ticks.keep_standing()
        other.ticks.keep_standing()
        one.now = other.now = one.now + timedelta(days=2)
        seen = one.store.due_clocks(one.now)
        assert [clock.name for clock in seen] == ["digest", "first_response", "coordinator"]
        for clock in seen:
            assert (one.ticks._fire(clock), other.ticks._fire(clock)) == (True, False)
        sent = [*one.settle(), *other.settle()]
        alice = sorted(one.kind for one in sent if one.member_id == "alice")
        assert alice == ["appointed", "digest", "escalated"]
        assert one.show(1)["appointed"] == "alice"
        assert [clock.name for clock in one.store.due_clocks(one.now)] == []


def test_a51_only_one_scheduler_holds_the_lease_until_it_dies(
    short_path: Path, lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    with world(short_path, lab) as bot:
        first = Leadership(bot.store.database, "scheduler")
        second = Leadership(bot.store.database, "scheduler")
        second._owner = type(second._owner)(f"{first._owner.name}0")
        monkeypatch.setattr("mailbot.storage.leadership.is_dead", lambda name: False)
        assert [first.hold(), second.hold(), first.hold()] == [True, False, True]
        monkeypatch.setattr("mailbot.storage.leadership.is_dead", lambda name: name == first._owner.name)
        assert [second.hold(), first.hold()] == [True, False]


def test_a_claim_that_could_not_be_given_back_is_free_after_its_lease(short_path: Path, lab: Lab) -> None:
    with worlds(short_path, lab) as (one, other):
        one.accept(mail(), "rita@out.example")
        one.store.index_mails(lambda _envelope, _head: MailKeys("rita", ()))
        dropped = one.store.claim_mail(one.now)
        assert dropped is not None
        expire(one, "inbox")
        one.store.renew()  # of what is in hand, and that is nothing
        assert len(other.settle()) == 4
        with pytest.raises(ClaimLost):
            one.store.release_mail(dropped, one.now, timedelta(0))


def test_the_lease_of_what_is_in_hand_is_renewed(short_path: Path, lab: Lab) -> None:
    with worlds(short_path, lab) as (one, other):
        one.accept(mail(), "rita@out.example")
        one.store.index_mails(lambda _envelope, _head: MailKeys("rita", ()))
        claim = one.store.claim_mail(one.now)
        assert claim is not None
        with one.store.holding(claim):
            expire(one, "inbox")
            one.store.renew()
            assert other.store.claim_mail(other.now) is None
