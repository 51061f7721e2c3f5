"""What members do by mail, for an operator on the machine: ``mailbot issue severity EX-42 high``.

The same functions as for ``/severity high``, with the same rows in the log of changes, in the operator's name. What is
for members alone (claims, opinions, votes) is not here.
"""

import argparse
import sys
from collections.abc import Mapping

from mailbot.errors import UsageError
from mailbot.service.verbs import VERBS
from mailbot.service.verbs.verb import Verb

NOT_HERE: Mapping[str, str] = {
    **dict.fromkeys(("claim", "decline", "verdict", "lift", "agree", "object"), "a member's own word"),
    **dict.fromkeys(("away", "oncall", "drill", "key", "whoami"), "about the member who types it"),
    **dict.fromkeys(("on", "note", "confirm", "help"), "about the mail that it stands in"),
    **dict.fromkeys(("status", "show", "history", "list", "close"), "here in another form"),
    **dict.fromkeys(("release", "discard"), "mailbot queue"),
    "publish": "it takes two members",
}
"""Verbs that are no commands of their own, and why."""


def add(noun: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    for verb in VERBS.values():
        if verb.name not in NOT_HERE:
            _add(noun, verb)


def _add(noun: "argparse._SubParsersAction[argparse.ArgumentParser]", verb: Verb) -> None:
    arguments = verb.example.partition(" ")[2]
    stdin = " The text is read from standard input." if verb.message else ""
    parser = noun.add_parser(
        verb.name,
        help=verb.help,
        description=f"{verb.help[0].upper()}{verb.help[1:]}.{stdin}",
        epilog=f"example: mailbot issue {verb.name} EX-42 {arguments}".rstrip() + (" < text" if verb.message else ""),
    )
    parser.add_argument("issue", help="such as EX-42, or 42")
    if verb.arguments:
        parser.add_argument("arguments", nargs=argparse.REMAINDER, metavar="ARGUMENT", help=verb.arguments)
    parser.set_defaults(run=run_verb, verb=verb.name, arguments=[])


def run_verb(options: argparse.Namespace) -> int:
    from mailbot.app import open_store, utc_now
    from mailbot.cli.issue import number_of
    from mailbot.config import load
    from mailbot.service.desk import Desk, Refused

    settings = load(options.config)
    verb, number = VERBS[options.verb], number_of(options.issue, settings.group.id_prefix)
    text = sys.stdin.read() if verb.message else ""
    now = utc_now()
    with open_store(settings).operate() as unit:
        issue = unit.issue(number)
        if issue is None:
            raise UsageError(f"there is no {settings.issue_id(number)}; `mailbot issue list` shows those there are")
        desk = Desk(unit, settings, now, None, issue, text, verbs=tuple(VERBS))
        try:
            done = verb.effect(desk, " ".join(options.arguments))
        except Refused as error:
            raise UsageError(f"{settings.issue_id(number)}: {error.words()}") from error
        changes = [change.words() for change in done.changes]
        if verb.tell and changes:
            unit.notify("changed", number, {"member": None, "changes": changes}, now)
    for line in (*changes, *done.lines):
        print(line)
    return 0
