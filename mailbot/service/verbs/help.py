"""``/help``: what can be typed."""

from mailbot.mail.control import plain
from mailbot.service.desk import Desk, Done, Refused
from mailbot.service.verbs.verb import Scope, Verb


def effect(_desk: Desk, args: str) -> Done:
    # Here, because the table has this verb in it.
    from mailbot.service.verbs import VERBS

    word = plain(args).lower().removeprefix("/")
    if not word:
        return Done(lines=tuple(f"{verb.usage} - {verb.help}" for verb in VERBS.values()))
    if word not in VERBS:
        raise Refused(f'"{word}" is no command', sorted(VERBS))
    verb = VERBS[word]
    return Done(lines=(f"{verb.usage} - {verb.help}", f"for example: {verb.example}"))


VERB = Verb(
    name="help",
    arguments="[COMMAND]",
    help="what you can type, or more about one command",
    example="/help claim",
    effect=effect,
    scope=Scope.GROUP,
)
