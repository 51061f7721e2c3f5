"""Keys of every kind: the group's former ones, reporters' of all algorithms, with sub-keys that ended; and the words in
which members are told what a signature is worth."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from mailbot.openpgp.process import stop_agent
from tests.openpgp_keys import LATER, SIGNED, Home, Lab
from tests.shapes.checks import answer, arrived, nothing_gets_out, relay
from tests.shapes.conftest import UNLIMITED
from tests.shapes.mails import TEXT, armored, encrypt, encrypted, mail, multi, part, sign, signed, text
from tests.world import World, world

KEYS = ("rsa2048", "rsa4096", "brainpoolP256r1", "brainpoolP384r1", "nistp256")


def made(lab: Lab, algorithm: str, **expiry: str) -> str:
    """Somebody with such a key; their name and local part are the key's name."""
    name = "-".join([algorithm.lower(), *expiry])
    if name not in lab.people.fingerprints:
        lab.people.make(name, f"{name} <{name}@reporters.example>", algorithm, algorithm, **expiry)
    return name


def carrying(lab: Lab, name: str, *, by: str = "", at: str = "") -> str:
    """A text and the public key of somebody, signed by them."""
    entity = multi("mixed", [text(), part("application/pgp-keys; name=k.asc", lab.people.public(name))])
    signature = sign(lab, by or name, entity, at=at)
    return multi('signed; protocol="application/pgp-signature"', [entity, part("application/pgp-signature", signature)])


@pytest.mark.parametrize("algorithm", KEYS)
def test_a_reporter_with_such_a_key_is_read_and_answered(bot: World, algorithm: str) -> None:
    name = made(bot.lab, algorithm)
    address = f"{name}@reporters.example"
    entity = encrypted(encrypt(bot.lab, carrying(bot.lab, name)))
    sent = bot.receive(mail(entity, author=f"Somebody <{address}>"), address)
    nothing_gets_out(sent)
    assert arrived(sent).startswith(
        f"encrypted to us; good signature by a key that came along with this mail ({bot.lab.fingerprint(name)})"
    )
    assert answer(sent, address).encrypted
    assert "Your report has arrived" in answer(sent, address).words


# The group's own


@pytest.fixture(scope="module")
def former(lab: Lab) -> Iterator[World]:
    """A bot in whose home the group's former keys still are: RSA-4096, RSA-2048 and brainpool."""
    with tempfile.TemporaryDirectory(prefix="mb-", ignore_cleanup_errors=True) as folder:
        with world(Path(folder), lab, extra=UNLIMITED, own_home=True) as bot:
            home = Home(Path(folder) / "g")
            for algorithm in ("rsa4096", "rsa2048", "brainpoolP256r1"):
                name = f"former-{algorithm}"
                home.make(name, "Example Group <security@example.org>", algorithm, algorithm)
                lab.people.gpg("--import", data=home.public(name).encode())
                lab.people.fingerprints[name] = home.fingerprints[name]
            yield bot
        stop_agent(Path(folder) / "g")


@pytest.mark.parametrize("algorithm", ["rsa4096", "rsa2048", "brainpoolP256r1"])
@pytest.mark.parametrize("options", [(), ("--throw-keyids",)], ids=["named", "hidden"])
def test_what_is_encrypted_to_a_former_key_is_still_read(
    former: World, algorithm: str, options: tuple[str, ...]
) -> None:
    sent = former.receive(
        mail(encrypted(encrypt(former.lab, text(), *options, to=f"former-{algorithm}"))), "rita@out.example"
    )
    nothing_gets_out(sent)
    assert TEXT in relay(sent).text
    assert arrived(sent) == "encrypted to us; not signed"


def test_a_hidden_recipient_among_others_is_found(bot: World) -> None:
    to = [bot.lab.fingerprint("carol"), bot.lab.group_key]
    armor = armored(bot.lab.people.encrypt(text().encode(), to, "--throw-keyids", by="alice"))
    sent = bot.receive(mail(encrypted(armor)), "rita@out.example")
    nothing_gets_out(sent)
    assert TEXT in relay(sent).text
    assert arrived(sent).startswith("encrypted to us; good signature by Alice Example")


# Sub-keys


def with_two_sub_keys(lab: Lab, name: str, first: str) -> str:
    """A key whose first encryption sub-key is expired or revoked, and whose second is fine."""
    people = lab.people
    if name not in people.fingerprints:
        people.make(name, f"{name} <{name}@reporters.example>", sub_expires=first or "never")
        if not first:
            answers = b"key 1\nrevkey\ny\n0\n\ny\nsave\n"
            people.gpg("--command-fd=0", "--edit-key", people.fingerprints[name], data=answers)
        people.gpg("--quick-add-key", people.fingerprints[name], "cv25519", "encr", "never")
    return name


@pytest.mark.parametrize(("name", "first"), [("sub-expired-once", "20210101T000000"), ("sub-revoked-once", "")])
def test_a_sub_key_that_ended_does_not_matter_where_another_is_fine(bot: World, name: str, first: str) -> None:
    address = f"{with_two_sub_keys(bot.lab, name, first)}@reporters.example"
    sent = bot.receive(mail(carrying(bot.lab, name), author=f"S <{address}>"), address)
    nothing_gets_out(sent)
    assert answer(sent, address).encrypted


@pytest.mark.parametrize(
    ("name", "address"),
    [("sub-key-expired", "susan@members.example"), ("sub-key-revoked", "ruth@members.example")],
)
def test_a_key_whose_only_sub_key_ended_is_told_and_not_used(bot: World, name: str, address: str) -> None:
    sent = bot.receive(mail(carrying(bot.lab, name), author=f"S <{address}>"), address)
    nothing_gets_out(sent)
    assert not answer(sent, address).encrypted
    assert f"the key {bot.lab.fingerprint(name)}, which is expired or without encryption key" in relay(sent).words
    assert arrived(sent).startswith("in clear; good signature by a key that came along")


# Verdicts


def detached(lab: Lab, *options: str, by: str = "alice", of: str = "", at: str = "") -> str:
    entity = text(TEXT.replace("xyzzy", "here"))
    signature = sign(lab, by, of or entity, *options, at=at)
    return multi('signed; protocol="application/pgp-signature"', [entity, part("application/pgp-signature", signature)])


def twice(lab: Lab) -> str:
    entity = text("here")
    both = [sign(lab, name, entity) for name in ("alice", "bob")]
    return multi(
        'signed; protocol="application/pgp-signature"', [entity, part("application/pgp-signature", "\n".join(both))]
    )


def twice_in_one(lab: Lab) -> str:
    return detached(lab, "--local-user", lab.fingerprint("bob"))


VERDICTS: dict[str, tuple[Callable[[Lab], str], str]] = {
    "unsigned": (lambda lab: text("here"), "in clear; not signed"),
    "good": (detached, "in clear; good signature by Alice Example ("),
    "bad": (lambda lab: detached(lab, of=text("something else")), "in clear; BAD SIGNATURE: the text was changed"),
    "no key": (lambda lab: detached(lab, by="carol"), "in clear; signed by the unknown key "),
    "two signatures": (twice, "in clear; signed more than once, so no signature counts"),
    "two signers": (twice_in_one, "in clear; signed more than once, so no signature counts"),
    "weak digest": (
        lambda lab: detached(lab, "--digest-algo=SHA1"),
        "in clear; signature by Alice Example ({alice}) does not count: weak digest",
    ),
    "expired signature": (
        lambda lab: detached(lab, "--default-sig-expire=1d", at=LATER),
        "in clear; signature by Alice Example ({alice}) does not count: key or signature expired",
    ),
    "damaged signature": (
        lambda lab: detached(lab).replace("\r\n\r\ni", "\r\n\r\nA", 1),
        "in clear; signature could not be checked",
    ),
    "expired key": (
        lambda lab: carrying(lab, "expired", at=LATER),
        "in clear; signature by a key that came along with this mail ({expired}), which proves nothing about who "
        "wrote it does not count: key or signature expired",
    ),
}


@pytest.mark.parametrize(("write", "words"), VERDICTS.values(), ids=VERDICTS.keys())
def test_members_are_told_what_a_signature_is_worth(bot: World, write: Callable[[Lab], str], words: str) -> None:
    sent = bot.receive(mail(write(bot.lab)), "rita@out.example")
    nothing_gets_out(sent)
    names = {name: bot.lab.fingerprint(name) for name in ("alice", "expired", "revoked")}
    assert arrived(sent).startswith(words.format(**names))
    assert bot.dispositions()[-1] == "report"  # nobody's word is thrown away, nor made anybody else's


def test_a_signature_by_a_key_that_was_revoked_since_does_not_count(bot: World) -> None:
    """It was made in good time. What it covers has no header of its own, and the key comes beside it."""
    key = part("application/pgp-keys; name=k.asc", bot.lab.people.public("revoked"))
    entity = multi(
        'signed; protocol="application/pgp-signature"',
        [SIGNED.decode(), part("application/pgp-signature", armored(bot.lab.signature_of_revoked))],
    )
    raw = mail(multi("mixed", [entity, key]), author="Rita <rita@members.example>")
    sent = bot.receive(raw, "rita@members.example")
    nothing_gets_out(sent)
    assert "a part of it is signed, and the signature does not count (revoked)" in relay(sent).words
    assert f"the key {bot.lab.fingerprint('revoked')}, which is revoked and not used" in relay(sent).words
    assert not answer(sent, "rita@members.example").encrypted


def test_no_key_is_fetched_because_a_mail_names_one(bot: World) -> None:
    """Unknown signers, a preferred key server in the signature, an address with a key directory: gpg's own network
    program is never started."""
    options = ("--sig-keyserver-url=hkp://keys.example", "--sender=carol@reporters.example")
    sent = bot.receive(mail(detached(bot.lab, *options, by="carol")), "rita@out.example")
    nothing_gets_out(sent)
    assert arrived(sent).startswith("in clear; signed by the unknown key")
    running = [path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline") if os.access(path, os.R_OK)]
    assert not [line for line in running if b"dirmngr" in line and str(bot.lab.group.path).encode() in line]
    assert not list(bot.lab.group.path.glob("S.dirmngr*"))


# An operator's word


def imported(bot: World, name: str, number: int, tmp_path: Path) -> subprocess.CompletedProcess[str]:
    """`mailbot key import --issue`."""
    file = tmp_path / f"{name}.asc"
    file.write_text(bot.lab.people.public(name))
    command = ["--config", str(bot.installation.config), "key", "import", "--issue", f"EX-{number}", str(file)]
    return subprocess.run(
        [sys.executable, "-m", "mailbot", *command], capture_output=True, text=True, timeout=60, check=False
    )


def test_a_key_that_an_operator_imports_is_the_reporters(short_path: Path, lab: Lab, tmp_path: Path) -> None:
    with world(short_path, lab) as bot:
        bot.receive(mail(text("hello")), "rita@out.example")
        done = imported(bot, "planted", 1, tmp_path)
        assert done.returncode == 0, done.stderr
        assert lab.fingerprint("planted") in done.stdout
        assert bot.show(1)["history"][-1]["new"] == lab.fingerprint("planted")
        raw = mail(signed(lab, "planted", text("more")), subject="[EX-1] more")
        sent = bot.receive(raw, "rita@out.example")
        nothing_gets_out(sent)
        assert "authenticated by their signature" in relay(sent).words
        assert "good signature by the key of this sender that we know" in relay(sent).words
        later = bot.pass_time(timedelta(days=3))
        assert [one.encrypted for one in later if one.recipient == "rita@out.example"] == [True]
        assert imported(bot, "planted", 99999, tmp_path).returncode == 2
