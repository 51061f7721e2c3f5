"""What a test orders to fail in a running bot: see `hook/sitecustomize.py`, which carries it out."""

import os
from dataclasses import dataclass
from pathlib import Path

import mailbot

HOOK = Path(__file__).parent / "hook"
# The hook is imported before Python puts the current directory on its path, and must find the same packages.
_PATH = dict.fromkeys([HOOK, Path(mailbot.__file__).parents[1], HOOK.parents[2]])


@dataclass(frozen=True, slots=True)
class Orders:
    directory: Path

    @property
    def environment(self) -> dict[str, str]:
        return {"MAILBOT_FAULTS": str(self.directory), "PYTHONPATH": os.pathsep.join(map(str, _PATH))}

    def kill(self, role: str, step: str, nth: int = 1) -> None:
        """The process of `role` that passes `step` for the `nth` time since its start ends by SIGKILL, once."""
        # Written aside, so that nobody reads half an order.
        fresh = self.directory / f"{role}.{step}.new"
        fresh.write_text(str(nth))
        fresh.rename(self.directory / f"{role}.{step}")

    def carried_out(self, role: str, step: str) -> bool:
        return (self.directory / f"{role}.{step}.done").exists()

    def put(self, name: str, content: object = "") -> Path:
        """One of the hook's other files."""
        path = self.directory / name
        path.write_text(str(content))
        return path
