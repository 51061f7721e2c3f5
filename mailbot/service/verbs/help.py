"""``/help``: what can be typed."""

from mailbot.mail.control import plain
from mailbot.service.desk import Desk, Done, Refused
from mailbot.service.verbs.verb import Scope, Verb


def effect(desk: Desk, args: str) -> Done:
    # Here, because the table has this verb in it.
    from mailbot.service.verbs import VERBS

    word = plain(args).lower().removeprefix("/")
    if not word:
        lines = [_HOW if desk.settings.commands.auth != "signature" else f"{_HOW} {_SIGNED}"]
        for verb in VERBS.values():
            if verb.name in _HEADINGS:
                lines += ["", f"{_HEADINGS[verb.name]}:"]
            lines.append(f"{verb.usage} - {verb.help}")
        return Done(lines=tuple(lines))
    if word not in VERBS:
        raise Refused(f'"{word}" is no command; /help lists all')
    verb = VERBS[word]
    below = ("and below it, after an empty line, the text",) if verb.message else ()
    return Done(lines=(f"{verb.usage} - {verb.help}", f"for example: {verb.example}", *below))


_HOW = "Commands are the first lines of a mail, one a line, above your text and what you quote."
_SIGNED = "Sign the mail."
_HEADINGS = {
    "on": "Who takes care of it",
    "reply": "Writing",
    "title": "What it is",
    "cc": "Others, CVE ids and links",
    "close": "The end, and waiting",
    "embargo": "Embargo, fix and publication",
    "status": "Looking things up",
    "release": "Held mail",
    "away": "You, and the bot",
}
"""Above which verb which heading stands."""


VERB = Verb(
    name="help",
    arguments="[COMMAND]",
    help="what you can type, or more about one command",
    example="/help claim",
    effect=effect,
    scope=Scope.GROUP,
)
