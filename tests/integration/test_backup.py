"""A backup made while the bot runs, and what comes out of it."""

import io
import json
import shutil
import tarfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from mailbot import backup
from mailbot.openpgp.process import stop_agent
from tests.bot import Bot, bot
from tests.installation import Installation
from tests.openpgp_keys import Lab
from tests.world import mail


@pytest.fixture
def served(short_path: Path, lab: Lab) -> Iterator[Bot]:
    directory = short_path / "a"
    directory.mkdir()
    with bot(directory, lab) as made:
        yield made


def restored(served: Bot, file: Path, directory: Path) -> Bot:
    """The backup in a directory of its own, with the secrets laid beside it."""
    said = served.run("restore", str(file), str(directory)).stdout
    old = served.installation.directory
    assert f"{directory}/seal.key and its .pub: the pair whose public half is" in said
    for name in ("seal.key", "seal.key.pub"):
        shutil.copy2(old / name, directory / name)
    shutil.copytree(old / "g", directory / "g", ignore=shutil.ignore_patterns("S.*", "*.lock"))
    config = directory / "mailbot.toml"
    config.write_text(config.read_text().replace(str(old / "g"), str(directory / "g")))
    return Bot(Installation(directory, config), served.smarthost)


def test_a52_a_backup_made_while_running_is_consistent_and_goes_on(served: Bot, short_path: Path) -> None:
    served.start()
    started, enough = threading.Event(), threading.Event()

    def flood() -> None:
        number = 0
        while not enough.is_set():
            number += 1
            author = f"Rita <rita{number}@out.example>"
            served.send(mail(author=author, message_id=f"<{number}@out.example>"), f"rita{number}@out.example")
            if number == 10:
                started.set()

    sender = threading.Thread(target=flood)
    sender.start()
    assert started.wait(60)
    file = short_path / "backup.tar"
    assert served.run("backup", str(file)).returncode == 0
    enough.set()
    sender.join()
    assert served.stop() == 0
    again = restored(served, file, short_path / "b")
    assert "ok    books" in again.run("check", "--deep").stdout
    there = again.json("queue", "list", "--limit", "0")["inbox"]
    assert len(there) >= 10
    assert again.run("audit", "verify").returncode == 0
    again.start()
    again.wait(
        lambda: {row["state"] for row in again.json("queue", "list", "--limit", "0")["inbox"]} == {"done"},
        "everything that waited in the backup",
    )
    again.wait(
        lambda: {row["state"] for row in again.json("queue", "list", "--limit", "0")["outbox"]} == {"sent"},
        "everything sent",
    )
    assert len(again.json("issue", "list", "--limit", "0")) == len(there)
    # What went out twice, because the backup did not know, is the same mail.
    ids = [one.content.lower().split(b"message-id: <")[1].split(b">")[0] for one in served.smarthost.taken()]
    by_sender = {(one.sender, name) for one, name in zip(served.smarthost.taken(), ids, strict=True)}
    assert len({sender for sender, _ in by_sender}) == len(by_sender)
    assert again.stop() == 0
    stop_agent(short_path / "b" / "g")


def test_no_secret_is_in_it_and_it_is_owner_only(served: Bot, short_path: Path) -> None:
    file = short_path / "backup.tar"
    served.run("backup", str(file))
    assert file.stat().st_mode & 0o777 == 0o600
    content = file.read_bytes()
    assert (served.installation.directory / "seal.key").read_bytes().strip() not in content
    assert b"PRIVATE KEY" not in content
    for secret in (served.installation.directory / "g" / "private-keys-v1.d").iterdir():
        assert secret.read_bytes() not in content
    with tarfile.open(file) as archive:
        assert sorted(archive.getnames()) == ["about.json", "mailbot.db", "mailbot.toml", "public-keys.asc"]
    assert [path.name for path in short_path.iterdir() if path.name.startswith(".")] == []
    done = served.run("backup", str(file), check=False)
    assert done.returncode == 2
    assert "exists already" in done.stderr
    assert file.read_bytes() == content


def hostile(file: Path, kept: Path, change: str) -> None:
    """A backup in which one thing is not as it should be."""
    with tarfile.open(kept) as source, tarfile.open(file, "w") as archive:
        for member in source.getmembers():
            data = source.extractfile(member)
            assert data is not None
            content = data.read()
            if change == "missing" and member.name == "mailbot.db":
                continue
            if change == "damaged" and member.name == "mailbot.db":
                content = content[:5000] + bytes(3000) + content[8000:]
            if change == "about" and member.name == "about.json":
                content = json.dumps({"made_at": "now"}).encode()
            if change == "link" and member.name == "mailbot.toml":
                member.type, member.linkname, content = tarfile.SYMTYPE, "/etc/passwd", b""
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
        if change == "more":
            for name in ("../outside", "/tmp/mailbot-outside", "seal.key"):
                evil = tarfile.TarInfo(name)
                evil.size = 4
                archive.addfile(evil, io.BytesIO(b"evil"))


def test_what_is_no_whole_backup_is_refused_and_leaves_nothing(served: Bot, short_path: Path) -> None:
    kept = short_path / "backup.tar"
    served.run("backup", str(kept))
    for change in ("missing", "damaged", "about", "link"):
        file = short_path / f"{change}.tar"
        hostile(file, kept, change)
        with pytest.raises(backup.BadBackup):
            backup.restore(file, short_path / "new")
        assert not (short_path / "new").exists(), change
    (short_path / "text.tar").write_text("no tar at all")
    assert served.run("restore", str(short_path / "text.tar"), str(short_path / "new"), check=False).returncode == 1
    with pytest.raises(backup.BadBackup, match="is not empty"):
        backup.restore(kept, served.installation.directory)


def test_only_the_files_of_a_backup_come_out_of_one(served: Bot, short_path: Path) -> None:
    kept, file = short_path / "backup.tar", short_path / "more.tar"
    served.run("backup", str(kept))
    hostile(file, kept, "more")
    backup.restore(file, short_path / "new")
    names = sorted(path.name for path in (short_path / "new").iterdir())
    assert names == ["mailbot.db", "mailbot.toml", "public-keys.asc"]
    assert not (short_path / "outside").exists()
    assert not Path("/tmp/mailbot-outside").exists()
