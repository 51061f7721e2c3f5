"""Whole conversations with the bot, mail for mail: every folder here is a story. README.md says how to read one."""

import hashlib
import logging
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

import pytest

from mailbot.config import load
from mailbot.duration import Duration
from mailbot.mail.filters import size
from mailbot.service.notices import NOTICES
from mailbot.storage import keys
from tests.conversations import placeholders
from tests.conversations.incoming import arriving
from tests.conversations.placeholders import Placeholders
from tests.conversations.shown import shown
from tests.conversations.story import Step, Story
from tests.installation import install, without_digest
from tests.openpgp_keys import ADDRESSES, Lab
from tests.world import HEALTHY, Sent, World

HERE = Path(__file__).parent
STORIES = sorted(path.parent for path in HERE.glob("*/story.toml"))

# Whoever can be a member in a story: the name, and the key of the lab that is theirs.
CAST = {
    "alice": ("Alice Example", "alice"),
    "bob": ("Bob Example", "bob"),
    "dave": ("Dave Example", None),
    "eve": ("Eve Example", "expired"),
    "rita": ("Rita Example", "revoked"),
    "ruth": ("Ruth Example", "sub-key-revoked"),
    "susan": ("Susan Example", "sub-key-expired"),
}
ON_CALL = "alice"


class Telling:
    """One story while it is told."""

    def __init__(
        self, story: Story, directory: Path, lab: Lab, key_ids: dict[str, str],
        golden: Callable[[Path, str | None], None],
    ) -> None:  # fmt: skip
        self.story = story
        self.lab = lab
        self.key_ids = key_ids
        self.golden = golden
        self.scratch = directory / "scratch"
        self.scratch.mkdir()
        self.installation = install(directory, lab, extra="", more_members="")
        base = self.installation.config.read_text().partition("[slo]")[0]
        self._base = base.replace("[listener]\n", f"[listener]\n{story.listener}", 1)
        self._write_config(story.config, story.members)
        self.world = World(self.installation, lab)
        self._import_keys(story.members)
        self.placeholders = Placeholders(lab, key_ids)
        self.mails: dict[str, bytes] = {}

    def tell(self) -> None:
        written = set()
        for step in self.story.steps:
            written |= self._check(step, self._perform(step))
        for left_over in sorted(set(self.story.folder.glob("*.out.txt")) - written):
            self.golden(left_over, None)

    def check_end(self) -> None:
        world, story = self.world, self.story
        assert world.dispositions() == story.inbox
        if story.outbox is not None:
            states = [row["state"] for row in world.outgoing()]
            assert {state: states.count(state) for state in states} == story.outbox
        shown_issues = [_plain(world.show(row["number"])) for row in reversed(world.issues())]
        assert len(shown_issues) == len(story.issues)
        for found, expected in zip(shown_issues, story.issues, strict=True):
            assert _named(found, expected) == expected
        assert not world.ticks.fire_due_clocks()

    def check_secrecy(self, log: str) -> None:
        """What is confidential went to nobody outside, in no clear header or text, and into no log."""
        for word in self.story.confidential:
            assert word not in log
            for one in self.world.sent:
                if one.encrypted or not (one.member_id and self.story.clear_to_members):
                    assert word not in _readable(one.raw), f"{word!r} can be read in the mail to {one.recipient}"

    def _perform(self, step: Step) -> list[Sent]:
        world = self.world
        if step.source is not None:
            source = step.source.read_bytes()
            source = self.placeholders.fill_in(source.decode("latin-1")).encode("latin-1")
            mail = arriving(source, self.lab, self.mails, world.now)
            self.mails[step.source.name.removesuffix(".eml")] = mail.raw
            for what, data in mail.random.items():
                self.placeholders.fix(hashlib.sha256(data).hexdigest(), f"{{SHA-256 of the {what}}}")
                self.placeholders.fix(size(len(data)), f"{{size of the {what}}}")
            return world.receive(mail.raw, mail.reverse_path, *mail.forward_paths)
        match step.does:
            case {"config": str(config), "members": list(names)}:
                members = tuple(map(str, names))
                self._import_keys(members)
                self._write_config(config, members)
                world.current.replace(load(self.installation.config))
                return world.settle()
            case str(text):
                return self._command(text)
        raise ValueError(f"not a step: {step.does}")

    def _command(self, text: str) -> list[Sent]:
        world = self.world
        if match := re.fullmatch(r"(\w+) pass", text):
            return world.pass_time(Duration.parse(match[1]).delta)
        if match := re.fullmatch(r"the operator closes EX-(\d+) as ([\w-]+)", text):
            world.close_issue(int(match[1]), match[2])
        elif text == "the operator has the bot mail itself":
            world.mail_itself()
        elif text == "the disk fills up":
            world.vitals = replace(HEALTHY, free_bytes=1_000_000)
        elif text == "there is room again":
            world.vitals = HEALTHY
        elif match := re.fullmatch(r"(\w+) (release|discard)s mail (\d+)", text):
            world.decide(match[2], int(match[3]), match[1])
        elif match := re.fullmatch(r"the operator imports the key of (\w+)", text):
            address = ADDRESSES[match[1]].rpartition("<")[2].rstrip(">")
            with world.store.database.write() as connection:
                fingerprint, armor = self.lab.fingerprint(match[1]), self.lab.people.public(match[1])
                keys.put(connection, fingerprint, armor, world.now, [address])
        elif match := re.fullmatch(r"the smarthost refuses (\S+) with (\d+) (.+)", text):
            world.refused[match[1]] = (int(match[2]), match[3])
        elif text in ("the smarthost goes down", "the smarthost is back"):
            world.smarthost_up = text.endswith("back")
        else:
            raise ValueError(f"not a step: {text}")
        return world.settle()

    def _check(self, step: Step, sent: list[Sent]) -> set[Path]:
        """Compare what was sent because of a step with its golden files. Returns them."""
        bodies: dict[bytes, list[Sent]] = {}
        for one in sent:
            bodies.setdefault(one.raw, []).append(one)
        assert len(bodies) <= 9, "there are nine numbers for the mails of one step"
        files = set()
        for number, (raw, copies) in enumerate(bodies.items(), start=1):
            people = "-".join(one.recipient.split("@")[0].split("+")[0] for one in copies)
            name = f"{step.number[:2]}{number}-{people}.out"
            text = self.placeholders.hide(shown(copies, self.mails, self.lab, self.key_ids, self.scratch))
            self.golden(self.story.folder / f"{name}.txt", text)
            self.mails[name] = raw
            files.add(self.story.folder / f"{name}.txt")
        return files

    def _write_config(self, config: str, members: tuple[str, ...]) -> None:
        config = re.sub(r"\{fingerprint of (\w+)\}", lambda found: self.lab.fingerprint(found[1]), config)
        self.installation.config.write_text(
            self._base + without_digest(config) + "".join(self._member(name) for name in members)
        )

    def _member(self, name: str) -> str:
        full_name, key = CAST[name]
        lines = ["[[member]]", f'id = "{name}"', f'name = "{full_name}"', f'email = "{name}@members.example"']
        lines += [f'fingerprint = "{self.lab.fingerprint(key)}"'] if key else []
        lines += ["oncall = true"] if name == ON_CALL else []
        return "\n" + "\n".join(lines) + "\n"

    def _import_keys(self, members: tuple[str, ...]) -> None:
        with self.world.store.database.write() as connection:
            for name in members:
                key = CAST[name][1]
                if key and name not in self.story.without_key:
                    fingerprint = self.lab.fingerprint(key)
                    keys.put(connection, fingerprint, self.lab.people.public(key), self.world.now)


def _plain(issue: dict[str, Any]) -> dict[str, Any]:
    """An issue with its clocks as a table of states, as story.toml writes it."""
    return {**issue, "clocks": {clock["name"]: clock["state"] for clock in issue["clocks"]}}


def _named(found: dict[str, Any], expected: dict[str, Any]) -> dict[str, Any]:
    """What a story says something about: of the clocks, too, only those that it names."""
    shown = {key: found[key] for key in expected}
    if "clocks" in expected:
        shown["clocks"] = {name: shown["clocks"].get(name) for name in expected["clocks"]}
    return shown


def _readable(raw: bytes) -> str:
    """Everything that can be read in a mail without a key: as it is, and decoded."""
    mail = message_from_bytes(raw, policy=policy.SMTP)
    decoded = [f"{name}: {value}" for name, value in mail.items()]
    for part in mail.walk():
        decoded += [f"{name}: {value}" for name, value in part.items()]
        if not part.is_multipart():
            decoded.append(part.get_payload(decode=True).decode("utf-8", "replace"))  # type: ignore[union-attr]
    return "\n".join([raw.decode("ascii"), *decoded])


@pytest.fixture(scope="session")
def key_ids(lab: Lab) -> dict[str, str]:
    return placeholders.key_ids(lab)


@pytest.fixture
def telling(
    request: pytest.FixtureRequest, short_path: Path, lab: Lab, key_ids: dict[str, str],
    golden: Callable[[Path, str | None], None],
) -> Iterator[Telling]:  # fmt: skip
    made = Telling(Story.read(request.param), short_path, lab, key_ids, golden)
    yield made
    made.world.end()


@pytest.mark.parametrize("telling", STORIES, ids=[path.name for path in STORIES], indirect=True)
def test_story(telling: Telling, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, "mailbot"):
        telling.tell()
    telling.check_end()
    telling.check_secrecy(caplog.text)


def test_every_notice_has_a_story() -> None:
    texts = [path.read_text() for path in HERE.glob("*/*.out.txt")]
    told = {match[1] for text in texts if (match := re.search(r"^Notice: (\w+)", text, re.MULTILINE))}
    # Those hold a key that is new in each run: tests/integration/test_rotation.py and tests/commands read them.
    assert told == set(NOTICES) - {"new_key", "member_key"}
