"""Keys that change, and members who come and go, on a bot as an operator runs it: the recipes of docs/operator.md."""

import os
import re
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from mailbot.app import open_database, open_vault
from mailbot.cli import rotation
from mailbot.cli.parser import run
from mailbot.openpgp.process import Gnupg
from mailbot.storage import keys, seal
from mailbot.storage.seal import read_key
from mailbot.storage.unseal import SealBroken, load_unsealer
from mailbot.storage.vault import Vault
from tests.bot import Bot, bot
from tests.openpgp_keys import Lab
from tests.world import mail


@pytest.fixture
def served(short_path: Path, lab: Lab) -> Iterator[Bot]:
    with bot(short_path, lab) as made:
        yield made


def taken(served: Bot, count: int) -> None:
    served.wait(lambda: len(served.recipients()) == count, f"{count} mails")


def reload(served: Bot) -> None:
    before = served.log_path.read_text().count("took the new config")
    assert served.process is not None
    served.process.send_signal(signal.SIGHUP)
    served.wait(lambda: served.log_path.read_text().count("took the new config") == before + 4, "four reloads")


def change(served: Bot, old: str, new: str) -> None:
    text = served.installation.config.read_text()
    assert old in text
    served.installation.config.write_text(text.replace(old, new))


# The seal key


def test_a_new_seal_key_opens_everything_and_the_old_one_nothing(served: Bot) -> None:
    served.start()
    served.send(mail(), "rita@out.example")
    taken(served, 4)
    served.send(mail(message_id="<2@out.example>", subject="Second"), "rita@out.example")
    taken(served, 7)
    assert served.stop() == 0
    directory = served.installation.directory
    said = served.run("key", "rotate-seal").stdout
    assert "sealed " in said
    (old,) = directory.glob("seal.key.old-*")
    assert old.stat().st_mode & 0o777 == 0o600
    settings = served.installation.settings
    database = open_database(settings)
    with database.read() as connection, pytest.raises(SealBroken):
        Vault(load_unsealer(old), connection)
    open_vault(settings, database)
    database.close()
    assert not list(directory.glob("seal.key.new*"))
    assert "fail" not in served.run("check", "--deep").stdout
    assert [issue["title"] for issue in served.json("issue", "list")] == ["Second", "Heap overflow in frobnicate"]
    assert served.run("audit", "verify").returncode == 0
    served.start()
    served.send(mail(message_id="<3@out.example>"), "rita@out.example")
    taken(served, 10)
    assert served.stop() == 0


def test_the_seal_key_stays_while_the_bot_runs_and_if_it_is_another_databases(served: Bot) -> None:
    served.start()
    done = served.run("key", "rotate-seal", check=False)
    assert done.returncode == 2
    assert "the bot is running here; stop it first" in done.stderr
    assert served.stop() == 0
    key = served.installation.directory / "seal.key"
    public = key.with_name("seal.key.pub")
    kept = key.read_bytes(), public.read_bytes()
    key.unlink()
    public.unlink()
    seal.generate(key)
    done = served.run("key", "rotate-seal", check=False)
    assert done.returncode == 2
    assert "is not the seal key of" in done.stderr
    key.write_bytes(kept[0])
    public.write_bytes(kept[1])
    assert served.run("key", "rotate-seal").returncode == 0


@pytest.mark.parametrize("step", range(1, 5))
def test_what_is_interrupted_at_any_step_is_finished_by_the_next_call(
    served: Bot, step: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each change of a file, and the commit before them, is a step: 1 is the first replacement."""
    served.run("queue", "list")
    command = ["--config", str(served.installation.config), "key", "rotate-seal"]
    steps = 0
    replace = os.replace

    def interrupted(*paths: Any) -> None:
        nonlocal steps
        steps += 1
        if steps == step:
            raise KeyboardInterrupt
        replace(*paths)

    with monkeypatch.context() as patched:
        patched.setattr("mailbot.cli.rotation.os.replace", interrupted)
        assert run(command) == (130 if step <= 3 else 0)
    if step <= 3:
        assert run(command) == 0
    settings = served.installation.settings
    key = settings.storage.seal_key_file
    assert load_unsealer(key).public_key == read_key(key.with_name("seal.key.pub"), "public key")
    with open_database(settings).read() as connection:
        Vault(load_unsealer(key), connection)
    assert not list(key.parent.glob("seal.key.new*"))
    assert len(list(key.parent.glob("seal.key.old-*"))) == 1


# The group's key


def test_a_new_key_of_the_group_is_announced_by_the_old_one_and_both_open_mail(served: Bot, lab: Lab) -> None:
    served.start()
    old = lab.group_key
    said = served.run("key", "rotate").stdout
    (new,) = re.findall(r"new key\s+([0-9A-F]{40})", said)
    assert f'key = "{new}"' in served.installation.config.read_text()
    taken(served, 3)
    by_recipient = {
        one.recipient: message_from_bytes(one.content, policy=policy.SMTP) for one in served.smarthost.taken()
    }
    alice = by_recipient["alice@members.example"]
    assert alice["Subject"] == "The group has a new key"
    _, ciphertext = alice.iter_parts()
    opened = lab.people.gpg("--status-fd", "1", "--decrypt", data=ciphertext.get_content(), fail=False).decode()
    assert re.search(rf"VALIDSIG .*{old}", opened)
    words = " ".join(opened.split())
    assert f"{new[:4]} {new[4:8]}" in words
    armor = opened[opened.index("-----BEGIN PGP PUBLIC") : opened.index("-----END PGP PUBLIC")]
    assert len(armor) > 500
    assert served.stop() == 0
    # An acknowledgement is signed by the new key, and mail to either is opened.
    served.start()
    home = served.installation.settings.openpgp.home
    for number, key in enumerate((old, new)):
        public = Gnupg(home).run(["--armor", "--export", key]).output
        body = Gnupg(home).run(["--armor", "--encrypt", "--recipient", key], [b"Secret words.\n"]).output
        assert public
        text = body.decode()
        served.send(
            mail(text, subject=f"To {number}", message_id=f"<{number}@out.example>"), f"rita{number}@out.example"
        )
        taken(served, 7 + 3 * number)
    assert [issue["encrypted"] for issue in served.json("issue", "list")] == [True, True]
    acknowledged = next(one for one in served.smarthost.taken() if one.recipient.startswith("rita"))
    signature = message_from_bytes(acknowledged.content).get_payload()[1].get_payload()  # type: ignore[union-attr,index]
    packets = lab.people.gpg("--list-packets", data=str(signature).encode()).decode()
    assert new in packets
    assert served.json("key", "list")[0]["fingerprint"] == new
    assert [row["kind"] for row in served.json("queue", "list")["outbox"][-3:]] == ["new_key"] * 3
    assert served.stop() == 0


def test_a_config_in_which_the_key_stands_otherwise_is_left_alone(tmp_path: Path) -> None:
    config = tmp_path / "mailbot.toml"
    text = f'[openpgp]\nkey = """{"A" * 40}"""\n'
    config.write_text(text)
    assert not rotation._put_key(config, "A" * 40, "B" * 40)
    assert config.read_text() == text
    assert list(tmp_path.iterdir()) == [config]


# Members


def test_a_member_gets_another_key_by_the_operators_word(served: Bot, lab: Lab) -> None:
    served.start()
    carol = lab.fingerprint("carol")
    exported = served.installation.directory / "carol.asc"
    exported.write_text(lab.people.public("carol"))
    assert "imported" in served.run("key", "import", str(exported)).stdout
    change(served, lab.fingerprint("bob"), carol)
    reload(served)
    served.send(mail(), "rita@out.example")
    taken(served, 4)
    bob = next(one for one in served.smarthost.taken() if one.recipient == "bob@members.example")
    packets = lab.people.gpg("--list-packets", "--list-only", data=bob.content, fail=False).decode()
    shown = served.json("member", "show", "bob")
    assert (shown["fingerprint"], shown["problem"]) == (carol, None)
    assert packets.count(":pubkey enc packet:") == 2
    assert served.stop() == 0


def test_members_come_and_go_by_the_config_also_for_what_waits(served: Bot) -> None:
    served.smarthost.on("MAIL", "451 later")
    served.start()
    served.send(mail(), "rita@out.example")
    served.wait(lambda: len(served.json("queue", "list")["outbox"]) == 4, "four mails that wait")
    text = served.installation.config.read_text()
    gone = re.sub(r'\[\[member\]\]\nid = "bob"(?:\n(?!\[).*)*\n', "", text)
    assert gone != text
    served.installation.config.write_text(
        gone + '\n[[member]]\nid = "erin"\nname = "Erin"\nemail = "erin@members.example"\n'
    )
    reload(served)
    served.smarthost.heal()
    ids = [str(row["id"]) for row in served.json("queue", "list")["outbox"]]
    served.run("queue", "retry", *ids)
    taken(served, 3)
    assert "bob@members.example" not in served.recipients()
    served.send(mail(message_id="<2@out.example>"), "rita@out.example")
    taken(served, 6)
    assert "erin@members.example" in served.recipients()
    assert "bob@members.example" not in served.recipients()
    assert served.stop() == 0


@contextmanager
def key_server(known: dict[str, bytes]) -> Iterator[str]:
    """An HKP server that knows these keys by fingerprint."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = next((data for name, data in known.items() if f"search=0x{name}" in self.path), None)
            self.send_response(404 if found is None else 200)
            self.end_headers()
            self.wfile.write(found or b"")

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_newer_copies_of_members_keys_are_fetched_and_nothing_else_is_believed(served: Bot, lab: Lab) -> None:
    alice, bob = lab.fingerprint("alice"), lab.fingerprint("bob")
    with key_server({alice: lab.people.public("alice").encode(), bob: lab.people.public("carol").encode()}) as url:
        done = served.run("key", "refresh", "--from", url)
    assert done.stdout.splitlines() == ["alice: nothing new", "bob: nothing new"]
    with open_database(served.installation.settings).read() as connection:
        assert keys.get(connection, lab.fingerprint("carol")) is None
    with key_server({}) as url:
        done = served.run("key", "refresh", "--from", url)
    assert "alice: the server has no such key" in done.stdout
    done = served.run("key", "refresh", "--from", "file:///etc/passwd", check=False)
    assert "a key server's URL begins with https://" in done.stdout
    assert [row["problem"] is None for row in served.json("member", "list")[:2]] == [True, True]
