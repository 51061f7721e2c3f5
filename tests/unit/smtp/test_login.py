"""Logging in to the smarthost: what is sent, what is never sent, and what the operator hears."""

import base64
from pathlib import Path
from typing import Any

import pytest

from mailbot.smtp.login import Login
from tests.smarthost import FakeSmarthost
from tests.unit.smtp.delivering import IMPATIENT, delivering, run, until
from tests.unit.smtp.memory_outbox import MemoryOutbox

USER, PASSWORD = "böt@example.org", "correct horse ümlaut"


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


PLAIN = encoded(f"\0{USER}\0{PASSWORD}")


@pytest.fixture
def login(tmp_path: Path) -> Login:
    (tmp_path / "user").write_text(f"{USER}\n")
    (tmp_path / "password").write_text(f"{PASSWORD}\n")
    (tmp_path / "password").chmod(0o600)
    return Login(tmp_path / "user", tmp_path / "password")


def smarthost(methods: str = "PLAIN LOGIN CRAM-MD5") -> FakeSmarthost:
    return FakeSmarthost(extensions=("8BITMIME", f"AUTH {methods}"))


def sent(fake: FakeSmarthost, login: Login, **options: Any) -> list[str]:
    """Deliver three mails; every command line that came."""

    async def story() -> None:
        outbox = MemoryOutbox()
        for _ in range(3):
            outbox.add()
        async with fake, delivering(fake, outbox, parallel=1, login=login, **options):
            await until(outbox, lambda: set(outbox.states()) == {"sent"})

    run(story())
    return [line for _, line in fake.commands]


def held_back(fake: FakeSmarthost, login: Login) -> str:
    """Nothing may leave, and no mail is to blame; returns the reason that the operator reads."""
    reason = []

    async def story() -> None:
        outbox = MemoryOutbox()
        outbox.add()
        async with fake:
            async with delivering(fake, outbox, limits=IMPATIENT, login=login):
                await until(outbox, lambda: len(outbox.transactions) >= 3)
            assert (outbox.rows[1].state, outbox.rows[1].attempts) == ("waiting", 0)
            assert "MAIL" not in fake.verbs()
            reason.append(outbox.rows[1].last_error)

    run(story())
    assert PASSWORD not in reason[0]
    assert PLAIN not in reason[0]
    return reason[0]


def test_one_login_serves_a_whole_connection(login: Login) -> None:
    fake = smarthost()
    fake.on("AUTH", "235 2.7.0 welcome")
    assert sent(fake, login)[:2] == ["EHLO localhost", f"AUTH PLAIN {PLAIN}"]
    assert fake.verbs().count("AUTH") == 1
    assert fake.connections == 1


def test_login_is_used_where_plain_is_not_offered(login: Login) -> None:
    fake = smarthost("LOGIN")
    fake.on("AUTH", f"334 {encoded('Password:')}")
    fake.on(encoded(PASSWORD).upper(), "235 2.7.0 welcome")
    assert f"AUTH LOGIN {encoded(USER)}" in sent(fake, login)


def test_a_changed_password_counts_for_the_next_connection(login: Login, tmp_path: Path) -> None:
    first = smarthost()
    first.on("AUTH", "235 2.7.0 welcome")
    sent(first, login)
    (tmp_path / "password").write_text("another\n")
    second = smarthost()
    second.on("AUTH", "235 2.7.0 welcome", matching=encoded(f"\0{USER}\0another"))
    second.on("AUTH", "535 5.7.8 no")
    sent(second, login)


def test_a_wrong_password_is_tried_once_a_connection_and_blames_no_mail(login: Login) -> None:
    fake = smarthost()
    fake.on("AUTH", "535 5.7.8 authentication failed")
    assert held_back(fake, login) == "AUTH: 535 5.7.8 authentication failed"
    assert fake.verbs().count("AUTH") == fake.connections


@pytest.mark.parametrize("offered", [(), ("AUTH GSSAPI",)])
def test_nothing_is_sent_if_no_login_is_taken(login: Login, offered: tuple[str, ...]) -> None:
    fake = FakeSmarthost(extensions=offered)
    assert held_back(fake, login).endswith("is not offered, but delivery.password_file is set: nothing was sent")
    assert "AUTH" not in fake.verbs()


@pytest.mark.parametrize("trouble", ["silent", "drop"])
def test_a_login_that_breaks_off_is_an_outage(login: Login, trouble: str) -> None:
    fake = smarthost()
    fake.on("AUTH", silent=trouble == "silent", drop=trouble == "drop")
    assert held_back(fake, login).startswith("AUTH: ")


def test_a_file_that_others_may_read_or_that_went_away_sends_nothing(login: Login, tmp_path: Path) -> None:
    (tmp_path / "password").chmod(0o644)
    assert held_back(smarthost(), login).endswith(
        f"delivery.password_file: every user may read it; mend: chmod o= {tmp_path}/password: nothing was sent"
    )
    (tmp_path / "password").unlink()
    assert "delivery.password_file: cannot be read: No such file or directory" in held_back(smarthost(), login)


@pytest.mark.parametrize("text", ["", "\n", "two\nlines\n", "x" * 4097, "nul\0"])
def test_a_file_holds_one_line(login: Login, tmp_path: Path, text: str) -> None:
    (tmp_path / "user").write_text(text)
    with pytest.raises(ValueError, match=r"user: delivery\.user_file: allowed: one line of text, at most 4096 bytes"):
        login.read()
