"""Clocks that belong to no issue: the daily digest, and the ends of keys. The scheduler keeps them in step with the
config and the keys there are."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from mailbot.config import Settings
from mailbot.domain import plans
from mailbot.domain.clock_kinds import DIGEST, KEY_EXPIRY
from mailbot.domain.clocks import Clock, Due
from mailbot.service.occasion import CLOCKS, Moment, calendar, recorded, save, tell
from mailbot.service.ports import KeyInfo, OpenPGP
from mailbot.service.store import Store


@dataclass(frozen=True, slots=True)
class KeyEnd:
    """A key, or the part of one, that expires."""

    fingerprint: str
    part: str
    """``key``, ``encryption sub-key`` or ``signing sub-key``."""
    expires_at: datetime
    member: str | None
    """Whose; None for the group's."""

    @property
    def subject(self) -> str:
        return self.fingerprint if self.part == "key" else f"{self.fingerprint} {self.part}"


def keep(at: Moment, ends: dict[str, KeyEnd]) -> None:
    """Start, move and end what has changed. `ends` are the ends of keys by subject."""
    _keep_digest(at)
    running = {str(clock.subject): clock for clock in at.unit.standing_clocks(KEY_EXPIRY)}
    for subject, clock in running.items():
        end = ends.get(subject)
        if end is None or end.expires_at != clock.due_at:
            save(at, clock.stop(at.now, kept=end is not None))
    for subject, end in ends.items():
        if subject in running and running[subject].due_at == end.expires_at:
            continue
        plan = plans.key_expiry(end.expires_at, plans.KEY_REMINDERS, at.now)
        data = {"part": end.part, "member": end.member, "fingerprint": end.fingerprint}
        made = at.unit.start_clock(None, KEY_EXPIRY, at.now, plan, subject=subject, data=data)
        at.unit.audit(None, at.actor, CLOCKS, at.now, new={KEY_EXPIRY: [recorded(made)]})


def _keep_digest(at: Moment) -> None:
    hour = at.settings.slo.digest_hour
    clock = next(iter(at.unit.standing_clocks(DIGEST)), None)
    if hour < 0:
        if clock is not None:
            save(at, clock.stop(at.now, kept=False))
        return
    due_at = calendar(at.settings).daily(hour, at.now)
    if clock is None:
        at.unit.start_clock(None, DIGEST, at.now, plans.moment(due_at))
    elif clock.due_at > at.now and clock.due_at != due_at:
        # Another hour in the config, or a wall clock that was ahead.
        at.unit.save_clock(clock.move(plans.moment(due_at)))


def key_expiry(at: Moment, clock: Clock, _due: Due) -> None:
    """The member and the operators are told."""
    params = {
        "member": clock.data["member"], "fingerprint": clock.data["fingerprint"], "part": clock.data["part"],
        "expires_at": clock.due_at.isoformat(),
    }  # fmt: skip
    if clock.data["member"]:
        tell(at, "key_expiry", None, params)
    if at.settings.operators.addresses:
        tell(at, "key_expiry_operators", None, params)


def key_ends(settings: Settings, store: Store, openpgp: OpenPGP) -> dict[str, KeyEnd]:
    """The ends of the group's and the members' keys, by subject. Runs gpg."""
    openpgp.load(*store.keys())
    wanted = [(settings.openpgp.key, None), *((member.fingerprint, member.id) for member in settings.member)]
    found = [
        end
        for fingerprint, member in wanted
        if fingerprint is not None and (info := openpgp.info(fingerprint)) is not None
        for end in _ends(info, member)
    ]
    return {end.subject: end for end in found}


def _ends(info: KeyInfo, member: str | None) -> Iterator[KeyEnd]:
    if info.revoked:
        return
    if info.expires_at is not None:
        yield KeyEnd(info.fingerprint, "key", info.expires_at, member)
    for part, ends in (("encryption sub-key", info.encryption_ends), ("signing sub-key", info.signing_ends)):
        # A sub-key that outlives its primary key ends with it.
        if ends is not None and (info.expires_at is None or ends < info.expires_at):
            yield KeyEnd(info.fingerprint, part, ends, member)
