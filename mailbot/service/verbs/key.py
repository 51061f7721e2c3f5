"""``/key``: a newer copy of your own key, such as one that expires later. It comes along with the signed mail."""

from mailbot.service.desk import Desk, Done, Refused, none
from mailbot.service.verbs.verb import Scope, Verb


def effect(desk: Desk, args: str) -> Done:
    none(args, "the key is attached, or stands below it")
    if desk.member is None or not desk.proved:
        raise Refused("only a mail signed with the key itself may bring a newer copy of it")
    mine = [key for key in desk.keys if key.fingerprint == desk.member.fingerprint]
    if not mine:
        others = ", ".join(key.fingerprint for key in desk.keys)
        raise Refused(
            f"it brings {others}, which is not the key in the config; an operator has to change that one" if others
            else "it brings no key: attach your public key (gpg --armor --export)"
        )  # fmt: skip
    if not mine[0].usable:
        raise Refused("that copy cannot be encrypted to: it is expired, revoked, or has no encryption key")
    desk.unit.put_key(mine[0].fingerprint, mine[0].armor, mine[0].addresses, desk.now)
    desk.unit.audit(None, desk.actor, "key", desk.now, new={"fingerprint": mine[0].fingerprint})
    return Done(lines=(f"your key {mine[0].fingerprint} is now as in your mail",))


VERB = Verb(
    name="key",
    arguments="",
    help="takes a newer copy of your own key, attached to the signed mail or below the line",
    example="/key",
    effect=effect,
    scope=Scope.GROUP,
    message=True,
)
