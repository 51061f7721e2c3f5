"""What ``mailbot check`` says of mailing lists: the one that stands for the members, and those through which reports
arrive."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mailbot.cli.check import Finding
    from mailbot.config import Settings

_GETS = {
    "notice": "gets notices without content",
    "plain": "gets what came in clear in clear, of all else a notice",
    "always": "gets everything in clear",
    "nothing": "gets nothing at all",
}


def check(settings: "Settings") -> "Iterator[Finding]":
    from mailbot.cli.check import Finding

    relay, listener = settings.relay, settings.listener
    if relay.to == "list":
        yield _group_list(settings)
    if not listener.intake_lists:
        return
    shown = ", ".join(listener.intake_lists)
    if not listener.trusted_authserv_ids:
        yield Finding(
            "warn", "lists", f"whoever writes the List-Id of {shown} into a mail is taken for the list",
            "name your mail server in listener.trusted_authserv_ids, so that its DKIM and SPF results tell",
        )  # fmt: skip
    else:
        yield Finding("ok", "lists", f"reports arrive through {shown}")
    own = settings.group.address.lower().replace("@", ".")
    if any(name.lower().replace("@", ".") == own for name in listener.intake_lists):
        yield Finding(
            "warn", "lists", f"{settings.group.address} is an intake list and group.address at once",
            "give the bot an address of its own, subscribe that to the list, and make it group.address",
        )  # fmt: skip


def _group_list(settings: "Settings") -> "Finding":
    from mailbot.app import utc_now
    from mailbot.cli.check import Finding, expiry
    from mailbot.cli.keyring import opened

    relay = settings.relay
    less = f'until then {relay.list_address} {_GETS[relay.keyless]} (relay.keyless = "{relay.keyless}")'
    if relay.list_key is None:
        return Finding("warn", "list", f"relay.list_key is not set; {less}", "set it, and mailbot key import FILE")
    with opened(settings) as gpg:
        info = gpg.info(relay.list_key)
    if info is None:
        return Finding("warn", "list", f"the list's key is not imported; {less}", "mailbot key import FILE")
    if not info.usable(utc_now()):
        mend = "import a refreshed copy, or set relay.list_key to another key and import that"
        return Finding("warn", "list", f"the list's key is expired, revoked or cannot encrypt; {less}", mend)
    ends = min((until for until in (info.expires_at, info.encrypts_until) if until), default=None)
    return expiry("key list", ends, utc_now(), "import a refreshed copy: mailbot key import FILE")
