"""``/key``: a newer copy of your own key, which counts at once, or another key, which counts when an operator has put
it into the config. It comes along with the mail, which is signed with the key that counts now."""

from mailbot.service.carried_keys import CarriedKey
from mailbot.service.desk import Desk, Done, Refused, none
from mailbot.service.verbs.verb import Scope, Verb


def effect(desk: Desk, args: str) -> Done:
    none(args, "the key is attached, or stands below it")
    if desk.member is None or not desk.proved:
        raise Refused("only a mail signed with the key itself may bring a newer copy of it")
    if not desk.keys:
        raise Refused("it brings no key: attach your public key (gpg --armor --export)")
    mine = next((key for key in desk.keys if key.fingerprint == desk.member.fingerprint), None)
    return _newer(desk, mine) if mine is not None else _another(desk, desk.member.id, desk.keys[0])


def _newer(desk: Desk, key: CarriedKey) -> Done:
    if not key.usable and not key.revoked:
        raise Refused("that copy cannot be encrypted to: it is expired, or has no encryption key")
    _keep(desk, key, key.addresses)
    if key.revoked:
        return Done(
            lines=(
                f"your key {key.fingerprint} is revoked from now on",
                "send another one to an operator by a safe way",
            )
        )
    return Done(lines=(f"your key {key.fingerprint} is now as in your mail",))


def _another(desk: Desk, member: str, key: CarriedKey) -> Done:
    if owner := next((one.id for one in desk.settings.member if one.fingerprint == key.fingerprint), None):
        raise Refused(f"it brings {key.fingerprint}, which is the key of {owner}")
    if not key.usable:
        raise Refused(
            f"it brings {key.fingerprint}, which cannot be encrypted to: expired, revoked, or no such sub-key"
        )
    if not desk.unit.has_key(key.fingerprint):
        # Without its addresses: for whom else than the member it might be used, an operator decides.
        _keep(desk, key, ())
    desk.unit.notify("member_key", None, {"of": member, "fingerprint": key.fingerprint}, desk.now)
    return Done(
        lines=(
            f"{key.fingerprint} is kept; it counts when an operator has put it into the config",
            "operators and members are told",
        )
    )


def _keep(desk: Desk, key: CarriedKey, addresses: tuple[str, ...]) -> None:
    desk.unit.put_key(key.fingerprint, key.armor, addresses, desk.now)
    desk.unit.audit(None, desk.actor, "key", desk.now, new={"fingerprint": key.fingerprint})


VERB = Verb(
    name="key",
    arguments="",
    help="takes a newer copy of your own key, attached or below the line; another key waits for an operator",
    example="/key",
    effect=effect,
    scope=Scope.GROUP,
    message=True,
)
