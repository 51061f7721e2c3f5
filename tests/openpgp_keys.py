"""Real keys for tests, made once per session with plain gpg, apart from the code under test.

`people` is everybody but the bot: one GnuPG home with the secret keys of members, reporters and strangers, that makes
the mail which arrives. `group_home` is the bot's. All keys are from 2020 and without expiry, except those that are
named after what is wrong with them, so that no clock in a test matters to them.
"""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from mailbot.openpgp.process import stop_agent

BORN = "20200101T000000"
LATER = "20200601T000000"
SIGNED = b"signed in good time\r\n"
ADDRESSES = {
    "alice": "Alice <alice@members.example>",
    "bob": "Bob <bob@members.example>",
    "carol": "Carol <carol@reporters.example>",
    "planted": "Alice <alice@members.example>",
    "impostor": "Carol <carol@reporters.example>",
    "revoked": "Rita <rita@members.example>",
    "expired": "Eve <eve@members.example>",
    "sub-key-expired": "Susan <susan@members.example>",
    "sub-key-revoked": "Ruth <ruth@members.example>",
}


@dataclass
class Home:
    """A GnuPG home, and gpg run on it as a person would."""

    path: Path
    fingerprints: dict[str, str] = field(default_factory=dict)

    @classmethod
    def create(cls, path: Path) -> "Home":
        path.mkdir(mode=0o700, exist_ok=True)
        path.chmod(0o700)
        # Else every agent measures at its start how slow it can make the guessing of passphrases.
        (path / "gpg-agent.conf").write_text("s2k-count 65536\n")
        return cls(path)

    def gpg(self, *arguments: str, data: bytes = b"", at: str = "", fail: bool = False) -> bytes:
        """The output of gpg; `at` is a faked time such as `BORN`. Whatever fails unexpectedly is shown."""
        command = [
            "gpg",
            "--homedir",
            str(self.path),
            "--batch",
            "--yes",
            "--no-tty",
            "--quiet",
            "--trust-model=always",
        ]
        command += ["--pinentry-mode=loopback", "--passphrase=", "--utf8-strings"]
        command += [f"--faked-system-time={at}!"] if at else []
        done = subprocess.run([*command, *arguments], input=data, capture_output=True, env={"PATH": os.environ["PATH"]})
        assert fail or done.returncode == 0, done.stderr.decode(errors="replace")
        return done.stdout

    def make(self, name: str, user_id: str, algorithm: str = "ed25519", sub: str = "cv25519", **expiry: str) -> str:
        """A key with an encryption sub-key; `expires` and `sub_expires` as gpg takes them, else never."""
        expires, sub_expires = expiry.get("expires", "never"), expiry.get("sub_expires", "never")
        before = self.listed()
        self.gpg("--quick-generate-key", user_id, algorithm, "cert,sign", expires, at=BORN)
        (fingerprint,) = self.listed() - before
        self.gpg("--quick-add-key", fingerprint, sub, "encr", sub_expires, at=BORN)
        self.fingerprints[name] = fingerprint
        return fingerprint

    def listed(self) -> set[str]:
        lines = self.gpg("--list-keys", "--with-colons").decode().splitlines()
        return {lines[number + 1].split(":")[9] for number, line in enumerate(lines) if line.startswith("pub:")}

    def public(self, name: str) -> str:
        """The armored public key."""
        return self.gpg("--armor", "--export", self.fingerprints[name]).decode()

    def secret(self, name: str) -> str:
        return self.gpg("--armor", "--export-secret-keys", self.fingerprints[name]).decode()

    def key_ids(self, name: str) -> dict[str, str]:
        """The key id that signs (``pub``) and the one that decrypts (``sub``)."""
        lines = self.gpg("--list-keys", "--with-colons", self.fingerprints[name]).decode().splitlines()
        return {line.split(":")[0]: line.split(":")[4] for line in lines if line[:4] in ("pub:", "sub:")}

    def sign(self, name: str, data: bytes, *options: str, at: str = "") -> bytes:
        """A detached signature, armored."""
        return self.gpg(*options, "--armor", "--local-user", self.fingerprints[name], "--detach-sign", data=data, at=at)

    def encrypt(self, data: bytes, to: Sequence[str], *options: str, by: str = "", at: str = "") -> bytes:
        """A message, armored, encrypted to the fingerprints `to` and signed `by` someone, if given."""
        signing = ["--local-user", self.fingerprints[by], "--sign"] if by else []
        recipients = [word for fingerprint in to for word in ("--recipient", fingerprint)]
        return self.gpg(*options, *signing, "--armor", "--encrypt", *recipients, data=data, at=at)


@dataclass
class Lab:
    people: Home
    group: Home
    signature_of_revoked: bytes
    """Over `SIGNED`, made before the key was revoked: gpg makes none any more."""

    @property
    def group_key(self) -> str:
        return self.group.fingerprints["group"]

    def fingerprint(self, name: str) -> str:
        return self.people.fingerprints[name]


@pytest.fixture(scope="session")
def lab() -> Iterator[Lab]:
    with laboratory() as made:
        yield made


@contextmanager
def laboratory() -> Iterator[Lab]:
    """For programs that are no tests."""
    root = Path(tempfile.mkdtemp(prefix="mb-"))
    try:
        yield _furnish(root)
    finally:
        for home in root.iterdir():
            stop_agent(home)
        shutil.rmtree(root, ignore_errors=True)


def _furnish(root: Path) -> Lab:
    people, group = Home.create(root / "p"), Home.create(root / "g")
    group.make("group", "Example Group <security@example.org>")
    for name, user_id in ADDRESSES.items():
        people.make(
            name,
            user_id,
            expires="20210101T000000" if name == "expired" else "never",
            sub_expires="20210101T000000" if name == "sub-key-expired" else "never",
        )
    people.gpg("--import", data=group.public("group").encode())
    people.fingerprints["group"] = group.fingerprints["group"]
    signature = people.sign("revoked", SIGNED, at=LATER)
    _revoke(people)
    return Lab(people, group, signature)


def _revoke(people: Home) -> None:
    certificate = people.path / "openpgp-revocs.d" / f"{people.fingerprints['revoked']}.rev"
    # gpg puts a colon before the armor, so that nobody imports it by accident.
    people.gpg("--import", data=certificate.read_bytes().replace(b"\n:-----", b"\n-----"))
    answers = b"key 1\nrevkey\ny\n0\n\ny\nsave\n"
    edit = ("--command-fd=0", "--edit-key", people.fingerprints["sub-key-revoked"])
    people.gpg(*edit, data=answers)
