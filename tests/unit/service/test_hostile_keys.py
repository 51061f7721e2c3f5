"""Keys that look good and cannot be encrypted to: what waits for them goes out all the same, and nothing is stuck."""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import NoReturn

import pytest
from sqlalchemy import func, select

from mailbot.errors import MailFailed
from mailbot.storage import keys
from mailbot.storage.tables import notice
from tests.openpgp_keys import Lab
from tests.unit.openpgp.forged_keys import armored
from tests.world import World, mail, world


@pytest.fixture
def bot(short_path: Path, lab: Lab) -> Iterator[World]:
    with world(short_path, lab) as made:
        yield made


@pytest.mark.parametrize(
    "point", [b"\4" + b"\x11" * 64, b"\4" + b"\0" * 64, b"\2" + b"\x11" * 32, b"\4" + b"\xff" * 64]
)
def test_a_key_off_its_curve_delays_no_acknowledgement(bot: World, point: bytes) -> None:
    armor, _ = armored("Rita <rita@out.example>", point)
    raw = f"From: rita@out.example\nMessage-ID: <k@out.example>\nSubject: x\n\nhello\n\n{armor}".replace("\n", "\r\n")
    sent = bot.receive(raw.encode(), "rita@out.example")
    for _ in range(3):
        bot.now += timedelta(minutes=20)
        sent += bot.settle()
    assert sorted(one.recipient for one in sent) == [
        "alice@members.example", "bob@members.example", "dave@members.example", "rita@out.example",
    ]  # fmt: skip
    with bot.store.database.read() as connection:
        assert connection.scalar(select(func.count()).where(notice.c.state == "new")) == 0


def test_a_members_key_that_gpg_cannot_use_keeps_no_report_from_the_others(short_path: Path, lab: Lab) -> None:
    armor, fingerprint = armored("Erin <erin@members.example>", b"\2" + b"\x11" * 32)
    member = (
        f'\n[[member]]\nid = "erin"\nname = "Erin"\nemail = "erin@members.example"\nfingerprint = "{fingerprint}"\n'
    )
    with world(short_path, lab, more_members=member) as bot:
        with bot.store.database.write() as connection:
            keys.put(connection, fingerprint, armor, bot.now)
        sent = bot.receive(mail(), "rita@out.example")
        assert sorted(one.recipient for one in sent if one.encrypted) == [
            "alice@members.example",
            "bob@members.example",
        ]
        for one in sent:
            assert not one.encrypted or "erin has an unusable key and got only a notice" in one.words
        (erin,) = [one for one in sent if one.recipient == "erin@members.example"]
        assert b"heap overflow" not in erin.raw


def test_a_key_on_which_gpg_crashes_delays_an_acknowledgement_for_minutes_only(
    bot: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries = []

    def crash(_armored: Sequence[str]) -> NoReturn:
        tries.append(bot.now)
        raise MailFailed("gpg crashed with signal 11")

    monkeypatch.setattr(bot.gpg, "with_keys", crash)
    armor, _ = armored("Rita <rita@out.example>")
    raw = f"From: rita@out.example\nMessage-ID: <k@out.example>\nSubject: x\n\nhello\n\n{armor}".replace("\n", "\r\n")
    bot.accept(raw.encode(), "rita@out.example")
    for _ in range(5):
        bot.settle()
        bot.now += timedelta(minutes=2)
    (ack,) = [one for one in bot.sent if one.recipient == "rita@out.example"]
    assert not ack.encrypted
    assert len(tries) == 3
