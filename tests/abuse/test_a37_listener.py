"""The process that faces the world can read no stored mail: it never opens what it would need for that."""

import os
from pathlib import Path

from tests.abuse.victim import Victim
from tests.bot import bot
from tests.openpgp_keys import Lab
from tests.world import mail

SECRET = "qwzzxlistener"

# Notes every file that a listener's Python opens (PEP 578), and every program that it starts.
NOTES = """\
import os, sys
if "mailbot.roles" in sys.orig_argv and "listener" in sys.orig_argv:
    log = os.open({log!r}, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    def note(event, arguments):
        if event in ("open", "subprocess.Popen", "os.exec", "os.listdir", "sqlite3.connect"):
            os.write(log, (event + " " + str(arguments[0]) + "\\n").encode())
    sys.addaudithook(note)
"""


def test_a37_the_listener_opens_no_private_key_and_stores_nothing_readable(short_path: Path, lab: Lab) -> None:
    (short_path / "notes").mkdir()
    (short_path / "notes" / "sitecustomize.py").write_text(NOTES.format(log=str(short_path / "opened.log")))
    with bot(short_path, lab) as made:
        repository = Path(__file__).parents[2]
        made.environment["PYTHONPATH"] = f"{short_path / 'notes'}:{repository}"
        made.start("listener")
        raw = mail(f"{SECRET}body\n", author=f"{SECRET}@out.example", subject=f"{SECRET}subject")
        made.send(raw, f"{SECRET}@out.example")
        (pid,) = made.processes("listener")
        private = (short_path / "seal.key").read_text().strip()
        assert private.encode() not in Path(f"/proc/{pid}/environ").read_bytes()
        held = {os.readlink(path) for path in Path(f"/proc/{pid}/fd").iterdir()}
        stored = Victim(made, lab).everything_stored()
        assert made.stop() == 0

        noted = (short_path / "opened.log").read_text().splitlines()
        assert any(line.endswith("seal.key.pub") for line in noted)
        assert any(line.startswith("sqlite3.connect") and "mailbot.db" in line for line in noted)
        for line in (*noted, *held):
            assert not line.endswith("/seal.key"), line
            assert str(short_path / "g") + "/" not in line, line
            assert not line.startswith(("subprocess.Popen", "os.exec")), line
        assert SECRET.encode() not in stored
        # And the mail is there, for those who can open it.
        made.start("worker", "delivery")
        made.wait(lambda: len(made.recipients()) == 4, "four mails")
