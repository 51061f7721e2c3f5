"""gpg is missing or hangs, its agent dies, the parser dies or hangs: it costs the one mail that caused it, at most."""

import shutil
from email import message_from_bytes
from email.policy import SMTP
from pathlib import Path

from mailbot.openpgp.process import stop_agent
from tests.faults.ledger import Entry, Post
from tests.faults.scene import Scene, scene
from tests.openpgp_keys import Lab

HANGING_GPG = """\
#!/bin/sh
case "$*" in *--decrypt*)
    cat > {directory}/in.$$
    grep -q '^Comment: hang' {directory}/in.$$ && exec sleep 600
    exec {gpg} "$@" < {directory}/in.$$
esac
exec {gpg} "$@"
"""
DYING_PARSER = """\
import os, sys, time
sys.path.insert(0, sys.argv[1])
from mailbot.cage import worker
usual = worker.parse
def parse(raw):
    if b"This kills the parser" in raw:
        os.kill(os.getpid(), 9)
    if b"This hangs the parser" in raw:
        time.sleep(600)
    return usual(raw)
worker.parse = parse
worker.main()
"""


def path_of(scene: Scene) -> Path:
    """A PATH of the bot's own, with gpg and what a shell script needs."""
    path = scene.bot.installation.directory / "bin"
    path.mkdir()
    for name in ("gpg", "gpgconf", "cat", "grep", "sleep", "sh"):
        found = shutil.which(name)
        assert found is not None
        (path / name).symlink_to(found)
    scene.bot.environment["PATH"] = str(path)
    return path


def test_a46_mail_waits_while_gpg_is_missing_and_it_is_not_the_mails_fault(short_path: Path, lab: Lab) -> None:
    with scene(short_path, lab) as made:
        path = path_of(made)
        made.bot.start()
        made.ledger.hand_in_all(made.handful("before"))
        made.settle()
        (path / "gpg").rename(path / "elsewhere")
        made.ledger.hand_in_all(made.handful("missing"))
        made.wait_for_log("cause=GpgMissing")
        (path / "elsewhere").rename(path / "gpg")
        made.settle()
        assert made.books.complaints() == []
        assert made.query("SELECT max(failures) FROM inbox UNION SELECT max(failures) FROM notice") == [(0,)]


def test_a46_gpg_missing_since_the_start_is_found_when_it_is_there(short_path: Path, lab: Lab) -> None:
    with scene(short_path, lab) as made:
        path = path_of(made)
        (path / "gpg").rename(path / "elsewhere")
        made.bot.start()
        made.ledger.hand_in_all(made.handful("missing"))
        made.wait_for_log("cause=GpgMissing")
        (path / "elsewhere").rename(path / "gpg")
        made.settle()
        assert made.books.complaints() == []
        assert made.query("SELECT max(failures) FROM inbox UNION SELECT max(failures) FROM notice") == [(0,)]


def test_a46_an_agent_that_is_killed_again_and_again_costs_no_mail_anything(short_path: Path, lab: Lab) -> None:
    with scene(short_path, lab) as made:
        made.bot.start()
        kills = 0

        def killed_until_all_is_stored() -> bool:
            nonlocal kills
            stop_agent(made.bot.installation.settings.openpgp.home)
            kills += 1
            return kills >= 20

        made.ledger.hand_in_all([*made.handful("first"), *made.handful("second")])
        made.wait(killed_until_all_is_stored, "twenty kills")
        made.settle()
        assert made.books.complaints() == []
        assert made.query("SELECT max(failures) FROM inbox") == [(0,)]


def test_a46_mails_that_kill_or_hang_parser_or_gpg_are_relayed_raw_and_hold_up_no_others(
    short_path: Path, lab: Lab
) -> None:
    with scene(short_path, lab) as made:
        path = path_of(made)
        gpg = (path / "gpg").resolve()
        (path / "gpg").unlink()
        (path / "gpg").write_text(HANGING_GPG.format(gpg=gpg, directory=short_path))
        (path / "gpg").chmod(0o700)
        made.orders.put("gpg-seconds", 3)
        made.orders.put("cage", DYING_PARSER)
        post = Post(lab, "bad")
        bad = [
            post.plain(post.address("kills"), text="This kills the parser.\n"),
            post.plain(post.address("hangs"), text="This hangs the parser.\n"),
            post.encrypted(post.address("gpg"), "--comment", "hang"),
        ]
        for entry in bad:
            entry.state, entry.disposition, entry.relay = "quarantined", "unreadable", "unreadable"
        made.bot.start()
        made.ledger.hand_in_all([[entry] for entry in bad])
        made.ledger.hand_in_all(made.handful("good"))
        made.settle()
        assert made.books.complaints() == []
        # Three tries of what hangs take longer than all the others together.
        finished = [state for (state,) in made.query("SELECT state FROM inbox ORDER BY finished_at")]
        assert finished[-2:] == ["quarantined"] * 2
        for entry in bad:
            assert_relayed_raw(made, entry)


def assert_relayed_raw(scene: Scene, entry: Entry) -> None:
    to_alice = [mail.content for mail in scene.bot.smarthost.taken() if mail.recipient == "alice@members.example"]
    opened = [scene.lab.people.gpg("--decrypt", data=content[content.index(b"-----BEGIN") :]) for content in to_alice]
    parts = [list(message_from_bytes(content, policy=SMTP).walk()) for content in opened]
    (relay,) = [found for found in parts if any(part.get_payload(decode=True) == entry.raw for part in found)]
    text = next(part.get_content() for part in relay if part.get_content_type() == "text/plain")
    assert "could not be read" in text
