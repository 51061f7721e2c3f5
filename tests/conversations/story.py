"""A story as its folder tells it: who the members are, what happens when, and how it ends. README.md explains it."""

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_KEYS = {
    "title",
    "tells",
    "members",
    "listener",
    "config",
    "without_key",
    "confidential",
    "clear_to_members",
    "steps",
    "expect",
}
_EXPECTED = {"inbox", "outbox", "issue"}


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that happens: a mail comes in (`source`), or what `does` says."""

    number: str
    source: Path | None
    does: Any


@dataclass(frozen=True, slots=True)
class Story:
    folder: Path
    title: str
    members: tuple[str, ...]
    listener: str
    config: str
    without_key: tuple[str, ...]
    confidential: tuple[str, ...]
    clear_to_members: bool
    steps: tuple[Step, ...]
    inbox: list[str]
    outbox: dict[str, int] | None
    issues: list[dict[str, Any]]

    @classmethod
    def read(cls, folder: Path) -> "Story":
        data = tomllib.loads((folder / "story.toml").read_text())
        expect = data["expect"]
        assert data.keys() <= _KEYS, f"unknown keys {data.keys() - _KEYS}"
        assert expect.keys() <= _EXPECTED, f"unknown keys {expect.keys() - _EXPECTED}"
        mails = {path.name.split("-")[0]: path for path in folder.glob("*.in.eml")}
        others = data.get("steps", {})
        numbers = sorted([*mails, *others])
        assert len(set(numbers)) == len(numbers), "a step has one number of its own"
        assert all(re.fullmatch(r"\d\d0", number) for number in numbers), "steps are numbered 010, 020 ..."
        return cls(
            folder=folder,
            title=data["title"],
            members=tuple(data.get("members", ("alice", "bob"))),
            listener=data.get("listener", ""),
            config=data.get("config", ""),
            without_key=tuple(data.get("without_key", ())),
            confidential=tuple(data.get("confidential", ())),
            clear_to_members=data.get("clear_to_members", False),
            steps=tuple(Step(number, mails.get(number), others.get(number)) for number in numbers),
            inbox=expect["inbox"],
            outbox=expect.get("outbox"),
            issues=expect.get("issue", []),
        )
