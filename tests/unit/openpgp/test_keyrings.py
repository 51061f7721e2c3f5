"""The keyring of one process: built beside, swapped in one step, cleaned up."""

import os
import resource
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from mailbot.openpgp.gpg import Gpg
from mailbot.openpgp.keyrings import Keyrings
from mailbot.openpgp.process import Gnupg, GpgUnusable
from tests.openpgp_keys import Lab


@pytest.fixture
def keyrings(lab: Lab, tmp_path: Path) -> Keyrings:
    return Keyrings(Gnupg(lab.group.path), lab.group_key, tmp_path)


def _rings(scratch: Path) -> list[Path]:
    return list(scratch.glob("keys-*/ring-*"))


def test_a_ring_in_use_outlives_its_successor_and_then_goes(lab: Lab, keyrings: Keyrings, tmp_path: Path) -> None:
    keyrings.load(1, [lab.people.public("alice")])
    with keyrings.current() as former:
        keyrings.load(2, [lab.people.public("bob")])
        with keyrings.current() as now:
            assert now is not former
            assert lab.fingerprint("alice") in former.keys
            assert lab.fingerprint("alice") not in now.keys
        assert len(_rings(tmp_path)) == 2
        assert Path(former.options[-1]).exists()
    assert _rings(tmp_path) == [now.folder]
    keyrings.close()
    assert list(tmp_path.iterdir()) == []


def test_the_same_revision_starts_no_gpg(lab: Lab, keyrings: Keyrings, monkeypatch: pytest.MonkeyPatch) -> None:
    keyrings.load(7, [lab.people.public("alice")])
    monkeypatch.setattr(Gnupg, "run", lambda *_, **__: pytest.fail("gpg was started"))
    keyrings.load(7, [])
    keyrings.load(6, [])
    with keyrings.current() as ring:
        assert lab.fingerprint("alice") in ring.keys
    monkeypatch.undo()
    keyrings.close()


def test_threads_that_load_the_same_revision_build_it_once(
    lab: Lab, keyrings: Keyrings, monkeypatch: pytest.MonkeyPatch
) -> None:
    built: list[int | None] = []
    build = Keyrings._build

    def counted(self: Keyrings, revision: int | None, armored: tuple[str, ...]) -> object:
        built.append(revision)
        return build(self, revision, armored)

    monkeypatch.setattr(Keyrings, "_build", counted)
    threads = [threading.Thread(target=keyrings.load, args=(1, [lab.people.public("alice")])) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert built == [1]
    keyrings.close()


def test_a_failed_build_keeps_the_former_ring(
    lab: Lab, keyrings: Keyrings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keyrings.load(1, [lab.people.public("alice")])

    def fail(*_: object) -> None:
        raise GpgUnusable("disk full")

    monkeypatch.setattr("mailbot.openpgp.keyrings._fill", fail)
    with pytest.raises(GpgUnusable, match="disk full"):
        keyrings.load(2, [])
    with keyrings.current() as ring:
        assert lab.fingerprint("alice") in ring.keys
    assert len(_rings(tmp_path)) == 1
    monkeypatch.undo()
    keyrings.load(2, [])
    with keyrings.current() as ring:
        assert lab.fingerprint("alice") not in ring.keys
    keyrings.close()


def test_a_full_disk_is_not_taken_for_members_without_a_key(lab: Lab, tmp_path: Path) -> None:
    # Like a full disk for gpg: what it writes fails, and it is not ended for that.
    binary = tmp_path / "gpg"
    binary.write_text(f"#!/bin/sh\ntrap '' XFSZ\nexec {shutil.which('gpg')} \"$@\"\n")
    binary.chmod(0o700)
    keyrings = Keyrings(Gnupg(lab.group.path, binary=str(binary)), lab.group_key, tmp_path)
    keyrings.load(1, [])
    alice = [lab.people.public("alice")]
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
    try:
        with pytest.raises(GpgUnusable, match="no keyring can be written"):
            keyrings.load(2, alice)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    keyrings.load(2, alice)
    with keyrings.current() as ring:
        assert lab.fingerprint("alice") in ring.keys
    keyrings.close()


def test_a_full_disk_does_not_make_a_good_signature_dubious(lab: Lab, tmp_path: Path) -> None:
    binary = tmp_path / "gpg"
    binary.write_text(f"#!/bin/sh\ntrap '' XFSZ\nexec {shutil.which('gpg')} \"$@\"\n")
    binary.chmod(0o700)
    gpg = Gpg(lab.group.path, lab.group_key, tmp_path, binary=str(binary))
    gpg.load(1, [lab.people.public("alice")])
    message = lab.people.encrypt(b"text", [lab.group_key], by="alice")
    gpg.decrypt(message)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
    try:
        assert gpg.decrypt(message).signature.good
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    gpg.close()


def test_after_forget_the_home_is_looked_at_again(lab: Lab, keyrings: Keyrings) -> None:
    keyrings.load(1, [lab.people.public("alice")])
    with keyrings.current() as former:
        pass
    keyrings.forget()
    with keyrings.current() as ring:
        assert ring is not former
        assert ring.keys.keys() == former.keys.keys()
        assert ring.revision == 1
    keyrings.close()


def test_the_keyring_is_for_its_owner_only(lab: Lab, keyrings: Keyrings, tmp_path: Path) -> None:
    keyrings.load(1, [lab.people.public("alice")])
    for folder in (*tmp_path.glob("keys-*"), *_rings(tmp_path)):
        assert folder.stat().st_mode & 0o077 == 0
    keyrings.close()


def test_what_a_dead_process_left_is_removed_and_what_a_living_one_uses_is_not(lab: Lab, tmp_path: Path) -> None:
    living = Gpg(lab.group.path, lab.group_key, tmp_path)
    living.load(1, [lab.people.public("alice")])
    used = _rings(tmp_path)
    script = "import sys; from pathlib import Path; from mailbot.openpgp.gpg import Gpg; import os\n"
    script += "Gpg(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3])).load(1, []); os._exit(0)"
    subprocess.run([sys.executable, "-c", script, str(lab.group.path), lab.group_key, str(tmp_path)], check=True)
    assert len(_rings(tmp_path)) == 2
    later = Gpg(lab.group.path, lab.group_key, tmp_path)
    later.load(1, [])
    assert {*used} < {*_rings(tmp_path)}
    assert len(_rings(tmp_path)) == 2
    assert living.verify(b"x", lab.people.sign("alice", b"x")).good
    living.close()
    later.close()
    assert list(tmp_path.iterdir()) == []


def test_after_close_nothing_is_open(lab: Lab, keyrings: Keyrings) -> None:
    before = set(os.listdir("/proc/self/fd"))
    keyrings.load(1, [])
    keyrings.close()
    assert set(os.listdir("/proc/self/fd")) == before
    keyrings.close()


def test_the_operators_home_is_not_written_to(lab: Lab, gpg: Gpg) -> None:
    def contents() -> dict[str, bytes]:
        names = ("pubring.kbx", "trustdb.gpg")
        return {name: (lab.group.path / name).read_bytes() for name in names if (lab.group.path / name).exists()}

    before = contents()
    gpg.load(2, [lab.people.public("alice"), lab.people.public("carol")])
    gpg.decrypt(gpg.encrypt([b"text"], [lab.group_key, lab.fingerprint("carol")]))
    assert contents() == before
