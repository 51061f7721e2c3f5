"""What people read is true: every key, command, mail and log line is documented, and what is shown to run does run."""

import argparse
import ast
import re
import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

import mailbot
from mailbot.cli.parser import build
from mailbot.config import Settings, load
from mailbot.duration import Duration
from mailbot.mail.samples import SAMPLES
from mailbot.mail.templates import Templates, packaged_templates
from tests.documents import DOCUMENTS, ROOT, Step, blocks, matches, prose, shell, steps

EXAMPLE = ROOT / "config.example.toml"
OPERATOR = ROOT / "docs" / "operator.md"
LATER = "(accepted; takes effect in a later version)"


def names(paths: Sequence[Path]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("document", paths, ids=lambda path: path.name)


# The config


def config_keys(model: type[BaseModel] = Settings, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """(dotted key, its field) for every key that is not itself a table."""
    for name, field in model.model_fields.items():
        arguments = getattr(field.annotation, "__args__", ())
        inner = arguments[0] if arguments else field.annotation
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            yield from config_keys(inner, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", field


def example() -> dict[str, tuple[str, str, bool]]:
    """key -> (comment above it, its value as written, whether it is commented out), as config.example.toml has it."""
    found: dict[str, tuple[str, str, bool]] = {}
    table = ""
    comment: list[str] = []
    for line in EXAMPLE.read_text(encoding="utf-8").splitlines():
        key = re.fullmatch(r"(# )?([a-z_]+) = (.+)", line)
        if match := re.fullmatch(r"\[\[?([a-z_.]+)\]\]?", line):
            table = match[1]
        elif key:
            found[f"{table}.{key[2]}"] = (" ".join(comment), key[3], key[1] is not None)
        if line.startswith("# ") and not key:
            comment.append(line[2:])
        else:
            comment = []
    return found


def uncommented() -> str:
    return re.sub(r"^# ([a-z_]+ = )", r"\1", EXAMPLE.read_text(encoding="utf-8"), flags=re.MULTILINE)


def plain(value: object) -> object:
    """A default as TOML would hold it."""
    if isinstance(value, tuple):
        return [plain(item) for item in value]
    if isinstance(value, Duration) or type(value).__name__ == "ZoneInfo":
        return str(value)
    return value


def test_the_example_config_loads_as_it_is_and_with_every_key_in_force(tmp_path: Path) -> None:
    assert load(EXAMPLE).group.id_prefix == "EX"
    full = tmp_path / "full.toml"
    # The authorities and the name of a certificate go with one choice of delivery.tls only.
    full.write_text(uncommented().replace('tls = "opportunistic"', 'tls = "required"'), encoding="utf-8")
    settings = load(full)
    assert settings.relay.list_key is not None
    assert settings.member[0].fingerprint is not None


def test_the_example_config_holds_exactly_the_keys_that_there_are() -> None:
    assert sorted(example()) == sorted(key for key, _ in config_keys())


@pytest.mark.parametrize(
    ("key", "field"), list(config_keys()), ids=lambda value: value if isinstance(value, str) else ""
)
def test_a_key_is_explained_with_its_true_default(key: str, field: Any) -> None:
    comment, written, off = example()[key]
    assert re.search(r"\w.* (?:Required|Default: .+?)\.", comment), f"{key}: no explanation, or no default"
    value = tomllib.loads(f"value = {written}")["value"]
    if field.is_required():
        assert " Required." in f" {comment}"
        return
    default = plain(field.default)
    if isinstance(default, int) and isinstance(value, str):
        default = f"{default // 1_000_000}MB"
    if default is None:
        assert off
        assert "Default: none." in comment
    else:
        assert not off
        assert value == default
        assert f"Default: {written}." in comment


def keys_in_use() -> set[str]:
    """The keys that some module reads: an attribute of that name, taken from something named as its table."""
    taken = set()
    for path in (ROOT / "mailbot").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Attribute) and path.name != "config.py":
                holder = node.value
                name = holder.attr if isinstance(holder, ast.Attribute) else getattr(holder, "id", "")
                taken.add((name, node.attr))
    # A step of the escalation is called what it is.
    return {
        key
        for key, _ in config_keys()
        if (key.split(".")[-2].replace("escalation", "step"), key.split(".")[-1]) in taken
    }


def test_a_key_is_marked_as_of_later_exactly_if_nothing_reads_it() -> None:
    marked = {key for key, (comment, _, _) in example().items() if LATER in comment}
    assert marked == {key for key, _ in config_keys()} - keys_in_use()


@pytest.mark.parametrize(
    "snippet",
    [block.text for path in DOCUMENTS for block in blocks(path) if block.language == "toml"],
    ids=lambda text: text.split("\n")[0],
)
def test_config_snippets_in_documents_load(snippet: str, tmp_path: Path) -> None:
    base = tomllib.loads((ROOT / "tests/good_configs/least/mailbot.toml").read_text(encoding="utf-8"))
    for table, values in tomllib.loads(snippet).items():
        base[table] = {**base.get(table, {}), **values} if isinstance(values, dict) else values
    assert Settings.model_validate(base, context={"base": tmp_path})


# Commands, mails, log lines


def leaves(parser: argparse.ArgumentParser, path: str = "mailbot") -> Iterator[tuple[str, argparse.ArgumentParser]]:
    """Every command that can be typed, with its parser."""
    children = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    if not children:
        yield path, parser
    for action in children:
        for name, child in action.choices.items():
            yield from leaves(child, f"{path} {name}")


LEAVES = dict(leaves(build()))


def command_row(command: str) -> str:
    """The row of operator.md's table of commands that begins with this command."""
    rows = re.findall(rf"^\| `{command}(?![\w-]| [a-z]).*", prose(OPERATOR), re.MULTILINE)
    assert len(rows) == 1, f"operator.md has {len(rows)} rows for {command}"
    return str(rows[0])


@pytest.mark.parametrize("command", LEAVES)
def test_every_command_and_option_is_in_the_operators_table(command: str) -> None:
    row = command_row(command)
    for action in LEAVES[command]._actions:
        if action.option_strings and "--help" not in action.option_strings:
            assert action.option_strings[-1] in row
        for choice in action.choices or ():
            assert str(choice) in prose(OPERATOR)


def test_options_of_every_command_are_documented() -> None:
    for action in build()._actions:
        for option in action.option_strings:
            assert option in prose(OPERATOR) or option == "-h"


@names(DOCUMENTS)
def test_a_document_names_no_command_that_does_not_exist(document: Path) -> None:
    known = {word for command in LEAVES for word in (command, command.rpartition(" ")[0])}
    code = [*re.findall(r"`([^`\n]+)`", prose(document)), *(block.text for block in blocks(document))]
    for words in re.findall(r"^(?:\$ )?(mailbot [a-z]+(?: [a-z]+)?)\b", "\n".join(code), re.MULTILINE):
        if words != "mailbot ready":
            assert words in known or words.rpartition(" ")[0] in known - {"mailbot"}, words


def outer_subject(notice: str) -> str:
    """The subject that a mail has outside its encryption, about EX-42 and in time."""
    outer = Templates(packaged_templates()).write(SAMPLES[notice]).outer
    return re.sub(r"^\[EX-\d+\]", "[EX-42]", outer).removesuffix(" (late)")


@pytest.mark.parametrize("notice", Templates(packaged_templates()).names())
def test_every_mail_is_described_by_its_subject_and_its_kind(notice: str) -> None:
    everything = "".join(prose(path) for path in DOCUMENTS)
    assert f"`{outer_subject(notice)}`" in everything
    assert f"`{notice}`" in prose(OPERATOR)


def test_every_line_of_the_log_is_explained() -> None:
    table = prose(OPERATOR)
    source = (ROOT / "mailbot" / "maillog.py").read_text(encoding="utf-8")
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Call(
                func=ast.Attribute(attr="info" | "warning" | "error"), args=[ast.Constant(value=str(line)), *_]
            ):
                # The longest fixed words of the line, which an operator would search for.
                fixed = max(re.split(r"%[.\d]*[a-z]", line), key=len).strip(" :=")
                assert fixed in table, f"operator.md explains no log line with: {fixed}"


# The documents themselves


@names(DOCUMENTS)
def test_links_lead_somewhere(document: Path) -> None:
    for link in re.findall(r"\]\(([^)\s]+)\)", prose(document)):
        if link.startswith("https://"):
            continue
        name, _, anchor = link.partition("#")
        target = (document.parent / name).resolve() if name else document
        assert target.exists(), link
        if anchor:
            headings = re.findall(r"^#+ (.+)$", prose(target), re.MULTILINE)
            anchors = {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings}
            assert anchor in anchors, link


@names([*DOCUMENTS, EXAMPLE])
def test_nothing_names_a_machine_or_a_registry(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    assert not re.findall(r"/work\b|/root\b|/home/|/tmp\b|pypi|pythonhosted|npmjs|debian\.org|registry\.", text)


@names(DOCUMENTS)
def test_files_of_the_program_that_are_named_exist(document: Path) -> None:
    named = re.findall(r"`((?:mailbot|templates|tests|docs)/[\w./-]*)`", prose(document))
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_the_layers_in_the_architecture_are_those_that_are_enforced() -> None:
    configured = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    layers = configured["tool"]["importlinter"]["contracts"][0]["layers"]
    shown = next(
        block.text for block in blocks(ROOT / "docs/architecture.md") if block.text.startswith("cli\n")
    ).splitlines()
    expected = [line.replace("mailbot.", "") for line in layers if line != "mailbot.__main__"]
    assert [re.sub(r" \(.*\)", "", line) for line in shown] == expected


def test_the_changelog_begins_with_this_version() -> None:
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert re.findall(r"^## \[(.+?)\]", text, re.MULTILINE)[0] == mailbot.__version__


@pytest.mark.parametrize(
    ("expected", "printed", "same"),
    [
        ("a\nb\n", "a\nb\n", True),
        ("a\nb\n", "a\nc\n", False),
        ("a\n", "a\nb\n", False),
        ("id ... of ...\n", "id 7 of 12\n", True),
        ("id ... of 3\n", "id 7 of 12\n", False),
        ("...\nb\n...\n", "a\na\nb\n", True),
        ("...\nb\n...\n", "a\na\n", False),
    ],
)
def test_what_a_document_shows_is_compared_with_what_is_printed(expected: str, printed: str, same: bool) -> None:
    assert matches(expected, printed) is same


@pytest.mark.parametrize("script", ["false\n", "echo other\n", "exit 0\n"])
def test_a_block_that_fails_or_prints_something_else_is_noticed(script: str, short_path: Path) -> None:
    with shell(short_path) as session, pytest.raises(AssertionError):
        session.run(Step(1, script, "this\n"))


@names([path for path in DOCUMENTS if steps(path)])
def test_what_a_document_shows_to_run_does_run(document: Path, short_path: Path) -> None:
    with shell(short_path) as session:
        for step in steps(document):
            session.run(step)
