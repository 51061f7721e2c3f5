"""The texts of our mails: `Templates` turns a letter's values into a subject and a body.

A notice is a folder with ``subject.txt`` and ``body.txt``. Where the mail may go out encrypted and its subject tells
something, ``outer.txt`` holds the neutral phrase for the outside; it is filled from `OUTER_VALUES` alone, so that no
edit of a template can put a title into the clear. Folders and files that begin with ``_`` are shared pieces.

Values are data: whatever stands in them, it is never read as a template. Templates themselves run in Jinja's sandbox,
text only, and can reach nothing but their values, the filters in `mailbot.mail.filters` and other files of their
directory. Failure is `BadTemplate`: the template is broken or asks for a value that its notice does not have.

The only module that knows Jinja, and it imports it at the first use (a tenth of a second that most commands can save).
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import mailbot
from mailbot.errors import PermanentError
from mailbot.mail.fields import one_line
from mailbot.mail.filters import FILTERS
from mailbot.mail.letters import Letter
from mailbot.mail.marker import MARKER

if TYPE_CHECKING:
    from jinja2.sandbox import ImmutableSandboxedEnvironment

OUTER_VALUES = frozenset({"issue", "late", "event"})


class BadTemplate(PermanentError):
    """A template cannot be filled. The text names the template and line, and no value."""


@dataclass(frozen=True, slots=True)
class Rendered:
    """`subject` is one line without control characters; `body` has LF line ends and ends with one."""

    subject: str
    body: str
    outer: str
    """The subject for the outside of an encrypted mail: neutral. The same as `subject` where that is neutral itself."""


def packaged_templates() -> Path:
    """The templates that came with mailbot: inside the package if installed, else beside it in the repository."""
    package = Path(mailbot.__file__).parent
    inside = package / "templates"
    return inside if inside.is_dir() else package.parent / "templates"


class Writer(Protocol):
    """Whoever makes texts of letters."""

    def write(self, letter: Letter) -> Rendered:
        """Raises `BadTemplate`."""
        ...


class Templates:
    """One directory of notices. Compiled templates are kept; changes on disk count from the next start."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def names(self) -> list[str]:
        """The notices there are, sorted."""
        return sorted(path.parent.name for path in self._directory.glob("[!_]*/body.txt"))

    def write(self, letter: Letter) -> Rendered:
        """Fill the letter's template. Raises `BadTemplate`."""
        return self.render(letter.notice, {field.name: getattr(letter, field.name) for field in fields(letter)})

    def render(self, notice: str, values: Mapping[str, object]) -> Rendered:
        """Fill a notice's template with plain values. Raises `BadTemplate`."""
        subject = one_line(self._fill(f"{notice}/subject.txt", values))
        body = self._fill(f"{notice}/body.txt", values).strip("\n") + "\n"
        outer = subject
        if (self._directory / notice / "outer.txt").is_file():
            neutral = {name: value for name, value in values.items() if name in OUTER_VALUES}
            outer = one_line(self._fill(f"{notice}/outer.txt", neutral))
        return Rendered(subject, body, outer)

    def _fill(self, template: str, values: Mapping[str, object]) -> str:
        from jinja2 import TemplateError

        try:
            return self._environment.get_template(template).render(values)
        except TemplateError as error:
            # Jinja's texts name variables, attributes and files of ours; a value's own text never gets into them.
            raise BadTemplate(f"template {template}: {type(error).__name__}: {error}") from error

    @cached_property
    def _environment(self) -> "ImmutableSandboxedEnvironment":
        from jinja2 import FileSystemLoader, StrictUndefined
        from jinja2.sandbox import ImmutableSandboxedEnvironment

        environment = ImmutableSandboxedEnvironment(
            loader=FileSystemLoader(self._directory),
            undefined=StrictUndefined,
            # Text only: escaping would change what people wrote.
            autoescape=False,
            auto_reload=False,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        environment.filters = {
            **FILTERS,
            "join": environment.filters["join"],
            "length": environment.filters["length"],
            "replace": environment.filters["replace"],
        }
        environment.globals = {"MARKER": MARKER}
        return environment
